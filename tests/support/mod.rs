//! An emulated portal, an application installed on it, and people who talk, over real HTTP.
//!
//! ```ignore
//! let desk = Desk::with(App::new().bot(Echo)).await;
//! let mut ann = desk.private("Ann", "echo");
//! ann.says("Hello").sees("Hello").await;
//! ```
//!
//! No test sleeps for a fixed time: people see the portal's own feed, which the web chat
//! reads as well, and a test waits at most [`PATIENCE`] for anything.

pub(crate) mod log;
pub(crate) mod model;
pub(crate) mod offline;
mod person;
pub(crate) mod pooler;
pub(crate) mod postgres;
mod postgres_owner;
pub(crate) mod proxy;
pub(crate) mod random;
pub(crate) mod site;

use std::sync::Arc;
use std::time::Duration;

use imbot::emulator::{Emulator, NewApp, Options};
use imbot::engine::Engine;
use imbot::{App, Config, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

pub(crate) use person::Person;

/// Time limit for anything a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Interval of checks where there is no event to wait for.
const GLANCE: Duration = Duration::from_millis(5);

/// An emulated portal with one application.
pub(crate) struct Desk {
    pub(crate) portal: Emulator,
    pub(crate) engine: Arc<Engine>,
}

impl Desk {
    /// Starts an application on its own portal, and sets up its bots, commands and hooks.
    pub(crate) async fn with(app: App) -> Desk {
        Desk::on(app, Options::default()).await
    }

    /// The same with other settings of the portal, on a free port.
    pub(crate) async fn on(app: App, options: Options) -> Desk {
        Desk::of(app, options, |_| ()).await
    }

    /// The same with another registration of the application.
    pub(crate) async fn of(app: App, options: Options, change: impl FnOnce(&mut NewApp)) -> Desk {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            ..options
        };
        let portal = Emulator::start(options).await.expect("a portal");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let handler = format!("http://{}/", listener.local_addr().expect("an address"));
        let mut known = NewApp::new("bots", &handler);
        change(&mut known);
        let credentials = portal.register_app(known);
        let config = Config::emulated(&portal, &credentials, handler);
        let engine = app.engine(&config).expect("an engine");
        let stop = std::future::pending();
        let served = serve::run(
            serve::endpoint(Arc::clone(&engine)),
            listener,
            stop,
            PATIENCE,
        );
        tokio::spawn(served);
        portal
            .install(&credentials.client_id)
            .await
            .expect("installed");
        timeout(PATIENCE, engine.until_set_up(1))
            .await
            .expect("set up in time");
        Desk { portal, engine }
    }

    /// Waits until a condition is true.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Desk) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < end, "waited in vain for {what}");
            sleep(GLANCE).await;
        }
    }

    /// Returns the answered calls of a REST method, oldest first.
    pub(crate) fn calls(&self, method: &str) -> Vec<Value> {
        let mut calls = self.portal.traffic_log();
        calls.retain(|entry| entry["kind"] == "rest" && entry["name"] == method);
        calls
    }

    /// Fires an event once the application has bound it.
    pub(crate) async fn fires(&self, event: &str, data: &Value) {
        self.until("the event to be bound", |desk| {
            desk.portal.fire(event, data) > 0
        })
        .await;
    }

    /// Returns a person in the private chat with a bot, which is not opened yet.
    pub(crate) fn private(&self, name: &str, bot: &str) -> Person {
        Person::new(&self.portal, self.user(name), self.bot(bot).to_string())
    }

    /// Creates a group of people and bots, and returns the people.
    pub(crate) fn group<const N: usize>(&self, people: [&str; N], bots: &[&str]) -> [Person; N] {
        let users = people.map(|name| self.user(name));
        let bots = bots.iter().map(|code| self.bot(code));
        let members: Vec<u64> = users.iter().copied().chain(bots).collect();
        let views = users.map(|user| Person::new(&self.portal, user, String::new()));
        let dialog = self
            .portal
            .group(members[0], "A group", &members)
            .expect("a group");
        views.map(|person| person.at(&dialog))
    }

    /// Returns the id of a bot.
    pub(crate) fn bot(&self, code: &str) -> u64 {
        self.portal
            .bot(code)
            .unwrap_or_else(|| panic!("no bot `{code}` is registered"))
    }

    /// Returns the id of a person by their first name.
    pub(crate) fn user(&self, name: &str) -> u64 {
        let state = self.portal.state(1).expect("the administrator");
        let people = state["users"].as_array().expect("people");
        let person = people.iter().find(|person| person["first_name"] == name);
        person
            .and_then(|person| person["id"].as_u64())
            .unwrap_or_else(|| panic!("nobody is called {name}"))
    }
}
