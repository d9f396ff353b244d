//! The widget: the memory of a thousand visitors at once, and the time to a bot's answer.
//!
//! `cargo bench --bench bench -- widget`; each visitor's stream needs a descriptor at both ends
//! (`ulimit -n 4096`). The program is a process of its own; portal and visitors are in this one.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bots::Widget;
use futures_util::future::join_all;
use imbot::emulator::{Emulator, NewApp, NewLine};
use imbot::portal::Plan;
use imbot::prelude::*;
use imbot::{Config, serve};
use reqwest::{Client as Http, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use super::{row, talk};

const VISITORS: usize = 1_000;
const BYTES_MAX: f64 = 200e6;
/// Number of questions, in the widget and in the portal's chat.
const EXCHANGES: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Repeats each message, in its private chat and on the line.
struct Echo;

impl Bot for Echo {
    fn profile(&self) -> Profile {
        Profile::new("echo", "Echo").serves_open_channels()
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let site = Site::new().await;
        let mut visitors = site.visitors().await;
        let missed = everybody_talks(&mut visitors).await;
        let bytes = site.peak();
        row(
            "peak memory of a program with 1,000 widget visitors at once, to 200 MB",
            &format!("{:.0} MB", bytes / 1e6),
            bytes / BYTES_MAX,
            "at most 1",
        );
        row(
            "messages and answers missed by 1,000 visitors who wrote at once",
            &format!("{missed} of {}", 2 * VISITORS),
            missed as f64,
            "0",
        );
        let (widget, chat) = site.answers(&mut visitors).await;
        row(
            "p99 from a message to a bot's answer with 1,000 visitors, widget to the portal's chat",
            &format!("{widget:.2} ms, in the portal's chat {chat:.2} ms"),
            widget / chat,
            "at most 3",
        );
    });
}

/// The program with the widget, in a process of its own, until it is killed.
pub(crate) fn program(address: &str, settings: [&str; 4]) {
    let [client_id, client_secret, oauth_url, portal] = settings;
    let mut config = Config::default();
    config.client_id = Some(client_id.to_owned());
    config.client_secret = Some(client_secret.to_owned().into());
    config.oauth_url = oauth_url.to_owned();
    config.public_url = Some(format!("http://{address}/"));
    config.allow_host = vec![portal.to_owned()];
    config.plan = Plan::OnPremise;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        println!("it listens");
        let widget = Widget::new();
        let app = App::new().bot(Echo).connector(widget.clone());
        let engine = app.engine(&config).unwrap();
        let endpoint = serve::endpoint(engine).nest(&widget.path(), widget);
        let never = std::future::pending();
        serve::run(endpoint, listener, never, serve::STOP_TIMEOUT)
            .await
            .unwrap();
    });
}

/// A portal, and a program with the widget on a line.
struct Site {
    portal: Emulator,
    program: Child,
    url: String,
    line: u64,
    /// Folder of the program's chats; the program is killed and does not remove it.
    _folder: TempDir,
}

impl Site {
    async fn new() -> Site {
        let portal = talk::portal().await;
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap(); // free for the program in a moment
        let address = port.local_addr().unwrap().to_string();
        drop(port);
        let app = portal.register_app(NewApp::new("bots", &format!("http://{address}/")));
        let host = portal.address().to_string();
        let folder = TempDir::new().unwrap();
        let mut program = Command::new(std::env::current_exe().unwrap())
            .args([
                "widget-program",
                &address,
                &app.client_id,
                &app.client_secret,
            ])
            .args([&portal.oauth_url(), &host])
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let printed = program.stdout.take().unwrap();
        BufReader::new(printed).read_line(&mut line).unwrap();
        portal.install(&app.client_id).await.unwrap();
        let bot = loop {
            sleep(Duration::from_millis(20)).await;
            if let Some(bot) = portal.bot("echo") {
                break bot;
            }
        };
        let line = portal.add_line(NewLine::new("Support").queue(&[2]).bot(bot));
        while portal.open_settings(1, "imbot_widget", line).await.is_err() {
            sleep(Duration::from_millis(20)).await; // it is not registered yet
        }
        Site {
            portal,
            program,
            url: format!("http://{address}/widget"),
            line,
            _folder: folder,
        }
    }

