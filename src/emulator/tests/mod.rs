//! The emulator over real HTTP: events that a handler receives and answers that a caller gets.

mod apps;
mod audience;
mod clients;
mod events;
mod faults;
mod fire;
mod layers;
mod lines;
mod offline;
mod page;
mod rest;
mod secure;
mod tasks;
mod traffic;
mod v2;

use std::sync::Arc;
use std::time::Duration;

use poem::listener::TcpAcceptor;
use poem::test::TestClient;
use poem::{EndpointExt, Route, Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use super::{Credentials, Emulator, NewApp, Options};
use crate::event::form;

/// Time limit for an event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(60);

/// An event that nothing else in the tests causes.
const LAST: &str = "ONCALENDARENTRYADD";

/// A portal with one application installed, and a handler that receives its events.
struct TestPortal {
    portal: Emulator,
    client: TestClient<Route>,
    app: Credentials,
    handler: String,
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    /// The event of the installation.
    install: Value,
}

impl TestPortal {
    async fn new() -> Self {
        TestPortal::with(Options {
            rate: None,
            ..Options::default()
        })
        .await
    }

    async fn with(options: Options) -> Self {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            ..options
        };
        let portal = Emulator::start(options).await.expect("a free port");
        let client = TestClient::new(portal.routes());
        let (handler, events) = handler().await;
        let app = portal.register_app(NewApp::new("bots", &handler));
        portal.install(&app.client_id).await.expect("installed");
        let test = TestPortal {
            portal,
            client,
            app,
            handler,
            events: Mutex::new(events),
            install: Value::Null,
        };
        let install = test.event("ONAPPINSTALL").await;
        let test = TestPortal { install, ..test };
        test.result(
            "event.bind",
            json!({ "event": LAST, "handler": test.handler }),
        )
        .await;
        test
    }

    /// Waits for the next event, which must have this name.
    async fn event(&self, name: &str) -> Value {
        let next = timeout(EVENT_TIMEOUT, async {
            self.events.lock().await.recv().await
        });
        let event = next
            .await
            .expect("an event in time")
            .expect("the handler lives");
        assert_eq!(event["event"], name, "{event:#}");
        event
    }

    /// Whether no event is on its way to the handler: the next to arrive is one sent after all
    /// others.
    async fn is_quiet(&self) -> bool {
        self.portal.fire(LAST, &json!({}));
        let next = timeout(EVENT_TIMEOUT, async {
            self.events.lock().await.recv().await
        });
        next.await
            .expect("an event in time")
            .expect("the handler lives")["event"]
            == LAST
    }

    /// Returns the access token of the installation.
    fn token(&self) -> &str {
        self.install["auth"]["access_token"]
            .as_str()
            .expect("a token")
    }

    /// Calls a method with a token; returns status and answer.
    async fn call_as(&self, token: &str, method: &str, params: Value) -> (u16, Value) {
        self.post(&format!("/rest/{method}?auth={token}"), params)
            .await
    }

    /// Posts JSON as the page and most SDKs do.
    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self
            .client
            .post(path)
            .header("host", "127.0.0.1")
            .body_json(&body);
        let mut response = request.send().await.0;
        let body = response.take_body().into_bytes().await.expect("a body");
        (
            response.status().as_u16(),
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let mut response = self
            .client
            .get(path)
            .header("host", "127.0.0.1")
            .send()
            .await
            .0;
        let body = response.take_body().into_bytes().await.expect("a body");
        (
            response.status().as_u16(),
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    /// Returns the result of a call that must succeed.
    async fn result(&self, method: &str, params: Value) -> Value {
        let (status, mut answer) = self.call_as(self.token(), method, params).await;
        assert_eq!(status, 200, "{method}: {answer}");
        answer["result"].take()
    }

    /// Returns status and code of a call that must be refused.
    async fn refusal(&self, method: &str, params: Value) -> (u16, String) {
        let (status, answer) = self.call_as(self.token(), method, params).await;
        (
            status,
            answer["error"].as_str().expect("an error").to_owned(),
        )
    }

    /// Registers a bot of this type.
    async fn bot(&self, code: &str, kind: &str) -> u64 {
        let params = json!({
            "CODE": code,
            "TYPE": kind,
            "EVENT_HANDLER": self.handler,
            "PROPERTIES": { "NAME": code },
        });
        self.result("imbot.register", params)
            .await
            .as_u64()
            .expect("an id")
    }

    /// Registers a bot that also gets edits and deletions, which takes an update.
    async fn bot_with_change_events(&self, code: &str) -> u64 {
        let bot = self.bot(code, "B").await;
        let fields =
            json!({ "EVENT_MESSAGE_UPDATE": self.handler, "EVENT_MESSAGE_DELETE": self.handler });
        self.result("imbot.update", json!({ "BOT_ID": bot, "FIELDS": fields }))
            .await;
        bot
    }

    /// Registers a command of a bot.
    async fn command(&self, bot: u64, name: &str) -> u64 {
        let params = json!({
            "BOT_ID": bot,
            "COMMAND": name,
            "EVENT_COMMAND_ADD": self.handler,
            "LANG": [{ "LANGUAGE_ID": "en", "TITLE": name }],
        });
        self.result("imbot.command.register", params)
            .await
            .as_u64()
            .expect("an id")
    }

    /// Opens a private dialog with a bot and receives its join event.
    async fn dialog(&self, bot: u64) -> String {
        let dialog = self.portal.open(1, bot).expect("opened");
        self.event("ONIMBOTJOINCHAT").await;
        dialog
    }

    /// Creates a group of Ann, Boris and a bot, and receives its join event.
    async fn group(&self, bot: u64) -> String {
        let dialog = self.portal.group(1, "Office", &[2, bot]).expect("made");
        self.event("ONIMBOTJOINCHAT").await;
        dialog
    }
}

/// Starts a handler that passes on each event it receives.
async fn handler() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (sender, events) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let sender = Arc::new(sender);
    let endpoint = poem::endpoint::make(move |mut request: poem::Request| {
        let sender = Arc::clone(&sender);
        async move {
            assert_eq!(
                request.header("user-agent"),
                Some("Bitrix24 Webhook Engine")
            );
            assert_eq!(
                request.content_type(),
                Some("application/x-www-form-urlencoded")
            );
            let body = request.take_body().into_bytes().await.expect("a body");
            let _ = sender.send(form::decode(&body).expect("a form"));
            "ignored"
        }
    });
    let acceptor = TcpAcceptor::from_tokio(listener).expect("listening");
    let routes = Route::new().at("/", endpoint.map_to_response());
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    (url, events)
}
