//! The program under attack: the ready-made bots, in a process of their own.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imbot::emulator::{Emulator, NewApp, Options};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::people::{Answers, People};
use super::support;

/// Maximum time for the program to start, and to register its bots.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// Messages before the memory of the idle program is measured.
const WARM_UP: usize = 20;
/// Maximum size of the log, in bytes: whatever strangers send.
const LOG_BYTES_MAX: u64 = 100_000;

/// A running program.
pub(crate) struct Program {
    child: Mutex<Child>,
    pub(crate) listen: SocketAddr,
    pub(crate) idle_memory: u64,
    folder: TempDir,
}

/// What the program uses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory in bytes, if the system reports it.
    pub(crate) memory: Option<u64>,
    /// Number of open files.
    pub(crate) files: usize,
}

impl Program {
    /// Starts it as an application of a portal in this process.
    pub(crate) async fn on_portal() -> (Self, People) {
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            rate: None,
            delivery_delay: Duration::ZERO,
            ..Options::default()
        };
        let portal = Arc::new(Emulator::start(options).await.expect("a portal"));
        let listen = free();
        let handler = format!("http://{listen}/");
        let credentials = portal.register_app(NewApp::new("bots", &handler));
        let address = portal.address().to_string();
        let program = Self::start(listen, |command, folder| {
            command
                .arg("run")
                .env("IMBOT_CLIENT_ID", &credentials.client_id)
                .env("IMBOT_CLIENT_SECRET", &credentials.client_secret)
                .env("IMBOT_PUBLIC_URL", &handler)
                .env("IMBOT_OAUTH_URL", format!("http://{address}"))
                .env("IMBOT_ALLOW_HOST", &address)
                .env("IMBOT_PLAN", "on-premise")
                .env("IMBOT_STORE", folder.join("store.db"));
        });
        let program = program.await;
        portal
            .install(&credentials.client_id)
            .await
            .expect("installed");
        let end = Instant::now() + START_PATIENCE;
        let echo = loop {
            if let Some(echo) = portal.bot("echo") {
                break echo;
            }
            assert!(Instant::now() < end, "the bots are not registered");
            sleep(Duration::from_millis(10)).await;
        };
        program.warm_up(People::here(portal, echo)).await
    }

    /// Starts it with a portal in its own process, and the widget on a line.
    pub(crate) async fn with_emulator() -> (Self, People) {
        let (listen, emulator) = (free(), free());
        let program = Self::start(listen, |command, folder| {
            command
                .args(["run", "--emulator", "--emulator-listen"])
                .arg(emulator.to_string())
                .current_dir(folder); // the widget's files
        });
        let program = program.await;
        let state = format!("http://{emulator}/chat/state?as=1");
        let end = Instant::now() + START_PATIENCE;
        let echo = loop {
            let state: Value = match reqwest::get(&state).await {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            let bots = state["bots"].as_array().cloned().unwrap_or_default();
            if let Some(echo) = bots.iter().find(|bot| bot["code"] == "echo") {
                break echo["id"].as_u64().expect("an id");
            }
            assert!(Instant::now() < end, "the bots are not registered: {state}");
            sleep(Duration::from_millis(50)).await;
        };
        program.warm_up(People::there(emulator, echo)).await
    }

    async fn start(listen: SocketAddr, settings: impl FnOnce(&mut Command, &Path)) -> Self {
        let folder = support::folder();
        let log = File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_bots"));
        for (name, _) in std::env::vars_os() {
            if name == "RUST_LOG" || name.to_string_lossy().starts_with("IMBOT_") {
                command.env_remove(name);
            }
        }
        settings(&mut command, folder.path());
        let child = command
            .env("IMBOT_LISTEN", listen.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program");
        let end = Instant::now() + START_PATIENCE;
        while TcpStream::connect(listen).is_err() {
            assert!(Instant::now() < end, "the program does not listen");
            sleep(Duration::from_millis(10)).await;
        }
        Self {
            child: Mutex::new(child),
            listen,
            idle_memory: 0,
            folder,
        }
    }

    /// Lets a person write some messages, and measures the idle program.
    async fn warm_up(mut self, people: People) -> (Self, People) {
        let mut answers = Answers::default();
        for _ in 0..WARM_UP {
            people.exchange(&mut answers).await;
        }
        assert_eq!(answers.unanswered, 0, "no attack yet: {}", self.log());
        self.idle_memory = self.usage().memory.unwrap_or_default();
        (self, people)
    }

    pub(crate) fn is_running(&self) -> bool {
        let mut child = self.child.lock().expect("no panic");
        child.try_wait().expect("its state").is_none()
    }

    /// Returns what the program uses now.
    pub(crate) fn usage(&self) -> Usage {
        let id = self.child.lock().expect("no panic").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|it| it.trim().strip_suffix(" kB")?.trim().parse().ok());
        let files = std::fs::read_dir(format!("/proc/{id}/fd"));
        Usage {
            memory: kilobytes.map(|kilobytes: u64| kilobytes * 1_024),
            files: files.map_or(0, Iterator::count),
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Adds what the log of the attacks must not contain.
    pub(crate) fn report(&self, wrong: &mut Vec<String>) {
        let log = self.log();
        if log.len() as u64 > LOG_BYTES_MAX {
            wrong.push(format!("the log has {} bytes", log.len()));
        }
        if !wrong.is_empty() {
            let last: Vec<&str> = log.lines().rev().take(10).collect();
            wrong.push(format!(
                "the last lines of the log, latest first: {last:#?}"
            ));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child.lock().expect("no panic");
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn free() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address")
}
