//! A stage for the engine alone: an installed portal in a memory store, bodies as the portal writes
//! them, and a transport that records messages instead of sending them.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use imbot::engine::{AcceptError, Engine, RepeatId, Transport};
use imbot::event::{DialogId, MessageId, form};
use imbot::portal::{BotClient, Error};
use imbot::store::contract::sample::installation;
use imbot::store::{Call, Clock, Memory, Portals, Store, Time};
use imbot::{App, Config};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) const MEMBER: &str = "bac1cd5c8940947a75e0d71b1a84e348";
pub(super) const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

/// A dialog and a call in it.
type Sent = (String, Call<MessageId>);

/// The calls that were made, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    sent: Arc<Mutex<Vec<Sent>>>,
    last: Arc<AtomicU64>,
}

impl Transport for Recorder {
    fn send<'a>(
        &'a self,
        _: &'a BotClient,
        dialog: &'a DialogId,
        call: Call<MessageId>,
        _: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        self.sent.lock().unwrap().push((dialog.to_string(), call));
        let id = MessageId(1_000 + self.last.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move { Ok(Some(id)) })
    }
}

impl Recorder {
    /// Returns the texts that were sent to a dialog.
    pub(super) fn texts(&self, dialog: &str) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let here = sent.iter().filter(|(to, _)| to == dialog);
        here.filter_map(|(_, call)| match call {
            Call::Say { params, .. } => params["MESSAGE"].as_str().map(str::to_owned),
            _ => None,
        })
        .collect()
    }

    /// Returns all calls that were made.
    pub(super) fn all(&self) -> Vec<Call<MessageId>> {
        self.sent
            .lock()
            .unwrap()
            .iter()
            .map(|(_, call)| call.clone())
            .collect()
    }
}

/// An engine, its store and its recorder.
pub(super) struct Stage<S = Memory> {
    pub(super) engine: Arc<Engine>,
    pub(super) sent: Recorder,
    pub(super) store: Arc<S>,
}

impl Stage {
    /// The application, installed on one portal.
    pub(super) async fn with(app: App) -> Stage {
        let store = Arc::new(Memory::new());
        store.install(installation(MEMBER, TOKEN)).await.unwrap();
        Stage::on(app, store).await
    }
}

impl<S: Store> Stage<S> {
    /// The application on a store that may not be empty.
    pub(super) async fn on(app: App, store: Arc<S>) -> Stage<S> {
        Stage::with_clock(clock(), app, store).await
    }

    /// The application with another clock.
    pub(super) async fn with_clock(clock: Clock, app: App, store: Arc<S>) -> Stage<S> {
        let sent = Recorder::default();
        let engine = app
            .shared_store(store.clone())
            .transport(sent.clone())
            .clock(clock)
            .engine(&config())
            .unwrap();
        engine.start().await.unwrap();
        Stage {
            engine,
            sent,
            store,
        }
    }

    pub(super) async fn accept(&self, body: Value) -> Result<(), AcceptError> {
        self.engine.accept(Bytes::from(form::encode(&body))).await
    }

    /// Posts an event that must be accepted.
    pub(super) async fn post(&self, body: Value) {
        self.accept(body).await.unwrap();
    }

    /// Waits until everything is handled and sent.
    pub(super) async fn until_idle(&self) {
        self.engine.until_backlog_loaded().await;
        while self.engine.waiting() != (0, 0) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

/// A clock that follows the runtime's time, which tests pause.
fn clock() -> Clock {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    LazyLock::force(&START);
    Clock::new(|| Time(1_771_940_028_000) + START.elapsed())
}

fn config() -> Config {
    let mut config = Config::default();
    config.client_id = Some("local.1".into());
    config.client_secret = Some("secret".to_owned().into());
    config.public_url = Some("https://bots.example.com/".into());
    config
}

pub(super) fn auth() -> Value {
    json!({ "member_id": MEMBER, "application_token": TOKEN, "domain": "example.bitrix24.com" })
}

/// An event of the bot with this code, whose id is 7.
#[expect(
    clippy::needless_pass_by_value,
    reason = "read as a call with a literal"
)]
pub(super) fn event(name: &str, code: &str, params: Value) -> Value {
    json!({
        "event": name,
        "data": {
            "BOT": { "7": { "BOT_ID": 7, "BOT_CODE": code } },
            "PARAMS": params,
            "USER": { "ID": 27, "NAME": "Ann Meyer" },
        },
        "ts": 1_771_940_028,
        "auth": auth(),
    })
}

pub(super) fn message(code: &str, dialog: &str, id: u64, text: &str) -> Value {
    let params = json!({
        "MESSAGE": text, "MESSAGE_ID": id, "DIALOG_ID": dialog, "FROM_USER_ID": 27, "AUTHOR_ID": 27, "CHAT_TYPE": "P",
    });
    event("ONIMBOTMESSAGEADD", code, params)
}

pub(super) fn command(code: &str, dialog: &str, id: u64, line: &str, context: &str) -> Value {
    let (name, params) = line.split_once(' ').unwrap_or((line, ""));
    json!({
        "event": "ONIMCOMMANDADD",
        "data": {
            "COMMAND": { "99": {
                "BOT_ID": 7, "BOT_CODE": code, "COMMAND": name, "COMMAND_ID": 99, "COMMAND_PARAMS": params,
                "COMMAND_CONTEXT": context, "MESSAGE_ID": id,
            }},
            "PARAMS": { "MESSAGE": format!("/{line}"), "MESSAGE_ID": id, "DIALOG_ID": dialog, "FROM_USER_ID": 27 },
        },
        "ts": 1_771_940_028,
        "auth": auth(),
    })
}
