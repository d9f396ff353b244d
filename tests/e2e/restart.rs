//! A restart that refuses no request: the socket is passed from one process to the next, under
//! load.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imbot::event::{BotId, MemberId};
use imbot::prelude::*;
use imbot::store::{Key, Operator, Portals, Sqlite, Turns, Upkeep};
use listenfd::ListenFd;
use tokio::time::sleep;

use super::stage::{PATIENCE, serve_until_signal, terminate};
use crate::support::offline::{MEMBER, Mute, TOKEN, config, installation};

const STORE: &str = "E2E_RESTART_STORE";
const RESTARTS: usize = 10;
/// Parallel senders, as with the queues of several portals.
const SENDERS: u64 = 4;
const GAP: Duration = Duration::from_millis(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_restarts_under_load_refuse_no_request_and_lose_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    install(&store).await;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            tokio::spawn(send(address, sender, sent, stop))
        })
        .collect();
    let mut program = start(&socket, &store);
    for _ in 0..RESTARTS {
        has_answered(&sent).await;
        end(&mut program);
        program = start(&socket, &store);
    }
    has_answered(&sent).await;
    stop.store(1, Ordering::Relaxed);
    let mut refused = Vec::new();
    for sender in senders {
        refused.extend(sender.await.unwrap());
    }
    end(&mut program);
    let sent = sent.load(Ordering::Relaxed);
    assert!(
        refused.is_empty(),
        "{} of {sent} refused: {refused:?}",
        refused.len()
    );

    let key = Key::of(&store, store.with_extension("key")).unwrap();
    let store = Sqlite::open(&store, &key).unwrap();
    let (status, counted) = (store.status().await.unwrap(), counted(&store).await);
    assert_eq!(counted + status.events, sent, "counted, and still waiting");
}

/// Waits until the current process has answered: from then on it handles signals.
async fn has_answered(sent: &AtomicU64) {
    let before = sent.load(Ordering::Relaxed);
    while sent.load(Ordering::Relaxed) < before + 40 {
        sleep(GAP).await;
    }
}

/// Posts messages, and returns those that were not accepted.
async fn send(
    address: SocketAddr,
    sender: u64,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicU64>,
) -> Vec<String> {
    // A portal's queue opens a connection for every event.
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let mut refused = Vec::new();
    for number in 1.. {
        if stop.load(Ordering::Relaxed) > 0 {
            break;
        }
        let body = format!(
            "event=ONIMBOTMESSAGEADD&data[BOT][7][BOT_ID]=7&data[BOT][7][BOT_CODE]=counter&data[PARAMS][MESSAGE]=hi\
             &data[PARAMS][MESSAGE_ID]={}&data[PARAMS][DIALOG_ID]={sender}&ts=1\
             &auth[member_id]={MEMBER}&auth[application_token]={TOKEN}",
            sender * 1_000_000 + number,
        );
        let request = client
            .post(format!("http://{address}/"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .timeout(PATIENCE);
        match request.send().await {
            Ok(answer) if answer.status() == 200 => drop(sent.fetch_add(1, Ordering::Relaxed)),
            Ok(answer) => refused.push(answer.status().to_string()),
            Err(error) => refused.push(format!("{error:?}")),
        }
        sleep(GAP).await;
    }
    refused
}

/// Starts the program with the socket as its third descriptor, as a service manager does.
fn start(socket: &TcpListener, store: &Path) -> Child {
    const HAND_OVER: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@" 3<&0 </dev/null"#;
    let socket: OwnedFd = socket.try_clone().unwrap().into();
    let program = std::env::current_exe().unwrap();
    Command::new("sh")
        .args(["-c", HAND_OVER, program.to_str().unwrap()])
        .args([
            "--exact",
            "e2e::restart::program",
            "--ignored",
            "--nocapture",
        ])
        .env(STORE, store)
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Asks the process to end, and waits until it has.
fn end(program: &mut Child) {
    terminate(program);
    assert!(program.wait().unwrap().success());
}

async fn install(store: &Path) {
    let key = Key::of(store, store.with_extension("key")).unwrap();
    let store = Sqlite::open(store, &key).unwrap();
    store.install(installation()).await.unwrap();
    store.close().await.unwrap();
}

/// The number of messages that the bot has counted in all its conversations.
async fn counted(store: &Sqlite) -> u64 {
    let mut counted = 0;
    for sender in 0..SENDERS {
        let key = imbot::store::Conversation {
            portal: MemberId::new(MEMBER),
            bot: BotId(7),
            dialog: sender.to_string().as_str().into(),
        };
        let state = store.state(&key).await.unwrap();
        counted += state.map_or(0, |state| serde_json::from_slice(&state.bytes).unwrap());
    }
    counted
}

/// Counts messages.
struct Counter;

impl Bot<u64> for Counter {
    async fn message(&self, cx: &mut Context<u64>, _: Message) -> Result {
        cx.state += 1;
        Ok(())
    }
}

#[tokio::test]
#[ignore = "this is the program that the test above starts as a process of its own"]
async fn program() {
    let store = std::path::PathBuf::from(std::env::var(STORE).unwrap());
    let mut config = config();
    config.store.key_file = Some(store.with_extension("key"));
    config.store.place = Some(store.into());
    let socket = ListenFd::from_env().take_tcp_listener(0).unwrap().unwrap();
    socket.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(socket).unwrap();
    let engine = App::new()
        .bot(Counter)
        .transport(Mute)
        .engine(&config)
        .unwrap();
    serve_until_signal(engine, listener).await;
}
