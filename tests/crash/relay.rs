//! A relay between the portals and the program, which makes the delivery of events parallel, and
//! spreads them over the processes of the program.
//!
//! The portal posts one event after another to a handler. The relay accepts them at once and
//! forwards them in parallel, in order for each chat. Some are forwarded twice, as a distributed
//! queue may do. It stores which ones the program acknowledged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::event::{ChatEventKind, Delivery, Event};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::{EndpointExt, Request, Route, Server};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Pause until a program that does not listen is tried again.
const PAUSE: Duration = Duration::from_millis(2);

/// The result of forwarding a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardResult {
    /// The program answered 200: the message must never be lost.
    Acknowledged,
    /// No answer came: the program may have accepted the message.
    Unknown,
}

/// The messages of each chat ([`chat_of`]) in the order they were sent: their texts and results.
pub(crate) type Results = Arc<Mutex<HashMap<String, Vec<(String, ForwardResult)>>>>;

/// A body, with its chat and text if it is a message.
struct Post {
    body: Vec<u8>,
    message: Option<(String, String)>,
}

/// Returns the name of a dialog of the portal with this address.
pub(crate) fn chat_of(portal: &str, dialog: &str) -> String {
    format!("{portal} {dialog}")
}

/// Starts the relay in front of the processes with these addresses. Returns its address.
pub(crate) async fn start(processes: &[String], results: &Results) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let addresses = processes.iter().map(|address| format!("http://{address}/"));
    let program = Program {
        addresses: addresses.collect(),
        next: Arc::default(),
        client: reqwest::Client::new(),
    };
    let results = Arc::clone(results);
    let queues: Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Post>>>> = Arc::default();
    let accept = move |mut request: Request| {
        let (program, results) = (program.clone(), Arc::clone(&results));
        let queues = Arc::clone(&queues);
        async move {
            let body = request.take_body().into_vec().await.unwrap_or_default();
            let message = message_in(&body);
            let Some((chat, _)) = &message else {
                // Of other events, such as an installation, the portal needs the answer.
                let is_acknowledged = program.forward(body).await;
                return if is_acknowledged {
                    StatusCode::OK
                } else {
                    StatusCode::BAD_GATEWAY
                };
            };
            let queue = {
                let mut queues = queues.lock().expect("no panic");
                let create = || {
                    let (queue, posts) = mpsc::unbounded_channel();
                    tokio::spawn(forward_chat(program, results, posts));
                    queue
                };
                queues.entry(chat.clone()).or_insert_with(create).clone()
            };
            queue
                .send(Post { body, message })
                .expect("the task of the chat runs");
            StatusCode::OK
        }
    };
    let routes = Route::new().at("/", poem::endpoint::make(accept).boxed());
    let acceptor = TcpAcceptor::from_tokio(listener).expect("an acceptor");
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    address
}

/// Forwards the messages of one chat in order.
async fn forward_chat(
    program: Program,
    results: Results,
    mut posts: mpsc::UnboundedReceiver<Post>,
) {
    let mut count = 0_u64;
    while let Some(Post { body, message }) = posts.recv().await {
        let is_acknowledged = program.forward(body.clone()).await;
        let result = if is_acknowledged {
            ForwardResult::Acknowledged
        } else {
            ForwardResult::Unknown
        };
        if let Some((chat, text)) = message {
            let mut results = results.lock().expect("no panic");
            results.entry(chat).or_default().push((text, result));
        }
        count += 1;
        if count.is_multiple_of(16) {
            program.forward(body).await; // a repeat, which must have no effect
        }
    }
}

/// The processes of the program.
#[derive(Clone)]
struct Program {
    addresses: Arc<[String]>,
    /// The process that gets the next body.
    next: Arc<AtomicUsize>,
    client: reqwest::Client,
}

impl Program {
    /// Forwards a body to one of the processes. Returns true if it was acknowledged.
    ///
    /// Waits while none listens: a body that was never sent has no unknown result.
    async fn forward(&self, body: Vec<u8>) -> bool {
        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed) % self.addresses.len();
            let request = self
                .client
                .post(&self.addresses[next])
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.clone());
            match request.send().await {
                Ok(answer) => return answer.status() == 200,
                Err(error) if error.is_connect() => tokio::time::sleep(PAUSE).await,
                Err(_) => return false,
            }
        }
    }
}

/// Returns the chat and the text of a message.
fn message_in(body: &[u8]) -> Option<(String, String)> {
    let delivery = Delivery::from_form(body.to_vec()).ok()?;
    let portal = delivery.auth().ok()?.domain?;
    match delivery.events().ok()?.first()? {
        Event::Chat(event) => match &event.kind {
            ChatEventKind::Message(message) => {
                let chat = chat_of(&portal, event.dialog.as_str());
                Some((chat, message.text.clone()))
            }
            _ => None,
        },
        _ => None,
    }
}
