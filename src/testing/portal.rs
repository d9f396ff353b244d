//! The portal of a test, with the program on it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use poem::Request;
use poem::http::Method;
use serde_json::Value;

use super::clock::HeldClock;
use super::network::{self, Addresses};
use super::person::Person;
use super::settings::{BEGINNING, HANDLER_TIME, Settings};
use crate::app::App;
use crate::config::Config;
use crate::emulator::{Client, Emulator, MethodAnswer, NewApp, NewLine, Options};
use crate::engine::{Engine, Seams};
use crate::event::BotId;
use crate::portal::Http;
use crate::serve;
use crate::store::{
    Appended, Conversation, Memory, NewDelivery, NewEvent, Occurrence, OrderingKey, StateChange,
    Store, StoredState, Time, TurnCommit,
};

/// Maximum time of the test's clock that [`Person::sees`] waits.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The shortest time of the clock, which passes only when nothing else can run.
const INSTANT: Duration = Duration::from_millis(1);

/// The addresses of the portal and of the program. Nothing listens there.
const PORTAL: ([u8; 4], u16) = ([127, 0, 0, 1], 8071);
const PROGRAM: &str = "http://127.0.0.1:8072/";

/// Maximum number of dead letters that a failure shows.
const SHOWN_MAX: usize = 10;

/// What a test starts: an [`App`], or a function that returns one.
///
/// A program that crashes or restarts is built again by the function. Without one, the new program
/// has the same bots, connectors and hooks: what they keep in their own fields survives, which it
/// does not in a real program; endpoints that [`App::nest`] adds are gone.
pub trait Program {
    /// Returns the program to start.
    fn build(&mut self) -> App;
}

impl Program for App {
    fn build(&mut self) -> App {
        let again = self.again();
        std::mem::replace(self, again)
    }
}

impl<F: FnMut() -> App> Program for F {
    fn build(&mut self) -> App {
        self()
    }
}

/// An emulated portal and a program that is installed on it, in this process.
///
/// ```
/// use std::time::Duration;
///
/// use imbot::prelude::*;
/// use imbot::testing::TestPortal;
///
/// struct Alarm;
///
/// impl Bot for Alarm {
///     async fn message(&self, cx: &mut Context, message: Message) -> Result {
///         cx.remind(Duration::from_secs(3600), message.text.clone())?;
///         cx.say("In an hour, then.");
///         Ok(())
///     }
///
///     async fn reminded(&self, cx: &mut Context, reminder: Reminder) -> Result {
///         cx.say(format!("It is time: {}", reminder.read::<String>()?));
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let portal = TestPortal::with(|| App::new().bot(Alarm)).await;
/// let mut ann = portal.private("Ann", "alarm");
/// ann.says("Tea").sees("In an hour").await;
/// portal.crash().await; // as kill -9; the store survives
/// portal.advance(Duration::from_secs(3600)).await;
/// ann.sees("It is time: Tea").await;
/// assert_eq!(ann.transcript(), "Ann: Tea\nAlarm: In an hour, then.\nAlarm: It is time: Tea\n");
/// # }
/// ```
pub struct TestPortal {
    inner: Arc<Inner>,
}

/// What people of the test and the test itself share.
pub(super) struct Inner {
    pub(super) emulator: Emulator,
    pub(super) clock: HeldClock,
    running: Mutex<Running>,
    addresses: Addresses,
    http: Http,
    seams: Seams,
    store: Arc<dyn Store>,
    config: Config,
    expected: Expected,
}

/// The program, and how to build it again.
struct Running {
    program: Box<dyn Program + Send>,
    engine: Arc<Engine>,
    /// The failed attempts of the programs before.
    failed_before: u64,
}

/// How many failures a test expects.
#[derive(Debug, Default)]
struct Expected {
    failures: AtomicU64,
    dead: AtomicU64,
}

impl TestPortal {
    /// Starts a program on a portal of its own: installs it, and sets up its bots, commands and
    /// hooks.
    ///
    /// # Panics
    /// The runtime is not one of a single thread, or the program cannot be started.
    pub async fn with(program: impl Program + Send + 'static) -> Self {
        Self::with_settings(program, |_| ()).await
    }

