//! A portal and a program, connected by HTTP only.

use std::io;
use std::ops::Deref;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use imbot::emulator::{Credentials, Emulator, NewApp, Options};
use imbot::engine::Engine;
use imbot::event::form;
use imbot::prelude::{Api, App, Bot, Context, Message, Result};
use imbot::store::Store;
use imbot::{Config, serve};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Maximum time that a test waits for an expected effect.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Interval of polling, in seconds.
pub(super) const POLL: f64 = 0.02;

/// Ann, the administrator of every emulated portal.
pub(super) const ANN: u64 = 1;

/// A bot that repeats messages.
pub(crate) struct Echo;

impl Bot for Echo {
    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(message.text);
        Ok(())
    }
}

/// A portal and a program.
pub(super) struct Desk {
    pub(super) portal: Arc<Emulator>,
    pub(super) engine: Arc<Engine>,
}

/// A portal, and a served application that the portal can reach.
pub(super) struct Setup {
    desk: Desk,
    pub(super) credentials: Credentials,
    pub(super) handler: String,
    stop: CancellationToken,
    served: JoinHandle<io::Result<()>>,
}

impl Deref for Setup {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl Setup {
    /// An installed application, with its bots registered.
    pub(super) async fn installed(app: App) -> Self {
        let setup = Self::not_yet_installed(app, "").await;
        setup.install().await;
        setup
    }

    /// Restarts the program in another version, with the same store.
    pub(super) async fn restart(self, app: App) -> Self {
        self.stop().await.start(app).await
    }

    /// Stops the program.
    pub(super) async fn stop(self) -> Stopped {
        self.stop.cancel();
        self.served.await.unwrap().unwrap();
        Stopped {
            portal: self.desk.portal,
            credentials: self.credentials,
            handler: self.handler,
            store: Arc::clone(self.desk.engine.store()),
        }
    }

    /// The program's settings.
    pub(super) fn config(&self) -> Config {
        config(&self.portal, &self.credentials, &self.handler)
    }

    /// An installed application, on a portal that posts both v1 and v2 events to a bot subscribed
    /// to both.
    pub(super) async fn of_both_formats(app: App) -> Self {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            both_formats: true,
            ..Options::default()
        };
        let portal = Emulator::start(options).await.unwrap();
        let setup = Self::at(app, portal, "").await;
        setup.install().await;
        setup
    }

    /// An installed application, with other settings.
    pub(super) async fn with_settings(
        app: App,
        change: impl FnOnce(&mut Config, &Emulator),
    ) -> Self {
        Self::with_settings_at(portal().await, app, change).await
    }

    /// The same on this portal.
    pub(super) async fn with_settings_at(
        portal: Emulator,
        app: App,
        change: impl FnOnce(&mut Config, &Emulator),
    ) -> Self {
        let portal = Arc::new(portal);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let handler = format!("http://{}/", listener.local_addr().unwrap());
        let credentials = portal.register_app(NewApp::new("bots", &handler));
        let setup = Self::by(app, portal, credentials, listener, "", change);
        setup.install().await;
        setup
    }

    /// An application below a path, not yet installed.
    pub(super) async fn not_yet_installed(app: App, path: &str) -> Self {
        Self::at(app, portal().await, path).await
    }

    async fn at(app: App, portal: Emulator, path: &str) -> Self {
        let portal = Arc::new(portal);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let handler = format!("http://{}{path}/", listener.local_addr().unwrap());
        let credentials = portal.register_app(NewApp::new("bots", &handler));
        Self::of(app, portal, credentials, listener, path)
    }

    fn of(
        app: App,
        portal: Arc<Emulator>,
        credentials: Credentials,
        listener: TcpListener,
        path: &str,
    ) -> Self {
        Self::by(app, portal, credentials, listener, path, |_, _| {})
    }

    fn by(
        app: App,
        portal: Arc<Emulator>,
        credentials: Credentials,
        listener: TcpListener,
        path: &str,
        change: impl FnOnce(&mut Config, &Emulator),
    ) -> Self {
        let handler = format!("http://{}{path}/", listener.local_addr().unwrap());
        let mut config = config(&portal, &credentials, &handler);
        change(&mut config, &portal);
        let engine = app.engine(&config).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let (served, path) = (Arc::clone(&engine), path.to_owned());
        let served = async move {
            serve::run(
                serve::endpoint(served).below(&path),
                listener,
                stopped,
                PATIENCE,
            )
            .await
        };
        Self {
            desk: Desk { portal, engine },
            credentials,
            handler,
            stop,
            served: tokio::spawn(served),
        }
    }

    /// The portal and the engine; the program cannot be stopped any more.
    pub(super) fn into_desk(self) -> Desk {
        self.desk
    }

    /// Posts an event as a portal does, and returns the status of the answer.
    pub(super) async fn post(&self, body: &Value) -> u16 {
        let request = reqwest::Client::new().post(&self.handler);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answered = request.body(form::encode(body)).send().await;
        answered.unwrap().status().as_u16()
    }

    /// Posts an event with the proof of the installed portal.
    pub(super) async fn post_as_portal(&self, mut body: Value) -> u16 {
        let known = self.engine.store().portals().await.unwrap().remove(0);
        body["auth"] = json!({
            "member_id": known.portal,
            "application_token": known.application_token.expose_secret(),
        });
        self.post(&body).await
    }

    /// Waits until every accepted event is handled and every call sent.
    pub(super) async fn settles(&self) {
        until("the program to rest", || self.engine.waiting() == (0, 0)).await;
    }

