//! The time from an event to its reply on an idle portal, and the CPU of polling idle portals.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use imbot::emulator::{Emulator, NewApp, Options};
use imbot::engine::Engine;
use imbot::portal::Plan;
use imbot::prelude::*;
use imbot::{Config, serve};
use poem::listener::TcpAcceptor;
use poem::web::{Data, Form};
use poem::{EndpointExt, Route, Server, handler, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::{median, row};

const ANN: u64 = 1;
const EXCHANGES: usize = 300;
/// Number of idle portals that are polled.
const PORTALS: usize = 10;
/// Seconds between two polls of a portal while measuring; the default is longer.
const QUICK: f64 = 0.05;
const MEASURED: Duration = Duration::from_secs(8);

struct Echo;

impl Bot for Echo {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (bare, whole) = runtime.block_on(replies());
    row(
        "event to reply on an idle portal, difference to a program that only replies, to 2 ms",
        &format!("{whole:.2} ms, a bare program {bare:.2} ms"),
        (whole - bare) / 2.0,
        "at most 1",
    );
    let (share, poll) = runtime.block_on(polling());
    row(
        "CPU of polling ten idle portals, to 1 % of a core",
        &format!("{poll:.0} µs a poll, so {:.3} % of a core", share * 100.0),
        share / 0.01,
        "at most 1",
    );
}

/// Returns the median milliseconds from an event to its reply: of a bare program, and of the whole
/// road, measured alternately.
async fn replies() -> (f64, f64) {
    let (bare, whole) = (bare().await, whole().await);
    exchange(&bare).await;
    exchange(&whole).await;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..EXCHANGES {
        first.push(exchange(&bare).await);
        second.push(exchange(&whole).await);
    }
    (median(first), median(second))
}

/// Sends the bot a message and returns the milliseconds until its reply.
pub(crate) async fn exchange(portal: &Emulator) -> f64 {
    let bot = portal.bot("echo").unwrap();
    let mut live = portal.subscribe(ANN);
    let begin = Instant::now();
    portal.send(ANN, &bot.to_string(), "hi").unwrap();
    loop {
        let news = live.next().await.unwrap();
        if news["type"] == "message" && news["message"]["author"] == bot {
            return begin.elapsed().as_secs_f64() * 1_000.0;
        }
    }
}

pub(crate) async fn portal() -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: None,
        delivery_delay: Duration::ZERO,
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// A portal with a program that only replies.
async fn bare() -> Emulator {
    let portal = portal().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
    let rest = Arc::new((reqwest::Client::new(), portal.webhook_url()));
    register(&rest, &handler).await;
    let app = Route::new().at("/", post(reply)).data(Arc::clone(&rest));
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
    portal
}

type Rest = Arc<(reqwest::Client, String)>;

async fn register(rest: &Rest, handler: &str) {
    let fields = json!({
        "code": "echo", "botToken": "bare", "properties": { "name": "Echo" },
        "eventMode": "webhook", "webhookUrl": handler,
    });
    call(rest, "imbot.v2.Bot.register", &json!({ "fields": fields })).await;
}

async fn call(rest: &Rest, method: &str, params: &Value) {
    let (client, url) = &**rest;
    let answer = client.post(format!("{url}{method}")).json(params).send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[handler]
fn reply(Form(form): Form<Vec<(String, String)>>, Data(rest): Data<&Rest>) -> &'static str {
    let field = |name| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    if let Some(text) = field("data[message][text]") {
        let params = json!({
            "botId": field("data[bot][id]"), "botToken": "bare", "dialogId": field("data[chat][dialogId]"),
            "fields": { "message": text },
        });
        let rest = Arc::clone(rest);
        tokio::spawn(async move { call(&rest, "imbot.v2.Chat.Message.send", &params).await });
    }
    ""
}

/// A portal with the whole road.
async fn whole() -> Emulator {
    installed(portal().await, Plan::OnPremise).await.0
}

/// The echo, installed on a portal and set up.
pub(crate) async fn installed(portal: Emulator, plan: Plan) -> (Emulator, Arc<Engine>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handler = format!("http://{}/", listener.local_addr().unwrap());
    let credentials = portal.register_app(NewApp::new("bots", &handler));
    let mut config = Config::emulated(&portal, &credentials, &handler);
    config.plan = plan;
    let engine = App::new().bot(Echo).engine(&config).unwrap();
    let served = Arc::clone(&engine);
    let never = std::future::pending();
    tokio::spawn(async move {
        serve::run(
            serve::endpoint(served),
            listener,
            never,
            serve::STOP_TIMEOUT,
        )
        .await
    });
    portal.install(&credentials.client_id).await.unwrap();
    engine.until_set_up(1).await;
    (portal, engine)
}

/// Returns the share of a core that polling takes by default, and the microseconds of CPU a poll.
async fn polling() -> (f64, f64) {
    let mut portals = Vec::new();
    for _ in 0..PORTALS {
        portals.push(portal().await);
    }
    let polls = || -> f64 {
        let count = |portal: &Emulator| portal.rate_counts().requests as f64;
        portals.iter().map(count).sum()
    };
    let mut child = Poller::start(&portals);
    while portals.iter().any(|portal| portal.bot("echo").is_none()) {
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_secs(1)).await; // the bots are set up
    let (before, cpu) = (polls(), child.cpu());
    sleep(MEASURED).await;
    let poll = (child.cpu() - cpu) / (polls() - before);
    child.end();
    let a_second = PORTALS as f64 / imbot::engine::POLL_SLOW.as_secs_f64();
    (poll * a_second / 1e9, poll / 1_000.0)
}

/// A program that polls, in a process of its own with one thread.
struct Poller(Child);

impl Poller {
    fn start(portals: &[Emulator]) -> Poller {
        let urls = portals.iter().map(Emulator::webhook_url);
        let child = Command::new(std::env::current_exe().unwrap())
            .arg("poll")
            .args(urls)
            .spawn()
            .unwrap();
        Poller(child)
    }

    /// Nanoseconds of CPU that it has used so far.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", self.0.id())).unwrap();
        stat.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Polls the portals behind these webhooks until it is killed.
pub(crate) fn poll(urls: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut config = Config::default();
        for url in urls {
            let host = url.split('/').nth(2).unwrap();
            config.portal.push((*url).to_owned().into());
            config.allow_host.push(host.to_owned());
        }
        (config.poll_quick, config.poll_slow) = (QUICK, QUICK);
        config.plan = Plan::OnPremise;
        let engine = App::new().bot(Echo).engine(&config).unwrap();
        engine.start().await.unwrap();
        assert!(engine.reconcile().await.is_empty());
        std::future::pending::<()>().await;
    });
}