    /// The same with other settings.
    ///
    /// ```
    /// # use imbot::prelude::*;
    /// # use imbot::testing::TestPortal;
    /// # struct Echo;
    /// # impl Bot for Echo {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app = App::new().bot(Echo);
    /// let portal = TestPortal::with_settings(app, |settings| {
    ///     settings.portal.language = "de".into();
    ///     settings.config.attempts = 2;
    /// })
    /// .await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// Those of [`with`](Self::with).
    pub async fn with_settings(
        mut program: impl Program + Send + 'static,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings {
            portal: Options::default(),
            app: NewApp::new("bots", PROGRAM),
            begins_at: BEGINNING,
            handler_time: HANDLER_TIME,
            config: Config::default(),
        };
        settings.portal.delivery_delay = Duration::ZERO;
        change(&mut settings);
        settings.portal.listen = PORTAL.into();
        let clock = HeldClock::new(settings.begins_at);
        let addresses = Addresses::default();
        let emulator = emulator(&settings.portal, settings.begins_at, &addresses);
        let credentials = emulator.register_app(settings.app);
        let config = settings.config.on(&emulator, &credentials, PROGRAM);
        let http = http(&emulator);
        let mut seams = Seams::default();
        let handler_time = settings.handler_time;
        seams.on_handler(move || Box::new(HeldClock::hold_for_at_most(handler_time)));
        let app = program.build();
        let store = app.own_store().unwrap_or_else(|| Arc::new(Memory::new()));
        let starting = Starting {
            addresses: &addresses,
            http: &http,
            seams: &seams,
            clock: &clock,
            config: &config,
            store: &store,
        };
        let engine = clock.released(starting.start(app)).await;
        let installed = async {
            let installed = emulator.install(&credentials.client_id).await;
            installed.expect("the application is registered");
            let set_up = tokio::time::timeout(PATIENCE, engine.until_set_up(1));
            set_up.await.expect("the installation is set up in time");
        };
        clock.released(installed).await;
        let inner = Inner {
            emulator,
            running: Mutex::new(Running {
                program: Box::new(program),
                engine,
                failed_before: 0,
            }),
            addresses,
            http,
            seams,
            store,
            config,
            clock,
            expected: Expected::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Returns a person in the private chat with a bot, which is not opened yet. The people are
    /// Ann, who is an administrator, Boris, Clara, David and Elif.
    ///
    /// # Panics
    /// There is no such person or bot.
    pub fn private(&self, name: &str, bot: &str) -> Person {
        let (user, bot) = (self.user(name), self.bot(bot));
        Person::in_chat(&self.inner, user, bot.to_string())
    }

    /// Creates a group of people and bots, and returns the people.
    ///
    /// # Panics
    /// There is no such person or bot, or no person at all.
    pub fn group<const N: usize>(&self, people: [&str; N], bots: &[&str]) -> [Person; N] {
        let users = people.map(|name| self.user(name));
        let bots = bots.iter().map(|code| self.bot(code));
        let members: Vec<u64> = users.iter().copied().chain(bots).collect();
        let made = self.inner.emulator.group(members[0], "A group", &members);
        let dialog = made.expect("all members exist");
        users.map(|user| Person::in_chat(&self.inner, user, dialog.clone()))
    }

    /// Returns a client outside of the portal, who writes to an open channel with this bot. Boris
    /// is its operator.
    ///
    /// # Panics
    /// There is no such bot.
    pub fn visitor(&self, name: &str, bot: &str) -> Person {
        let boris = self.user("Boris");
        let line = NewLine::new("Support").queue(&[boris]).bot(self.bot(bot));
        let client = Client {
            line: self.inner.emulator.add_line(line),
            id: name.to_lowercase(),
            name: name.to_owned(),
        };
        Person::outside(&self.inner, client)
    }

    /// Moves the clock by this time, timer by timer, and lets everything happen that is due.
    pub async fn advance(&self, time: Duration) {
        self.settle().await;
        let moved = tokio::time::sleep(time);
        self.inner.clock.released(moved).await;
        self.settle().await;
    }

    /// Waits until nothing more can happen without the clock. It moves by a millisecond.
    pub async fn settle(&self) {
        self.inner.settle().await;
    }

    /// Returns the time of the test's clock.
    pub fn now(&self) -> Time {
        self.inner.clock.as_clock().now()
    }

    /// Kills the program wherever it is, as `kill -9` does, and starts it again with the same
    /// store.
    ///
    /// # Panics
    /// The program cannot be started.
    pub async fn crash(&self) {
        self.inner.addresses.kill();
        self.inner.engine().abort();
        self.settle().await;
        self.start().await;
    }

    /// Stops the program as SIGTERM does, and starts it again with the same store.
    ///
    /// # Panics
    /// The program cannot be started.
    pub async fn restart(&self) {
        let engine = self.inner.engine();
        let stopped = engine.stop(serve::STOP_TIMEOUT);
        self.inner.clock.released(stopped).await;
        self.inner.addresses.kill();
        self.start().await;
    }

    /// Stops the program, and starts another version of it with the same store.
    ///
    /// # Panics
    /// The program cannot be started.
    pub async fn restart_as(&self, program: impl Program + Send + 'static) {
        self.inner.running().program = Box::new(program);
        self.restart().await;
    }

    async fn start(&self) {
        let inner = &self.inner;
        let app = {
            let mut running = inner.running();
            running.failed_before += running.engine.counts().failed.get();
            running.program.build()
        };
        let starting = Starting {
            addresses: &inner.addresses,
            http: &inner.http,
            seams: &inner.seams,
            clock: &inner.clock,
            config: &inner.config,
            store: &inner.store,
        };
        let engine = inner.clock.released(starting.start(app)).await;
        let failed = inner.clock.released(engine.reconcile()).await;
        assert!(failed.is_empty(), "the portal cannot be set up: {failed:?}");
        inner.running().engine = engine;
    }

    /// Refuses the next calls of the program with this code, before any other check.
    pub fn refuse(&self, calls: usize, code: &str) {
        let status = match code {
            "QUERY_LIMIT_EXCEEDED" | "OVERLOAD_LIMIT" | "INTERNAL_SERVER_ERROR" => 503,
            _ => 400,
        };
        self.inner.emulator.refuse(calls, status, code);
    }

    /// Answers a REST method from now on, in place of the portal ([`Emulator::answers`]).
    pub fn answers<A: Into<MethodAnswer>>(
        &self,
        method: &str,
        answer: impl Fn(&Value) -> A + Send + Sync + 'static,
    ) {
        self.inner.emulator.answers(method, answer);
    }

    /// Delivers every event again that the portal has delivered so far. Nothing may follow from it.
    pub async fn redeliver(&self) {
        self.settle().await;
        let repeated = self.inner.addresses.repeat();
        self.inner.clock.released(repeated).await;
        self.settle().await;
    }

    /// Runs each turn twice from now on, and drops what the first run decided: a bot that keeps
    /// something besides its state shows it. Calls that a handler makes at once are made twice.
    pub fn run_twice(&self) {
        self.inner.seams.run_twice();
    }

    /// Sends an event of the portal that is no bot's to all who have bound it, and waits until
    /// nothing more can happen.
    ///
    /// # Panics
    /// Nobody has bound it.
    pub async fn fires(&self, event: &str, data: &Value) {
        self.settle().await;
        let bound = self.inner.emulator.fire(event, data);
        assert!(bound > 0, "the program has no hook for {event}");
        self.settle().await;
    }

    /// Posts to an address of the program, such as one that [`App::nest`] adds, and returns the
    /// status and the body of the answer.
    ///
    /// # Panics
    /// The path is not valid, or the program does not run.
    pub async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<String>,
    ) -> (u16, String) {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path.parse().expect("a path"))
            .content_type(content_type)
            .body(body.into());
        self.request(request).await
    }

    /// Sends a request to the program, and returns the status and the body of the answer.
    ///
    /// # Panics
    /// The program does not run.
    pub async fn request(&self, request: Request) -> (u16, String) {
        let answered = self.inner.addresses.answer(request);
        let response = self.inner.clock.released(answered).await;
        let response = response.expect("the program runs");
        let status = response.status().as_u16();
        let body = response.into_body().into_string().await;
        (status, body.unwrap_or_default())
    }

    /// Returns the calls of a REST method that were answered, whatever the case of its letters,
    /// oldest first, as in
    /// [`Emulator::traffic_log`].
    pub fn calls(&self, method: &str) -> Vec<Value> {
        let mut calls = self.inner.emulator.traffic_log();
        let is_named = |name: &str| name.eq_ignore_ascii_case(method);
        calls.retain(|entry| {
            entry["kind"] == "rest" && entry["name"].as_str().is_some_and(is_named)
        });
        calls
    }

    /// Expects this many failed attempts of handlers until the end of the test.
    pub fn expects_failures(&self, attempts: u64) {
        self.inner
            .expected
            .failures
            .store(attempts, Ordering::Relaxed);
    }

    /// Expects this many dead letters at the end of the test.
    pub fn expects_dead_letters(&self, letters: u64) {
        self.inner.expected.dead.store(letters, Ordering::Relaxed);
    }

    /// Returns the portal, for everything else that a portal and its people can do.
    pub fn emulator(&self) -> &Emulator {
        &self.inner.emulator
    }

    /// Returns the engine of the running program.
    pub fn engine(&self) -> Arc<Engine> {
        self.inner.engine()
    }

    /// Returns the id of a person by their first name.
    ///
    /// # Panics
    /// There is no such person.
    pub fn user(&self, name: &str) -> u64 {
        let person = self.inner.emulator.person(name);
        person.unwrap_or_else(|| panic!("nobody on the portal is called {name}"))
    }

    /// Returns the id of a bot by its code.
    ///
    /// # Panics
    /// There is no such bot.
    pub fn bot(&self, code: &str) -> u64 {
        let bot = self.inner.emulator.bot(code);
        bot.unwrap_or_else(|| panic!("no bot `{code}` is registered on the portal"))
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.running().engine)
    }

    pub(super) async fn settle(&self) {
        self.clock.released(tokio::time::sleep(INSTANT)).await;
    }

    /// Stores a state of a conversation.
    pub(super) async fn put_state(&self, bot: u64, dialog: &str, version: u32, state: &Value) {
        let portal = self.engine().portals().remove(0);
        let chat = Conversation {
            portal: portal.clone(),
            bot: BotId(bot),
            dialog: dialog.into(),
        };
        let at = self.clock.as_clock().now();
        // A state is stored by a turn, so there has to be an event.
        let delivery = NewDelivery {
            portal,
            body: Bytes::new(),
            at,
            events: vec![NewEvent {
                occurrence: Occurrence(uuid::Uuid::new_v4().as_u128()),
                key: OrderingKey::Chat(chat.clone()),
                part: 0,
            }],
        };
        let appended = self.store.append(delivery).await;
        let Ok(Appended::Now(events)) = appended else {
            panic!("the state cannot be stored: {appended:?}");
        };
        let event = events[0].expect("a new event");
        let bytes = state.to_string().into();
        let state = StateChange::Put(StoredState { version, bytes });
        let turn = TurnCommit {
            state: Some((chat, state)),
            ..TurnCommit::done(event, at)
        };
        self.store.commit(turn).await.expect("the state is stored");
    }

    /// Returns what the program does and what has failed, for a test that fails.
    pub(super) fn describe(&self) -> String {
        let (events, calls) = self.engine().waiting();
        let mut text = format!("{events} events and {calls} calls wait or are being worked on");
        for error in self.dead_letters() {
            text.push_str("\na dead letter: ");
            text.push_str(&error);
        }
        text
    }

    /// Returns the errors of the dead letters. A store in memory answers at once; another one may
    /// not, and then its dead letters are not seen.
    fn dead_letters(&self) -> Vec<String> {
        let read = self.store.dead_letters(None, SHOWN_MAX).now_or_never();
        let letters = read.and_then(Result::ok).unwrap_or_default();
        letters.into_iter().map(|letter| letter.error).collect()
    }

    fn failed(&self) -> u64 {
        let running = self.running();
        running.failed_before + running.engine.counts().failed.get()
    }
}

