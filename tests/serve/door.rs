//! A door to knock at: an application with one bot, installed on one portal, served on a free port.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::prelude::*;
use imbot::serve::{Acceptor, endpoint};
use imbot::store::{Access, Installation, Memory, Portals, Tokens};
use imbot::{Config, event::MemberId};
use poem::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

pub(super) const MEMBER: &str = "bac1cd5c8940947a75e0d71b1a84e348";
pub(super) const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// A bot that only writes down what it hears.
struct Ear(Arc<Mutex<Vec<String>>>);

impl Bot for Ear {
    fn profile(&self) -> Profile {
        Profile::new("ear", "Ear")
    }

    async fn message(&self, _: &mut Context, message: Message) -> Result {
        self.0.lock().unwrap().push(message.text);
        Ok(())
    }
}

/// The door of an application.
pub(super) struct Door {
    pub(super) address: std::net::SocketAddr,
    pub(super) store: Arc<Memory>,
    heard: Arc<Mutex<Vec<String>>>,
}

/// What came back. Head and body as they stood on the wire; nothing if the connection was closed without a word.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: Vec<String>,
    pub(super) body: String,
}

impl Door {
    pub(super) async fn open() -> Door {
        Door::with(|acceptor| acceptor).await
    }

    /// A door with other limits.
    pub(super) async fn with(limits: impl FnOnce(Acceptor) -> Acceptor) -> Door {
        let store = Arc::new(Memory::new());
        store.install(installation()).await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let app = App::new()
            .bot(Ear(Arc::clone(&heard)))
            .shared_store(store.clone());
        let mut config = Config::default();
        config.client_id = Some("local.1".into());
        config.client_secret = Some("secret".to_owned().into());
        config.public_url = Some("https://bots.example.com/".into());
        let engine = app.engine(&config).unwrap();
        engine.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = limits(Acceptor::new(listener).unwrap());
        tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint(engine)));
        Door {
            address,
            store,
            heard,
        }
    }

    pub(super) async fn knock(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request as it stands, and reads until the other side closes.
    pub(super) async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.knock().await;
        let (mut read, mut write) = stream.split();
        // A refusal may come before the whole body was sent, and then the rest is not taken.
        let (answer, _) = tokio::join!(read_answer(&mut read), write.write_all(request));
        answer
    }

    pub(super) async fn post(&self, body: &str) -> Answer {
        self.send(request("POST", "/", FORM, body).as_bytes()).await
    }

    /// Posts a message, and waits until the bot has heard it.
    pub(super) async fn is_open(&self, text: &str) {
        let answer = self.post(&form(&message(text))).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        self.hears(text).await;
    }

    pub(super) async fn hears(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.heard.lock().unwrap().iter().any(|line| line == text) {
            assert!(Instant::now() < end, "`{text}` was not heard");
            sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// A whole request that asks for the connection to be closed after it.
pub(super) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bots\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Reads what comes until the connection is closed.
pub(super) async fn read_answer(stream: &mut (impl AsyncReadExt + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, async {
        let mut part = [0; 4096];
        // A reset ends it like a close: what came before counts.
        while let Ok(length @ 1..) = stream.read(&mut part).await {
            bytes.extend_from_slice(&part[..length]);
        }
    });
    read.await.expect("the connection is closed in time");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut head: Vec<String> = head.lines().map(str::to_ascii_lowercase).collect();
    head.retain(|line| !line.starts_with("date:"));
    let status = head.first().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = body.to_owned();
    Answer { status, head, body }
}

/// A message for the bot, as the portal tells of it.
pub(super) fn message(text: &str) -> Value {
    json!({
        "event": "ONIMBOTMESSAGEADD",
        "data": {
            "BOT": { "7": { "BOT_ID": 7, "BOT_CODE": "ear" } },
            "PARAMS": { "MESSAGE": text, "MESSAGE_ID": text.bytes().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte)), "DIALOG_ID": "27", "FROM_USER_ID": 27, "CHAT_TYPE": "P" },
            "USER": { "ID": 27, "NAME": "Ann Meyer" },
        },
        "ts": 1_771_940_028,
        "auth": { "member_id": MEMBER, "application_token": TOKEN },
    })
}

pub(super) fn form(body: &Value) -> String {
    imbot::event::form::encode(body)
}

fn installation() -> Installation {
    Installation {
        portal: MemberId::new(MEMBER),
        endpoint: "https://example.bitrix24.com/rest/".into(),
        application_token: TOKEN.to_owned().into(),
        access: Access::Tokens(Tokens {
            access: "access".to_owned().into(),
            refresh: "refresh".to_owned().into(),
        }),
    }
}
