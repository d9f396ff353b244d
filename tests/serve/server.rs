//! A server under test: an application with one bot, installed on one portal, on a free port.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use imbot::engine::Engine;
use imbot::prelude::*;
use imbot::serve::{Acceptor, endpoint};
use imbot::store::{Memory, Portals};
use poem::web::Data;
use poem::{Body, EndpointExt, IntoEndpoint, Route, Server, get, handler};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::support::PATIENCE;
use crate::support::offline::{MEMBER, TOKEN, config, installation};

pub(super) const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// A bot that records messages.
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Bot for Recorder {
    fn profile(&self) -> Profile {
        Profile::new("recorder", "Recorder")
    }

    async fn message(&self, _: &mut Context, message: Message) -> Result {
        self.0.lock().unwrap().push(message.text);
        Ok(())
    }
}

/// Size of a long answer, in bytes.
pub(super) const LARGE_BYTES: usize = 16 * 1024 * 1024;
/// Size of an answer that is counted, in bytes.
pub(super) const PART_BYTES: usize = 16 * 1024;
/// Number of lines of an answer that takes time.
pub(super) const STREAM_LINES: usize = 20;

fn routes(counted: Arc<AtomicUsize>) -> impl IntoEndpoint {
    Route::new()
        .at("/large", get(long_answer))
        .at("/part", get(counted_answer))
        .at("/stream", get(slow_answer))
        .data(counted)
}

#[handler]
fn long_answer() -> Vec<u8> {
    vec![b'x'; LARGE_BYTES]
}

/// Answers with [`PART_BYTES`], and counts that.
#[handler]
fn counted_answer(Data(count): Data<&Arc<AtomicUsize>>) -> Vec<u8> {
    count.fetch_add(1, Ordering::Relaxed);
    vec![b'x'; PART_BYTES]
}

/// Answers with a line at a time, with pauses.
#[handler]
fn slow_answer() -> Body {
    let lines = futures_util::stream::iter(0..STREAM_LINES);
    Body::from_bytes_stream(lines.then(|_| async {
        sleep(Duration::from_millis(30)).await;
        Ok::<_, std::io::Error>("line\n")
    }))
}

/// A served application.
pub(super) struct TestServer {
    pub(super) address: std::net::SocketAddr,
    pub(super) store: Arc<Memory>,
    pub(super) engine: Arc<Engine>,
    /// Number of requests of the answer that is counted.
    pub(super) counted: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<String>>>,
}

/// An answer as it was sent. Empty, with status 0, if the connection was closed without one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: Vec<String>,
    pub(super) body: String,
}

impl TestServer {
    /// Starts a server.
    pub(super) async fn start() -> Self {
        Self::with_limits(|acceptor| acceptor).await
    }

    /// Starts a server with other limits.
    pub(super) async fn with_limits(limits: impl FnOnce(Acceptor) -> Acceptor) -> Self {
        let store = Arc::new(Memory::new());
        store.install(installation()).await.unwrap();
        let (received, counted) = (Arc::new(Mutex::new(Vec::new())), Arc::default());
        let app = App::new()
            .bot(Recorder(Arc::clone(&received)))
            .shared_store(store.clone());
        let engine = app.engine(&config()).unwrap();
        engine.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = limits(Acceptor::new(listener).unwrap());
        tokio::spawn(
            Server::new_with_acceptor(acceptor)
                .run(endpoint(Arc::clone(&engine)).nest("/test", routes(Arc::clone(&counted)))),
        );
        Self {
            address,
            store,
            engine,
            counted,
            received,
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request unchanged, and reads until the server closes the connection.
    pub(super) async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        let (mut read, mut write) = stream.split();
        // The server may refuse before the whole body is sent, and then reads no more.
        let (answer, _) = tokio::join!(read_answer(&mut read), write.write_all(request));
        answer
    }

    /// Posts an event.
    pub(super) async fn post(&self, body: &str) -> Answer {
        self.send(request("POST", "/", FORM, body).as_bytes()).await
    }

    /// Posts a message, and waits until the bot has received it.
    pub(super) async fn accepts(&self, text: &str) {
        let answer = self.post(&form(&message(text))).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        self.receives(text).await;
    }

    /// Waits until the bot has received a message.
    pub(super) async fn receives(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self
            .received
            .lock()
            .unwrap()
            .iter()
            .any(|line| line == text)
        {
            assert!(Instant::now() < end, "`{text}` was not received");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Returns all messages that the bot has received.
    pub(super) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

/// Returns a complete request that asks the server to close the connection afterwards.
pub(super) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bots\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Reads until the connection is closed.
pub(super) async fn read_answer(stream: &mut (impl AsyncReadExt + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, async {
        let mut part = [0; 4096];
        // A reset ends the answer like a close.
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

/// Returns an event with a message for the bot.
pub(super) fn message(text: &str) -> Value {
    json!({
        "event": "ONIMBOTMESSAGEADD",
        "data": {
            "BOT": { "7": { "BOT_ID": 7, "BOT_CODE": "recorder" } },
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