impl Drop for TestPortal {
    /// Fails the test if something failed that was not expected.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let inner = &self.inner;
        let expected = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let dead = inner.dead_letters();
        let (wanted, count) = (expected(&inner.expected.dead), dead.len() as u64);
        assert!(
            count == wanted,
            "{count} dead letters at the end of the test, {wanted} expected: {dead:#?}"
        );
        let (wanted, count) = (expected(&inner.expected.failures), inner.failed());
        assert!(
            count == wanted,
            "{count} attempts of handlers failed, {wanted} expected; the log has the errors"
        );
    }
}

impl fmt::Debug for TestPortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPortal")
            .field("emulator", &self.inner.emulator)
            .field("engine", &self.inner.engine())
            .finish_non_exhaustive()
    }
}

/// What a program is started with.
struct Starting<'t> {
    addresses: &'t Addresses,
    http: &'t Http,
    seams: &'t Seams,
    clock: &'t HeldClock,
    config: &'t Config,
    store: &'t Arc<dyn Store>,
}

impl Starting<'_> {
    async fn start(&self, mut app: App) -> Arc<Engine> {
        let add_nests = app.take_nests();
        let app = app
            .in_process(self.http.clone(), self.seams.clone())
            .clock(self.clock.as_clock())
            .shared_store(Arc::clone(self.store));
        let engine = app.engine(self.config);
        let engine = engine.unwrap_or_else(|error| panic!("the program cannot be built: {error}"));
        let started = engine.start().await;
        started.unwrap_or_else(|error| panic!("the program cannot start: {error}"));
        let endpoint = add_nests(serve::endpoint(Arc::clone(&engine)));
        self.addresses.serve(endpoint);
        engine
    }
}

/// Returns a portal that posts its events to the program.
fn emulator(options: &Options, now: Time, addresses: &Addresses) -> Emulator {
    let program = addresses.clone();
    let handlers = move |_: &'static str, url: String, form: String| {
        let program = program.clone();
        async move { program.answer_form(&url, form).await }.boxed()
    };
    Emulator::in_process(options, now.into(), Arc::new(handlers))
}

/// Returns a client that calls the portal.
fn http(emulator: &Emulator) -> Http {
    let routes = Arc::new(emulator.routes());
    let call = move |request| {
        let routes = Arc::clone(&routes);
        async move { network::call(&routes, request).await }.boxed()
    };
    Http::in_process([emulator.address().to_string()], Arc::new(call))
}
