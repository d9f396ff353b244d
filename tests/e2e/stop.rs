//! How a program ends: SIGTERM under load finishes started turns and is a success; the failure of a
//! task or thread that the program needs ends it with an error.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use imbot::emulator::NewApp;
use imbot::engine::{Engine, Health};
use imbot::event::form;
use imbot::prelude::{App, Bot, Context, HookEvent, Message, Result};
use imbot::store::{Key, Sqlite, Store};
use imbot::{Config, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::stage::{ANN, PATIENCE, POLL, portal, process, serve_until_signal, terminate, until};
use crate::support::offline;

const ADDRESS: &str = "E2E_STOP_ADDRESS";
const PORTAL: &str = "E2E_STOP_PORTAL";
const ID: &str = "E2E_STOP_ID";
const SECRET: &str = "E2E_STOP_SECRET";

/// Waits before it answers.
struct Thinker;

impl Bot for Thinker {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cx.say(message.text);
        Ok(())
    }
}

#[tokio::test]
async fn sigterm_under_load_finishes_started_turns_and_the_exit_code_is_success() {
    const CHATS: usize = 8;
    let portal = portal().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let credentials = portal.register_app(NewApp::new("thinker", &format!("http://{address}/")));
    let mut child = process("e2e::stop::program")
        .env(ADDRESS, &address)
        .env(PORTAL, portal.address().to_string())
        .env(ID, &credentials.client_id)
        .env(SECRET, &credentials.client_secret)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the program to listen", || {
        std::net::TcpStream::connect(&address).is_ok()
    })
    .await;
    portal.install(&credentials.client_id).await.unwrap();
    until("the bot", || portal.bot("thinker").is_some()).await;
    let bot = portal.bot("thinker").unwrap();
    let groups: Vec<String> = (0..CHATS)
        .map(|_| portal.group(ANN, "Thoughts", &[ANN, bot]).unwrap())
        .collect();
    for group in &groups {
        portal
            .send(ANN, group, &format!("[USER={bot}]Thinker[/USER] hm"))
            .unwrap();
    }
    // A connection with an incomplete request, such as a probe leaves open.
    let mut incomplete = std::net::TcpStream::connect(&address).unwrap();
    std::io::Write::write_all(&mut incomplete, b"GET / HT").unwrap();
    let are_accepted = || {
        let traffic = portal.traffic_log();
        let accepted = traffic
            .iter()
            .filter(|entry| entry["name"] == "ONIMBOTV2MESSAGEADD" && entry["status"] == 200);
        accepted.count() == CHATS
    };
    until("the events to be accepted", are_accepted).await;
    terminate(&child);
    let status = tokio::task::spawn_blocking(move || child.wait());
    // Less than the timeout that cuts off an incomplete request.
    let status = tokio::time::timeout(serve::REQUEST_TIMEOUT * 3 / 4, status).await;
    let status = status.expect("an incomplete request delayed the stop");
    assert!(status.unwrap().unwrap().success());
    for group in &groups {
        let last = portal.history(ANN, group).pop().unwrap();
        assert_eq!(last["author"], bot, "unanswered: {last}");
    }
}

#[tokio::test]
#[ignore = "this is the program that the test above starts as a process of its own"]
async fn program() {
    let set = |name| std::env::var(name).unwrap();
    let mut config = Config::default();
    config.client_id = Some(set(ID));
    config.client_secret = Some(set(SECRET).into());
    config.public_url = Some(format!("http://{}/", set(ADDRESS)));
    config.oauth_url = format!("http://{}", set(PORTAL));
    config.allow_host = vec![set(PORTAL)];
    let engine = App::new().bot(Thinker).engine(&config).unwrap();
    let listener = TcpListener::bind(set(ADDRESS)).await.unwrap();
    serve_until_signal(engine, listener).await;
}

/// Programs whose task of this name fails, and how to make it run.
const TASKS: [&str; 11] = [
    "backlog",
    "notices",
    "sweep",
    "reminders",
    "store watch",
    "setup",
    "polling",
    "turns",
    "sender",
    "calls",
    "connector",
];

#[tokio::test]
async fn the_failure_of_each_task_that_the_engine_needs_ends_the_program_with_an_error() {
    for task in TASKS {
        let portal = portal().await;
        let mut config = Config::polling(&portal);
        (config.poll_quick, config.poll_slow) = (POLL, POLL);
        let app = App::new().bot(Thinker).connector(Quiet);
        let engine = app.engine(&config).unwrap();
        engine.fail_task(task);
        let never = std::future::pending();
        let program = tokio::spawn(serve::poll(Arc::clone(&engine), never, PATIENCE));
        let using = tokio::spawn(use_everything(Arc::clone(&engine), portal));
        let ended = timeout(PATIENCE, program).await;
        let error = ended.unwrap_or_else(|_| panic!("{task}: the program goes on"));
        let error = error.unwrap().unwrap_err().to_string();
        assert!(error.contains(&format!("`{task}` panicked")), "{error}");
        assert_eq!(engine.health().await, Health::Failing(error));
        using.abort();
    }
}

