//! The program that is measured: a bot on the store that several processes share, without calls to
//! a portal.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imbot::engine::{Engine, RepeatId, Transport};
use imbot::event::{DialogId, MessageId};
use imbot::portal::{BotClient, Error};
use imbot::prelude::*;
use imbot::serve;
use imbot::store::{Call, Key, Postgres};
use poem::handler;
use poem::web::Data;
use poem::{EndpointExt, Route, get};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::offline;

const NAME: &str = "MEMBERS_NAME";
const DATABASE: &str = "MEMBERS_DATABASE";
const KEY: &str = "MEMBERS_KEY";
const REPORTS: &str = "MEMBERS_REPORTS";
const HANGS: &str = "MEMBERS_HANGS";

/// Path of the figures ([`figures`]).
pub(crate) const FIGURES: &str = "/figures";

/// Beginning of the name of a chat whose turns and answers are reported.
pub(crate) const PROBE: &str = "probe";

/// Beginning of the name of a chat in which an answer is never sent, if the process hangs.
pub(crate) const STUCK: &str = "probestuck";

/// First byte of a report: a turn has begun, or an answer is being sent. The number of the message
/// follows.
pub(crate) const TURN: u8 = b'T';
pub(crate) const ANSWER: u8 = b'A';

/// The settings of a process.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) database: String,
    pub(crate) key: String,
    /// The address to which reports are sent.
    pub(crate) reports: String,
    /// Whether it never ends to send to a chat that is [`STUCK`].
    pub(crate) hangs: bool,
}

impl Settings {
    /// Returns the command that starts the program.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .env(NAME, &self.name)
            .env(DATABASE, &self.database)
            .env(KEY, &self.key)
            .env(REPORTS, &self.reports)
            .env(HANGS, self.hangs.to_string());
        command
    }
}

/// Returns true if this process was started to be the program.
pub(crate) fn is_child() -> bool {
    std::env::var_os(NAME).is_some()
}

/// Serves on a free port, which it prints, until it is stopped, or its input ends: then the program
/// that has started it has ended.
pub(crate) fn run() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]); // ends also if it cannot be read
        std::process::exit(1);
    });
    let variable = |name| std::env::var(name).unwrap();
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_max_level(tracing::Level::ERROR).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let stop = serve::stop_signal(); // handled from here on
        let key = Key::from_base64(&variable(KEY)).unwrap();
        let store = Postgres::open(&variable(DATABASE).into(), &[key]).unwrap();
        let store = Arc::new(store.with_name(&variable(NAME)));
        let counts = Arc::new(Counts::default());
        let reports = Arc::new(Reports::to(&variable(REPORTS)));
        let bot = Echo(Arc::clone(&counts), Arc::clone(&reports));
        let swallow = Swallow {
            counts: Arc::clone(&counts),
            reports,
            hangs: variable(HANGS) == "true",
        };
        let app = App::new().bot(bot).shared_store(store).transport(swallow);
        let engine = app.engine(&offline::config()).unwrap();
        engine.start().await.unwrap();
        let routes = Route::new().at("/", get(figures));
        let data = (Arc::clone(&engine), counts);
        let endpoint = serve::endpoint(engine).nest(FIGURES, routes.data(data));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        std::io::stdout().flush().unwrap();
        let limit = serve::STOP_TIMEOUT;
        serve::run(endpoint, listener, stop, limit).await.unwrap();
    });
}

/// What this process has done.
#[derive(Debug, Default)]
struct Counts {
    /// Answers that were swallowed.
    answers: AtomicU64,
    /// Messages that came behind a later one of their chat.
    disordered: AtomicU64,
}

/// The number of waiting events and calls, of answers, and of messages out of order.
#[handler]
fn figures(Data((engine, counts)): Data<&(Arc<Engine>, Arc<Counts>)>) -> String {
    let (events, calls) = engine.waiting();
    let answers = counts.answers.load(Ordering::SeqCst);
    let disordered = counts.disordered.load(Ordering::SeqCst);
    format!("{events} {calls} {answers} {disordered}")
}

/// Repeats each message, and stores 200 bytes of each chat: the number of its last message, and a
/// text.
struct Echo(Arc<Counts>, Arc<Reports>);

#[derive(Serialize, Deserialize, Default)]
struct Memo {
    last: u64,
    text: String,
}

impl Bot<Memo> for Echo {
    fn profile(&self) -> Profile {
        Profile::new("BOT1", "Echo")
    }

    async fn message(&self, cx: &mut Context<Memo>, message: Message) -> Result {
        let Self(counts, reports) = self;
        reports.send(TURN, cx.dialog(), message.id.0);
        if message.id.0 <= cx.state.last {
            counts.disordered.fetch_add(1, Ordering::SeqCst);
        }
        cx.state.last = message.id.0;
        cx.state.text = "x".repeat(174);
        cx.say(format!("{} {}", message.id.0, message.text));
        Ok(())
    }
}

/// Sends nothing. Counts and reports the answers.
#[derive(Debug)]
struct Swallow {
    counts: Arc<Counts>,
    reports: Arc<Reports>,
    hangs: bool,
}

impl Transport for Swallow {
    fn send<'a>(
        &'a self,
        _: &'a BotClient,
        dialog: &'a DialogId,
        call: Call<MessageId>,
        _: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(async move {
            self.counts.answers.fetch_add(1, Ordering::SeqCst);
            if dialog.as_str().starts_with(PROBE) {
                self.reports.send(ANSWER, dialog, number(&call));
            }
            if self.hangs && dialog.as_str().starts_with(STUCK) {
                sleep(Duration::from_secs(60 * 60)).await;
            }
            Ok(None)
        })
    }
}

/// Returns the number of the message that a call answers.
fn number(call: &Call<MessageId>) -> u64 {
    let Call::Say { params, .. } = call else {
        return 0;
    };
    let text = params.get("MESSAGE").or_else(|| params.get("message"));
    let text = text.and_then(|text| text.as_str()).unwrap_or_default();
    let number = text.split_once(' ').map(|(number, _)| number.parse());
    number.and_then(Result::ok).unwrap_or_default()
}

/// Reports what happens in chats that are a [`PROBE`].
#[derive(Debug)]
struct Reports(UdpSocket);

impl Reports {
    fn to(address: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        Self(socket)
    }

    fn send(&self, kind: u8, dialog: &DialogId, number: u64) {
        if dialog.as_str().starts_with(PROBE) {
            let mut report = [kind; 9];
            report[1..].copy_from_slice(&number.to_le_bytes());
            self.0.send(&report).unwrap();
        }
    }
}
