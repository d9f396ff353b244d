//! The portal's queue, made quicker: events of several chats at once, each chat's in order, and what became of each.
//!
//! The portal posts one event after another to a handler. This takes them, and passes them on chat by chat; now and then
//! one is passed on twice, as a distributed queue may. It writes down which were acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::event::{ChatEventKind, Delivery, Event};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::{EndpointExt, Request, Route, Server};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How long it is until a program that does not listen is looked for again.
const PAUSE: Duration = Duration::from_millis(2);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The program answered 200: it must never be lost.
    Acknowledged,
    /// No answer came: it may have been taken in.
    Unknown,
}

/// The fates of the messages of each chat, in the order they were sent: a chat's dialog, a message's text.
pub(crate) type Fates = Arc<Mutex<HashMap<String, Vec<(String, Fate)>>>>;

/// A body, and the chat and text in it, if it is a message.
struct Post {
    body: Vec<u8>,
    message: Option<(String, String)>,
}

/// Starts the relay, and tells its address.
pub(crate) async fn start(program: &str, fates: &Fates) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (program, fates) = (format!("http://{program}/"), Arc::clone(fates));
    let lanes: Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Post>>>> = Arc::default();
    let client = reqwest::Client::new();
    let take = move |mut request: Request| {
        let (program, fates) = (program.clone(), Arc::clone(&fates));
        let (lanes, client) = (Arc::clone(&lanes), client.clone());
        async move {
            let body = request.take_body().into_vec().await.unwrap_or_default();
            let message = message_in(&body);
            let Some((chat, _)) = &message else {
                // An installation, a join: its answer matters to the portal.
                return match pass_on(&client, &program, body).await {
                    true => StatusCode::OK,
                    false => StatusCode::BAD_GATEWAY,
                };
            };
            let lane = {
                let mut lanes = lanes.lock().expect("no panic");
                let open = || {
                    let (lane, posts) = mpsc::unbounded_channel();
                    tokio::spawn(carry(client, program, fates, posts));
                    lane
                };
                lanes.entry(chat.clone()).or_insert_with(open).clone()
            };
            lane.send(Post { body, message }).expect("it is carried");
            StatusCode::OK
        }
    };
    let routes = Route::new().at("/", poem::endpoint::make(take).boxed());
    let acceptor = TcpAcceptor::from_tokio(listener).expect("an acceptor");
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    address
}

/// One chat's messages, one after another.
async fn carry(
    client: reqwest::Client,
    program: String,
    fates: Fates,
    mut posts: mpsc::UnboundedReceiver<Post>,
) {
    let mut carried = 0_u64;
    while let Some(Post { body, message }) = posts.recv().await {
        let is_taken = pass_on(&client, &program, body.clone()).await;
        let fate = if is_taken {
            Fate::Acknowledged
        } else {
            Fate::Unknown
        };
        if let Some((chat, text)) = message {
            let mut fates = fates.lock().expect("no panic");
            fates.entry(chat).or_default().push((text, fate));
        }
        carried += 1;
        if carried.is_multiple_of(16) {
            pass_on(&client, &program, body).await; // a repeat, which must not count
        }
    }
}

/// Whether the program acknowledged it. While it does not listen it is waited for, as the system does with a socket that
/// one life hands to the next: what was never sent is not in doubt.
async fn pass_on(client: &reqwest::Client, program: &str, body: Vec<u8>) -> bool {
    loop {
        let request = client
            .post(program)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone());
        match request.send().await {
            Ok(answer) => return answer.status() == 200,
            Err(error) if error.is_connect() => tokio::time::sleep(PAUSE).await,
            Err(_) => return false,
        }
    }
}

fn message_in(body: &[u8]) -> Option<(String, String)> {
    let events = Delivery::from_form(body.to_vec()).ok()?.events().ok()?;
    match events.first()? {
        Event::Chat(event) => match &event.kind {
            ChatEventKind::Message(message) => {
                Some((event.dialog.to_string(), message.text.clone()))
            }
            _ => None,
        },
        _ => None,
    }
}