    /// Returns the peak resident bytes of the program.
    fn peak(&self) -> f64 {
        let status = format!("/proc/{}/status", self.program.id());
        let status = std::fs::read_to_string(status).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.unwrap().split_whitespace().next().unwrap();
        kilobytes.parse::<f64>().unwrap() * 1_024.0
    }

    /// Opens the streams of all visitors.
    async fn visitors(&self) -> Vec<Visitor> {
        let http = Http::new();
        join_all((0..VISITORS).map(|number| Visitor::new(self, &http, number))).await
    }

    /// Returns the milliseconds to an answer at p99, in the widget and in a private chat of the
    /// portal, measured alternately.
    async fn answers(&self, visitors: &mut [Visitor]) -> (f64, f64) {
        let (mut widget, mut chat) = (Vec::new(), Vec::new());
        for turn in 0..EXCHANGES {
            chat.push(talk::exchange(&self.portal).await);
            let visitor = &mut visitors[turn % VISITORS];
            let text = format!("turn {turn}");
            let begin = Instant::now();
            visitor.says(&text).await;
            visitor.sees("line", &text).await;
            widget.push(begin.elapsed().as_secs_f64() * 1_000.0);
        }
        (p99(widget), p99(chat))
    }
}

/// Lets all visitors write at the same time; returns the number of messages missing on their pages.
async fn everybody_talks(visitors: &mut [Visitor]) -> usize {
    let talks = visitors
        .iter_mut()
        .enumerate()
        .map(async |(number, visitor)| {
            let text = format!("I am {number}");
            visitor.says(&text).await;
            let own = timeout(PATIENCE, visitor.sees("visitor", &text)).await;
            let answer = timeout(PATIENCE, visitor.sees("line", &text)).await;
            usize::from(own.is_err()) + usize::from(answer.is_err())
        });
    join_all(talks).await.into_iter().sum()
}

impl Drop for Site {
    fn drop(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

/// A visitor who looks at their chat.
struct Visitor {
    http: Http,
    say: String,
    secret: String,
    stream: Response,
    text: String,
    /// Entries on the page, by number.
    shown: BTreeMap<u64, Value>,
}

impl Visitor {
    async fn new(site: &Site, http: &Http, number: usize) -> Visitor {
        let (url, line) = (&site.url, site.line);
        let secret = format!("{number:064x}");
        let looks = http.get(format!("{url}/events?line={line}"));
        let stream = looks.bearer_auth(&secret).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        Visitor {
            http: http.clone(),
            say: format!("{url}/say?line={line}"),
            secret,
            stream,
            text: String::new(),
            shown: BTreeMap::new(),
        }
    }

    async fn says(&self, text: &str) {
        let said = json!({ "id": text.replace(' ', "-"), "text": text });
        let request = self.http.post(&self.say).bearer_auth(&self.secret);
        let answer = request.json(&said).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// Reads the stream until the page shows this by one side.
    async fn sees(&mut self, by: &str, text: &str) {
        let is_it = |entry: &Value| entry["by"] == by && entry["text"] == text;
        while !self.shown.values().any(is_it) {
            let chunk = self
                .stream
                .chunk()
                .await
                .unwrap()
                .expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                self.show(&event);
            }
        }
    }

    fn show(&mut self, event: &str) {
        let data = event.lines().find_map(|line| line.strip_prefix("data: "));
        if let (true, Some(data)) = (event.starts_with("id: "), data) {
            let entry: Value = serde_json::from_str(data).unwrap();
            self.shown.insert(entry["number"].as_u64().unwrap(), entry);
        }
    }
}

fn p99(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}
