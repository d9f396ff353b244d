//! Runs the program again and again, each time on the store of the process before.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::people::Stage;
use super::program::Settings;

/// Maximum time for the program to start, or to register its bots.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);

/// Interval between two checks.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// How a process is started.
#[derive(Debug)]
pub(crate) struct Start {
    variables: Vec<(&'static str, String)>,
    /// Where its log goes.
    stderr: Stdio,
}

impl Start {
    /// Starts a process whose log goes there.
    pub(crate) fn with_log(stderr: Stdio) -> Self {
        Self {
            variables: Vec::new(),
            stderr,
        }
    }

    /// Sets an environment variable.
    pub(crate) fn set(&mut self, name: &'static str, value: &(impl ToString + ?Sized)) {
        self.variables.push((name, value.to_string()));
    }
}

impl Default for Start {
    fn default() -> Self {
        Self::with_log(Stdio::inherit())
    }
}

/// A process of the program. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Waits for the end of the process, at most for this time.
    pub(crate) async fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            let ended = self.0.try_wait().expect("its state");
            if ended.is_some() || Instant::now() >= end {
                return ended;
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Sends a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill")
            .args([&*format!("-{name}"), &pid])
            .status();
        assert!(sent.expect("kill").success(), "{name} is not sent");
    }

    /// Kills the process, if it runs.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill(); // SIGKILL
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processes of one store.
pub(crate) struct Processes {
    settings: Settings,
}

impl Processes {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Runs a first process, installs the application, waits for the bots, and kills the process.
    pub(crate) async fn install(&self, stage: &Stage) {
        let mut process = self.start(Start::default()).await;
        stage
            .portal
            .install(&self.settings.id)
            .await
            .expect("installed");
        stage.until_registered().await;
        stage.create_groups();
        process.kill();
    }

    /// Runs a process until all acknowledged messages are answered, at most for `limit`.
    pub(crate) async fn run_to_the_end(&self, limit: Duration, stage: &Stage) {
        let mut process = self.start(Start::default()).await;
        let end = Instant::now() + limit;
        while stage.unanswered() > 0 && Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_millis(500)).await; // for replies that should not come
        process.kill();
    }

    /// Starts the program, and waits until it listens.
    pub(crate) async fn start(&self, start: Start) -> Process {
        let mut command = self.settings.command();
        command.envs(start.variables).stderr(start.stderr);
        let child = command.stdout(Stdio::null()).spawn();
        let mut process = Process(child.expect("the program"));
        let end = Instant::now() + START_LIMIT;
        while std::net::TcpStream::connect(&self.settings.address).is_err() {
            if process.0.try_wait().expect("its state").is_some() {
                break; // it ended already
            }
            assert!(Instant::now() < end, "the program does not listen");
            sleep(POLL_INTERVAL).await;
        }
        process
    }
}
