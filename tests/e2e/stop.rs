//! SIGTERM to a process under load: started turns are finished, and the process exits successfully.

use std::process::Stdio;
use std::time::Duration;

use imbot::emulator::NewApp;
use imbot::prelude::{App, Bot, Context, Message, Result};
use imbot::{Config, serve};
use tokio::net::TcpListener;

use super::stage::{ANN, portal, process, serve_until_signal, terminate, until};

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