    /// Installs the application, and waits until its bots are registered.
    pub(super) async fn install(&self) {
        let before = self.engine.setups();
        self.portal
            .install(&self.credentials.client_id)
            .await
            .unwrap();
        let set_up = self.engine.until_set_up(before + 1);
        tokio::time::timeout(PATIENCE, set_up)
            .await
            .expect("set up in time");
    }
}

impl Desk {
    /// The requests with this name, oldest first.
    pub(super) fn traffic(&self, name: &str) -> Vec<Value> {
        let mut entries = self.portal.traffic_log();
        entries.retain(|entry| entry["name"] == name);
        entries
    }

    /// The messages that bots have sent with this API, as calls.
    pub(super) fn sent(&self, api: Api) -> Vec<Value> {
        self.traffic(if api == Api::V1 {
            "imbot.message.add"
        } else {
            "imbot.v2.chat.message.send"
        })
    }

    /// Creates groups of Ann and a bot, and returns their dialogs.
    pub(super) fn groups(&self, bot: u64, count: usize) -> Vec<String> {
        let group = |n| self.portal.group(ANN, &format!("Group {n}"), &[ANN, bot]);
        (0..count).map(|n| group(n).unwrap()).collect()
    }

    /// Returns Ann's dialog with a bot.
    pub(super) fn dialog(&self, code: &str) -> String {
        self.portal.bot(code).expect("a bot").to_string()
    }

    /// Sends a message of Ann to a bot in its private chat.
    pub(super) fn write(&self, code: &str, text: &str) -> u64 {
        self.portal.send(ANN, &self.dialog(code), text).unwrap()
    }

    /// The messages of a bot to Ann.
    pub(super) fn messages_of(&self, code: &str) -> Vec<Value> {
        let bot = self.portal.bot(code).expect("a bot");
        let mut messages = self.portal.history(ANN, &bot.to_string());
        messages.retain(|message| message["author"] == bot);
        messages
    }

    /// Types `/where` in a group without bots, and waits for an answer with "here".
    pub(super) async fn answers_where_the_bot_is_not_a_member(&self) {
        let group = self.portal.group(ANN, "Without the bot", &[]).unwrap();
        self.portal.send(ANN, &group, "/where").unwrap();
        let is_answered = || {
            let last = self.portal.history(ANN, &group).pop();
            last.is_some_and(|last| {
                let text = last["text"].as_str().unwrap();
                text != "/where" && text.contains("here")
            })
        };
        until("the answer", is_answered).await;
    }

    /// Waits until a bot has sent exactly these messages to Ann.
    pub(super) async fn receives(&self, code: &str, expected: &[&str]) {
        until(&format!("{code} to say {expected:?}"), || {
            texts(&self.messages_of(code)) == expected
        })
        .await;
    }
}

/// A portal whose program is stopped, with the program's store.
pub(super) struct Stopped {
    pub(super) portal: Arc<Emulator>,
    pub(super) credentials: Credentials,
    pub(super) handler: String,
    pub(super) store: Arc<dyn Store>,
}

impl Stopped {
    /// Starts a version of the program.
    pub(super) async fn start(self, app: App) -> Setup {
        let address = self.handler.trim_start_matches("http://");
        let listener = TcpListener::bind(address.trim_end_matches('/')).await;
        self.on(app, listener.unwrap()).await
    }

    /// Starts a version of the program at another address.
    pub(super) async fn start_elsewhere(self, app: App) -> Setup {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        self.on(app, listener.unwrap()).await
    }

    async fn on(self, app: App, listener: TcpListener) -> Setup {
        let app = app.shared_store(self.store);
        let setup = Setup::of(app, self.portal, self.credentials, listener, "");
        setup.engine.start().await.unwrap();
        assert!(setup.engine.reconcile().await.is_empty());
        setup
    }
}

fn config(portal: &Emulator, credentials: &Credentials, handler: &str) -> Config {
    let mut config = Config::emulated(portal, credentials, handler);
    (config.poll_quick, config.poll_slow) = (POLL, POLL);
    config
}

/// An emulated portal on a free port.
pub(super) async fn portal() -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// An emulated portal without a limit on calls.
pub(super) async fn portal_without_limit() -> Emulator {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        rate: None,
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// A process that runs an ignored test of this program.
pub(super) fn process(test: &str) -> Command {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", test, "--ignored", "--nocapture"]);
    process
}

/// Asks a process to end, with SIGTERM.
pub(super) fn terminate(process: &Child) {
    let mut kill = Command::new("kill");
    let status = kill.args(["-TERM", &process.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// Serves an engine until this process receives SIGTERM.
pub(super) async fn serve_until_signal(engine: Arc<Engine>, listener: TcpListener) {
    let endpoint = serve::endpoint(engine);
    let served = serve::run(endpoint, listener, serve::stop_signal(), PATIENCE).await;
    served.unwrap();
}

/// Serves an engine in the background until the test ends.
pub(super) fn serve_in_background(engine: &Arc<Engine>, listener: TcpListener) {
    let endpoint = serve::endpoint(Arc::clone(engine));
    let never = std::future::pending();
    tokio::spawn(serve::run(endpoint, listener, never, PATIENCE));
}

/// The texts of messages.
pub(super) fn texts(messages: &[Value]) -> Vec<&str> {
    let texts = messages.iter().map(|message| &message["text"]);
    texts.filter_map(Value::as_str).collect()
}

/// Waits until a condition is met.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "timed out waiting for {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
