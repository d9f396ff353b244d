//! Whose answers go first: those to portal users before those to visitors of open channels.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use imbot::engine::{RepeatId, Transport};
use imbot::event::{DialogId, MessageId, form};
use imbot::portal::{BotClient, Error, Urgency};
use imbot::prelude::*;
use imbot::store::contract::sample::installation;
use imbot::store::{Call, Memory, Portals, Store};
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

#[tokio::test]
async fn calls_to_visitors_are_less_urgent_than_those_to_portal_users() {
    let store = Arc::new(Memory::new());
    store.install(installation(MEMBER, TOKEN)).await.unwrap();
    let urgencies = Urgencies::default();
    let start = async |store: Arc<Memory>| {
        let app = App::new().bot(Desk).transport(urgencies.clone());
        let engine = app.shared_store(store).engine(&offline::config()).unwrap();
        engine.start().await.unwrap();
        engine
    };
    let until_sent = async |calls: usize| {
        let all = async {
            while urgencies.0.lock().unwrap().len() < calls {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all)
            .await
            .unwrap();
    };
    let engine = start(Arc::clone(&store)).await;
    for body in [message("desk", "27", 1, "hi"), of_visitor("chat42", 2)] {
        engine
            .accept(Bytes::from(form::encode(&body)))
            .await
            .unwrap();
    }
    until_sent(2).await;
    let mut sent = std::mem::take(&mut *urgencies.0.lock().unwrap());
    sent.sort_by(|one, two| one.0.cmp(&two.0));
    let [person, visitor] = ["27", "chat42"].map(str::to_owned);
    let expected = [(person, Urgency::Answer), (visitor, Urgency::Visitor)];
    assert_eq!(sent, expected);
    let store: Arc<dyn Store> = store;
    assert!(store.unsent(None, 10).await.unwrap().is_empty());
}
