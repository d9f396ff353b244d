//! The emulator over real HTTP: what a handler receives and what a caller is answered.

use std::sync::Arc;
use std::time::Duration;

use poem::listener::TcpAcceptor;
use poem::{EndpointExt, Route, Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use super::{Credentials, Emulator, NewApp, Options};
use crate::event::form;

/// A portal with one application installed, and the handler that takes its events in.
pub(super) struct Desk {
    pub(super) portal: Emulator,
    pub(super) app: Credentials,
    pub(super) handler: String,
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    /// The access token of the installation.
    pub(super) token: String,
}

impl Desk {
    pub(super) async fn new() -> Desk {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            rate: None,
            ..Options::default()
        };
        let portal = Emulator::start(options).await.expect("a free port");
        let (handler, events) = handler().await;
        let app = portal.register_app(NewApp::new("bots", &handler));
        portal.install(&app.client_id).await.expect("installed");
        let desk = Desk {
            portal,
            app,
            handler,
            events: Mutex::new(events),
            token: String::new(),
        };
        let install = desk.event("ONAPPINSTALL").await;
        let token = install["auth"]["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        Desk { token, ..desk }
    }

    /// The next event, which must be this one.
    pub(super) async fn event(&self, name: &str) -> Value {
        let next = timeout(Duration::from_secs(5), async {
            self.events.lock().await.recv().await
        });
        let event = next
            .await
            .expect("an event in time")
            .expect("the handler lives");
        assert_eq!(event["event"], name, "{event:#}");
        event
    }

    /// Whether the handler is left in peace.
    pub(super) async fn is_quiet(&self) -> bool {
        timeout(Duration::from_millis(100), async {
            self.events.lock().await.recv().await
        })
        .await
        .is_err()
    }

    /// Calls a method with the token of the installation.
    pub(super) async fn call(&self, method: &str, params: Value) -> (u16, Value) {
        self.call_as(&self.token, method, params).await
    }

    pub(super) async fn call_as(&self, token: &str, method: &str, params: Value) -> (u16, Value) {
        let url = format!("{}/rest/{method}?auth={token}", self.portal.url());
        let answer = reqwest::Client::new()
            .post(url)
            .json(&params)
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// The result of a call that must work.
    pub(super) async fn result(&self, method: &str, params: Value) -> Value {
        let (status, mut answer) = self.call(method, params).await;
        assert_eq!(status, 200, "{method}: {answer}");
        answer["result"].take()
    }

    /// Registers a bot of this type.
    pub(super) async fn bot(&self, code: &str, kind: &str) -> u64 {
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

    /// Registers a command of a bot.
    pub(super) async fn command(&self, bot: u64, name: &str, common: &str) -> u64 {
        let params = json!({
            "BOT_ID": bot,
            "COMMAND": name,
            "COMMON": common,
            "EVENT_COMMAND_ADD": self.handler,
            "LANG": [{ "LANGUAGE_ID": "en", "TITLE": name }],
        });
        self.result("imbot.command.register", params)
            .await
            .as_u64()
            .expect("an id")
    }
}

/// A handler that passes on each event it is posted, and answers.
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

#[tokio::test]
async fn a_message_goes_to_the_bot_and_its_answer_comes_back() {
    let desk = Desk::new().await;
    let bot = desk.bot("echo", "B").await;
    desk.portal
        .send(1, &bot.to_string(), "hello")
        .expect("sent");
    desk.event("ONIMBOTJOINCHAT").await;
    let event = desk.event("ONIMBOTMESSAGEADD").await;
    assert_eq!(event["data"]["PARAMS"]["MESSAGE"], "hello");
    let token = event["data"]["BOT"][bot.to_string()]["access_token"]
        .as_str()
        .expect("a token");
    let answer = json!({ "BOT_ID": bot, "DIALOG_ID": event["data"]["PARAMS"]["DIALOG_ID"], "MESSAGE": "hello" });
    let (status, _) = desk.call_as(token, "imbot.message.add", answer).await;
    assert_eq!(status, 200);
    let history = desk.portal.history(1, &bot.to_string());
    assert_eq!(
        history
            .iter()
            .map(|m| m["author"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [1, bot]
    );
    assert!(desk.is_quiet().await, "own messages never come back");
}
