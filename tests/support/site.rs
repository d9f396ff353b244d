//! A site with the widget: an emulated portal, a line with a bot, the widget, and visitors.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bots::Widget;
use imbot::emulator::{Credentials, Emulator, NewApp, NewLine, Options};
use imbot::engine::Engine;
use imbot::prelude::*;
use imbot::store::{Memory, Store};
use imbot::{Config, serve};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::PATIENCE;

/// The operator of the line.
pub(crate) const BORIS: u64 = 2;

/// The bot on the line.
struct Desk;

impl Bot for Desk {
    fn profile(&self) -> Profile {
        Profile::new("desk", "Desk").serves_open_channels()
    }

    async fn session_started(&self, cx: &mut Context, _: Option<SessionId>) -> Result {
        cx.say("Welcome");
        Ok(())
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        cx.say(format!("heard: {}", message.text));
        Ok(())
    }
}

/// A portal and a program with the widget, which can be restarted.
pub(crate) struct Site {
    pub(crate) portal: Emulator,
    pub(crate) line: u64,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) engine: Arc<Engine>,
    /// The widget's URL, without a slash at its end.
    pub(crate) url: String,
    address: SocketAddr,
    credentials: Credentials,
    store: Arc<dyn Store>,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl Site {
    /// Starts a site with a line that has the widget.
    pub(crate) async fn new() -> Site {
        Site::with(Options::default(), |widget| widget).await
    }

    /// The same with other settings.
    pub(crate) async fn with(options: Options, dress: impl FnOnce(Widget) -> Widget) -> Site {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            rate: None,
            ..options
        };
        let portal = Emulator::start(options).await.expect("a portal");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let handler = format!("http://{}/", listener.local_addr().expect("an address"));
        let credentials = portal.register_app(NewApp::new("shop", &handler));
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let store = Arc::new(Memory::new());
        let mut site = Site::serve(portal, credentials, folder, store, listener, dress);
        let installed = site.portal.install(&site.credentials.client_id).await;
        installed.expect("installed");
        let set_up = timeout(PATIENCE, site.engine.until_set_up(1)).await;
        set_up.expect("set up in time");
        let bot = site.portal.bot("desk").expect("a bot");
        let line = NewLine::new("Support").queue(&[BORIS]).bot(bot);
        site.line = site.portal.add_line(line);
        let opened = site.portal.open_settings(1, "imbot_widget", site.line);
        let page = opened.await.expect("opened").body;
        assert!(page.contains("Put this on your pages"), "{page}");
        site
    }

    fn serve(
        portal: Emulator,
        credentials: Credentials,
        folder: Arc<TempDir>,
        store: Arc<dyn Store>,
        listener: TcpListener,
        dress: impl FnOnce(Widget) -> Widget,
    ) -> Site {
        let address = listener.local_addr().expect("an address");
        let handler = format!("http://{address}/");
        let config = Config::emulated(&portal, &credentials, &handler);
        let widget = dress(Widget::new().folder(folder.path()));
        let app = App::new().bot(Desk).connector(widget.clone());
        let app = app.shared_store(Arc::clone(&store));
        let engine = app.engine(&config).expect("an engine");
        let stop = CancellationToken::new();
        let endpoint = serve::endpoint(Arc::clone(&engine)).nest(&widget.path(), widget);
        let stopped = stop.clone().cancelled_owned();
        let served = serve::run(endpoint, listener, stopped, PATIENCE);
        Site {
            portal,
            line: 0,
            folder,
            engine,
            url: format!("{handler}widget"),
            address,
            credentials,
            store,
            stop,
            served: tokio::spawn(served),
        }
    }

    /// Restarts the program.
    pub(crate) async fn restarted(self) -> Site {
        self.leaves().await.returns().await
    }

    /// Stops the program.
    pub(crate) async fn leaves(self) -> Away {
        self.stop.cancel();
        self.served.await.expect("ended").expect("ended well");
        Away {
            address: self.address,
            line: self.line,
            portal: self.portal,
            credentials: self.credentials,
            folder: self.folder,
            store: self.store,
        }
    }

    /// Returns a visitor with this secret.
    pub(crate) fn visitor(&self, digit: char) -> Visitor {
        Visitor {
            url: self.url.clone(),
            line: self.line,
            secret: digit.to_string().repeat(64),
            client: reqwest::Client::new(),
        }
    }

    /// Returns the portal's chats of this line, newest first.
    pub(crate) fn chats(&self) -> Vec<u64> {
        let lines = self.portal.lines();
        let sessions = lines["sessions"].as_array().expect("sessions");
        let chats = sessions
            .iter()
            .filter_map(|session| session["chat"].as_u64());
        chats.collect()
    }

    /// Returns the only chat.
    pub(crate) fn chat(&self) -> u64 {
        self.chats()[0]
    }

    /// Boris takes the chat, if he has not yet, and sends a message.
    pub(crate) fn operator_says(&self, text: &str) -> u64 {
        let chat = self.chat();
        if self.portal.session(chat)["operator"] != BORIS {
            self.portal.answer(BORIS, chat).expect("taken");
        }
        let dialog = format!("chat{chat}");
        self.portal.send(BORIS, &dialog, text).expect("said")
    }

    /// Returns the state of a message as operators see it.
    pub(crate) fn state(&self, message: u64) -> String {
        let history = self.portal.line_history(self.chat());
        let found = history.iter().find(|it| it["id"] == message);
        let state = found.map(|it| it["outside"]["state"].clone());
        state
            .expect("the message")
            .as_str()
            .unwrap_or("none")
            .to_owned()
    }
}

