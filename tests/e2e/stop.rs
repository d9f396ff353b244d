//! SIGTERM to a process under load: started turns are finished, and the process exits successfully.

use std::process::{Command, Stdio};
use std::time::Duration;

use imbot::emulator::NewApp;
use imbot::prelude::{App, Bot, Context, Message, Result};
use imbot::{Config, serve};
use tokio::net::TcpListener;

use super::stage::{ANN, PATIENCE, portal, process, until};

const ADDRESS: &str = "ROAD_STOP_ADDRESS";
const PORTAL: &str = "ROAD_STOP_PORTAL";
const ID: &str = "ROAD_STOP_ID";
const SECRET: &str = "ROAD_STOP_SECRET";

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
    // Also an open connection with half a request on it, like one that a probe leaves.
    let mut half_open = std::net::TcpStream::connect(&address).unwrap();
    std::io::Write::write_all(&mut half_open, b"GET / HT").unwrap();
    let taken_in = || {
        let traffic = portal.traffic_log();
        let taken = traffic
            .iter()
            .filter(|entry| entry["name"] == "ONIMBOTV2MESSAGEADD" && entry["status"] == 200);
        taken.count() == CHATS
    };
    until("the events to be taken in", taken_in).await;
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let status = tokio::task::spawn_blocking(move || child.wait());
    // Before half a request is cut off anyway.
    let status = tokio::time::timeout(serve::REQUEST_TIMEOUT * 3 / 4, status).await;
    let status = status.expect("half a request held it up");
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
    serve::run(
        serve::endpoint(engine),
        listener,
        serve::stop_signal(),
        PATIENCE,
    )
    .await
    .unwrap();
}
