//! A stage for the engine alone: an installed portal in a memory store, bodies as the portal writes them, and a speaker
//! that writes down what is said instead of sending it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use imbot::engine::{Engine, Refused, Speech, Transport};
use imbot::event::{DialogId, MemberId, MessageId, form};
use imbot::portal::{BotClient, Error};
use imbot::store::{Access, Clock, Installation, Memory, Portals, Store, Time, Tokens};
use imbot::{App, Config};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) const MEMBER: &str = "bac1cd5c8940947a75e0d71b1a84e348";
pub(super) const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

/// What was said, in the order it went out.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    spoken: Arc<Mutex<Vec<(String, Speech<'static>)>>>,
    last: Arc<AtomicU64>,
}

impl Transport for Recorder {
    fn send<'a>(
        &'a self,
        _: &'a BotClient,
        dialog: &'a DialogId,
        speech: Speech<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        self.spoken
            .lock()
            .unwrap()
            .push((dialog.to_string(), speech.into_owned()));
        let id = MessageId(1_000 + self.last.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move { Ok(Some(id)) })
    }
}

impl Recorder {
    /// The texts said in a dialog.
    pub(super) fn said(&self, dialog: &str) -> Vec<String> {
        let spoken = self.spoken.lock().unwrap();
        let here = spoken.iter().filter(|(to, _)| to == dialog);
        here.filter_map(|(_, speech)| match speech {
            Speech::Say { params, .. } => params["MESSAGE"].as_str().map(str::to_owned),
            _ => None,
        })
        .collect()
    }

    /// Everything that went out.
    pub(super) fn all(&self) -> Vec<Speech<'static>> {
        self.spoken
            .lock()
            .unwrap()
            .iter()
            .map(|(_, speech)| speech.clone())
            .collect()
    }
}

/// An engine, its store and its recorder.
pub(super) struct Stage<S = Memory> {
    pub(super) engine: Arc<Engine>,
    pub(super) spoken: Recorder,
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
    /// The application on a store that may hold something already.
    pub(super) async fn on(app: App, store: Arc<S>) -> Stage<S> {
        Stage::by(clock(), app, store).await
    }

    /// The same by another clock.
    pub(super) async fn by(clock: Clock, app: App, store: Arc<S>) -> Stage<S> {
        let spoken = Recorder::default();
        let engine = app
            .shared_store(store.clone())
            .speaker(spoken.clone())
            .clock(clock)
            .engine(&config())
            .unwrap();
        engine.start().await.unwrap();
        Stage {
            engine,
            spoken,
            store,
        }
    }

    pub(super) async fn accept(&self, body: Value) -> Result<(), Refused> {
        self.engine.accept(Bytes::from(form::encode(&body))).await
    }

    /// Takes an event in.
    pub(super) async fn hears(&self, body: Value) {
        self.accept(body).await.unwrap();
    }

    /// Waits until everything is handled and sent.
    pub(super) async fn rests(&self) {
        self.engine.until_taken_up().await;
        while self.engine.waiting() != (0, 0) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

/// A clock that a paused runtime turns.
fn clock() -> Clock {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    LazyLock::force(&START);
    Clock::new(|| Time(1_771_940_028_000) + START.elapsed())
}

pub(super) fn installation(member: &str, token: &str) -> Installation {
    Installation {
        portal: MemberId::new(member),
        endpoint: "https://example.bitrix24.com/rest/".into(),
        application_token: token.to_owned().into(),
        access: Access::Tokens(Tokens {
            access: "access".to_owned().into(),
            refresh: "refresh".to_owned().into(),
        }),
    }
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

/// What all events of the bot `BOT_CODE` (its number is 7) in a dialog share.
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