/// Makes all tasks of a program run: sets the bot up, writes to it, and makes more calls than the
/// portal's limit allows at once.
async fn use_everything(engine: Arc<Engine>, emulator: imbot::emulator::Emulator) {
    engine.start().await.unwrap();
    engine.reconcile().await;
    let bot = emulator.bot("thinker").unwrap();
    emulator.send(ANN, &bot.to_string(), "hm").unwrap();
    let portal = engine.portal(&engine.portals()[0]).unwrap();
    for _ in 0..100 {
        let portal = portal.clone();
        tokio::spawn(async move {
            portal
                .call::<serde_json::Value>("profile", &json!({}))
                .await
        });
    }
    std::future::pending().await
}

/// A connector without a part of its own.
struct Quiet;

impl imbot::Connector for Quiet {
    async fn outbound(
        &self,
        _: &imbot::prelude::Channel,
        message: imbot::prelude::OutboundMessage,
    ) -> Result<imbot::prelude::Receipt> {
        Ok(imbot::prelude::Receipt::one(message.id))
    }
}

#[tokio::test]
async fn the_failure_of_the_tasks_for_installations_and_offline_events_ends_the_program() {
    let prove = |engine: Arc<Engine>| async move {
        let install = json!({
            "event": "ONAPPINSTALL",
            "auth": { "member_id": offline::MEMBER, "application_token": "x", "refresh_token": "0123456789abcdef" },
        });
        let _ = engine.accept(Bytes::from(form::encode(&install))).await; // not answered any more
    };
    let engine = App::new().engine(&offline::config()).unwrap();
    engine.start().await.unwrap();
    engine.fail_task("proofs");
    tokio::spawn(prove(Arc::clone(&engine)));
    let failed = timeout(PATIENCE, engine.failed()).await.unwrap();
    assert_eq!(failed.task(), "proofs");

    async fn ignored(_: HookEvent) -> Result {
        Ok(())
    }
    let app = App::new().offline_hook("ONCRMDEALADD", ignored);
    let setup = super::stage::Setup::not_yet_installed(app, "").await;
    setup.engine.fail_task("offline events");
    setup.install().await;
    let failed = timeout(PATIENCE, setup.engine.failed()).await.unwrap();
    assert_eq!(failed.task(), "offline events");
}

#[tokio::test]
async fn an_engine_that_is_stopped_is_stopping_and_not_failing() {
    let engine = App::new().engine(&offline::config()).unwrap();
    assert_eq!(engine.health().await, Health::Ok);
    engine.start().await.unwrap();
    assert!(engine.stop(PATIENCE).await);
    tokio::time::sleep(Duration::from_millis(50)).await; // for tasks that end
    assert_eq!(engine.health().await, Health::Stopping);
}

const STORE: &str = "E2E_STOP_STORE";
const FAILS: &str = "E2E_STOP_FAILS";

#[tokio::test]
async fn a_process_whose_store_thread_or_task_panics_exits_with_an_error() {
    for (fails, said) in [
        ("writer", "cannot work any more"),
        ("reader", "cannot work any more"),
        ("reminders", "`reminders` panicked"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let child = process("e2e::stop::failing_program")
            .env(STORE, folder.path().join("store.db"))
            .env(FAILS, fails)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let ended = tokio::task::spawn_blocking(move || Child::wait_with_output(child));
        let ended = timeout(PATIENCE, ended).await;
        let output = ended.expect("the process goes on").unwrap().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains(said), "{fails}: {log}");
    }
}

#[tokio::test]
#[ignore = "this is the program that the test above starts as a process of its own"]
async fn failing_program() {
    let file = PathBuf::from(std::env::var(STORE).unwrap());
    let store = Arc::new(Sqlite::open(file, &Key::random()).unwrap());
    let app = App::new().bot(Thinker).shared_store(store.clone());
    let engine = app.engine(&offline::config()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    engine.start().await.unwrap();
    match std::env::var(FAILS).unwrap().as_str() {
        "writer" => store.make_thread_panic(true).await,
        "reader" => store.make_thread_panic(false).await,
        task => engine.fail_task(task),
    }
    let never = std::future::pending();
    let served: io::Result<()> =
        serve::run(serve::endpoint(engine), listener, never, PATIENCE).await;
    if let Err(error) = served {
        let _ = writeln!(std::io::stderr(), "{error}");
        std::process::exit(1);
    }
}

#[tokio::test]
async fn callers_of_a_store_whose_thread_panicked_get_an_error_and_do_not_wait() {
    for writes in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path().join("store.db"), &Key::random()).unwrap();
        let (_, portals, arrived) = tokio::join!(
            store.make_thread_panic(writes),
            timeout(PATIENCE, imbot::store::Portals::portals(&store)),
            timeout(
                PATIENCE,
                imbot::store::Portals::set_note(
                    &store,
                    &imbot::event::MemberId::new("m1"),
                    "name",
                    "note".to_owned(),
                )
            ),
        );
        let (portals, arrived) = (portals.unwrap(), arrived.unwrap());
        assert!(if writes {
            arrived.is_err()
        } else {
            portals.is_err()
        });
        let store: &dyn Store = &store;
        let failed = timeout(PATIENCE, store.failed()).await.unwrap();
        assert!(failed.to_string().contains("panicked"), "{failed}");
        assert!(timeout(PATIENCE, store.close()).await.is_ok());
    }
}