/// A site whose program is stopped.
pub(crate) struct Away {
    address: SocketAddr,
    line: u64,
    portal: Emulator,
    credentials: Credentials,
    folder: Arc<TempDir>,
    store: Arc<dyn Store>,
}

impl Away {
    /// Starts the program at the same address, with the same store and folder.
    pub(crate) async fn returns(self) -> Site {
        let listener = TcpListener::bind(self.address).await;
        let listener = listener.expect("the same port");
        let (portal, credentials) = (self.portal, self.credentials);
        let mut site = Site::serve(
            portal,
            credentials,
            self.folder,
            self.store,
            listener,
            |it| it,
        );
        site.line = self.line;
        site.engine.start().await.expect("started");
        assert!(site.engine.reconcile().await.is_empty());
        site
    }
}

/// A visitor's browser.
#[derive(Clone)]
pub(crate) struct Visitor {
    url: String,
    line: u64,
    pub(crate) secret: String,
    client: reqwest::Client,
}

impl Visitor {
    /// Sends a message with an id, and returns status and answer.
    pub(crate) async fn says(&self, id: &str, text: &str) -> (u16, Value) {
        let said = json!({ "id": id, "text": text, "name": "Eve" });
        let address = format!("{}/say?line={}", self.url, self.line);
        answer(self.shows(self.client.post(address).json(&said))).await
    }

    /// Sends a file.
    pub(crate) async fn sends(&self, id: &str, name: &str, bytes: Vec<u8>) -> (u16, Value) {
        let address = format!("{}/file?line={}", self.url, self.line);
        let request = self.client.post(address).body(bytes);
        answer(self.shows(request.query(&[("id", id), ("name", name)]))).await
    }

    /// Reads the chat from a version on; returns the status if it is refused.
    pub(crate) async fn looks(&self, after: u64) -> Result<Looker, u16> {
        let address = format!("{}/events?line={}&after={after}", self.url, self.line);
        let stream = self.shows(self.client.get(address)).send().await;
        let stream = stream.expect("an answer");
        match stream.status().as_u16() {
            200 => Ok(Looker {
                stream,
                text: String::new(),
                last: after,
            }),
            status => Err(status),
        }
    }

    /// Returns the same visitor, who comes from another address of this machine.
    pub(crate) fn at_address(self, last: u8) -> Self {
        let client = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, last]));
        Self {
            client: client.build().expect("a client"),
            ..self
        }
    }

    /// Returns the visitor with this secret.
    pub(crate) fn with_secret(&self, number: usize) -> Self {
        Self {
            secret: format!("{number:064x}"),
            ..self.clone()
        }
    }

    fn shows(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.secret)
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

/// An open stream.
pub(crate) struct Looker {
    stream: Response,
    text: String,
    /// The newest version seen.
    pub(crate) last: u64,
}

impl Looker {
    /// Waits for the next new or changed message; `None` once the stream ends.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let mut lines = event.lines();
                if event.starts_with("id: ")
                    && let Some(data) = lines.find_map(|line| line.strip_prefix("data: "))
                {
                    let entry: Value = serde_json::from_str(data).expect("JSON");
                    self.last = entry["version"].as_u64().expect("a version");
                    return Some(entry);
                }
            }
            let chunk = self.stream.chunk().await.ok()??;
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// Waits for a message of the line that contains this text.
    pub(crate) async fn sees(&mut self, text: &str) -> Value {
        self.waits(text, |entry| {
            entry["by"] == "line" && entry["state"] == "kept"
        })
        .await
    }

    /// Waits for a message of the visitor. Its state may be later than stored: only the newest is
    /// sent.
    pub(crate) async fn sees_own(&mut self, text: &str) -> Value {
        self.waits(text, |entry| entry["by"] == "visitor").await
    }

    /// Waits until a message has this state: `taken`, `refused`, `edited`, `deleted`.
    pub(crate) async fn sees_it(&mut self, state: &str, text: &str) -> Value {
        self.waits(text, |entry| entry["state"] == state).await
    }

    async fn waits(&mut self, text: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut before = Vec::new();
        let seen = timeout(PATIENCE, async {
            while let Some(entry) = self.next().await {
                let has = entry["text"].as_str().is_some_and(|it| it.contains(text));
                if has && is_it(&entry) {
                    return entry;
                }
                before.push(entry);
            }
            panic!("the stream ended before `{text}`");
        });
        let seen = seen.await;
        seen.unwrap_or_else(|_| panic!("waited in vain for `{text}`; seen was {before:#?}"))
    }
}
