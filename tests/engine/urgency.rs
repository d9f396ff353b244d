//! Whose answers go first: those to portal users before those to visitors of open channels.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use imbot::engine::{Engine, RepeatId, Transport};
use imbot::event::{DialogId, MessageId, form};
use imbot::portal::{BotClient, Error, Urgency};
use imbot::prelude::*;
use imbot::store::contract::sample::installation;
use imbot::store::{Call, Memory, Outbox, Portals, Store};
use serde_json::{Value, json};

use super::stage::{MEMBER, TOKEN, event, message};
use crate::support::offline;

/// Records how urgent each call is, by dialog.
#[derive(Clone, Debug, Default)]
struct Urgencies(Arc<Mutex<Vec<(String, Urgency)>>>);

impl Transport for Urgencies {
    fn send<'a>(
        &'a self,
        bot: &'a BotClient,
        dialog: &'a DialogId,
        _: Call<MessageId>,
        _: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        let call = (dialog.to_string(), bot.portal().urgency());
        self.0.lock().unwrap().push(call);
        Box::pin(async { Ok(Some(MessageId(1))) })
    }
}

/// Begins calls, counts them, and never ends them.
#[derive(Clone, Debug, Default)]
struct Hanging(Arc<AtomicUsize>);

impl Transport for Hanging {
    fn send<'a>(
        &'a self,
        _: &'a BotClient,
        _: &'a DialogId,
        _: Call<MessageId>,
        _: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }
}

struct Desk;

impl Bot for Desk {
    fn profile(&self) -> Profile {
        Profile::new("desk", "Desk").serves_open_channels()
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

/// A message of a visitor in an open channel.
fn of_visitor(dialog: &str, id: u64) -> Value {
    let params = json!({
        "MESSAGE": "hello", "MESSAGE_ID": id, "DIALOG_ID": dialog, "CHAT_ID": 42, "FROM_USER_ID": 31,
        "AUTHOR_ID": 31, "CHAT_TYPE": "L", "CHAT_ENTITY_TYPE": "LINES",
        "CHAT_ENTITY_ID": "livechat|7|42|31", "CHAT_ENTITY_DATA_1": "Y|LEAD|3|N|N|5|1773223732",
    });
    let mut said = event("ONIMBOTMESSAGEADD", "desk", params);
    said["data"]["USER"] = json!({ "ID": 31, "NAME": "Somebody", "IS_CONNECTOR": "Y" });
    said
}

async fn installed() -> Arc<Memory> {
    let store = Arc::new(Memory::new());
    store.install(installation(MEMBER, TOKEN)).await.unwrap();
    store
}

async fn start(store: &Arc<Memory>, transport: impl Transport) -> Arc<Engine> {
    let app = App::new().bot(Desk).transport(transport);
    let app = app.shared_store(Arc::clone(store) as Arc<dyn Store>);
    let engine = app.engine(&offline::config()).unwrap();
    engine.start().await.unwrap();
    engine
}

/// Posts a message of a portal user and one of a visitor.
async fn post(engine: &Arc<Engine>) {
    for body in [message("desk", "27", 1, "hi"), of_visitor("chat42", 2)] {
        let body = Bytes::from(form::encode(&body));
        engine.accept(body).await.unwrap();
    }
}

async fn until(is_reached: impl Fn() -> bool) {
    let reached = async {
        while !is_reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, reached).await.unwrap();
}

impl Urgencies {
    /// Waits for the two answers, and checks how urgent they were.
    async fn are_right(&self) {
        until(|| self.0.lock().unwrap().len() >= 2).await;
        let mut sent = self.0.lock().unwrap().clone();
        sent.sort_by(|one, two| one.0.cmp(&two.0));
        let [person, visitor] = ["27", "chat42"].map(str::to_owned);
        let expected = [(person, Urgency::Answer), (visitor, Urgency::Visitor)];
        assert_eq!(sent, expected);
    }
}

#[tokio::test]
async fn calls_to_visitors_are_less_urgent_than_those_to_portal_users() {
    let (store, urgencies) = (installed().await, Urgencies::default());
    let engine = start(&store, urgencies.clone()).await;
    post(&engine).await;
    urgencies.are_right().await;
    until(|| engine.waiting() == (0, 0)).await;
    assert!(store.unsent(None, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn calls_that_an_earlier_process_left_are_as_urgent_as_they_were() {
    let (store, hanging) = (installed().await, Hanging::default());
    let killed = start(&store, hanging.clone()).await;
    post(&killed).await;
    until(|| hanging.0.load(Ordering::Relaxed) == 2).await;
    let urgencies = Urgencies::default();
    let _next = start(&store, urgencies.clone()).await;
    urgencies.are_right().await;
}
