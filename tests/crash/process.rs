//! Runs the program again and again, each time on the store of the killed one.

use std::process::{Child, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::people::Stage;
use super::program::{AFTER_ANSWER, IN_HANDLER, Settings};
use super::random::Random;

/// Maximum time for the program to start, or to register its bots.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Interval between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

pub(crate) struct Processes {
    settings: Settings,
    /// Number of processes that aborted themselves.
    pub(crate) aborts: u64,
}

impl Processes {
    pub(crate) fn new(stage: &Stage) -> Self {
        Self {
            settings: stage.settings.clone(),
            aborts: 0,
        }
    }

    /// Runs a first process, installs the application, waits for the bots, and kills the process.
    pub(crate) async fn install(&mut self, stage: &Stage) {
        let mut program = self.start(None).await;
        stage
            .portal
            .install(&stage.credentials.client_id)
            .await
            .expect("installed");
        let end = Instant::now() + START_LIMIT;
        while stage.portal.bot("once").is_none() || stage.portal.bot("resend").is_none() {
            assert!(Instant::now() < end, "the bots are not registered");
            sleep(POLL_INTERVAL).await;
        }
        stage.create_groups();
        kill(&mut program);
    }

    /// Runs a process that is killed, or aborts itself, at a random moment.
    pub(crate) async fn run_until_death(&mut self, random: &mut Random) {
        let abort = match random.below(5) {
            0 => Some((IN_HANDLER, 1 + random.below(29))),
            1 => Some((AFTER_ANSWER, 1 + random.below(29))),
            _ => None,
        };
        let mut program = self.start(abort).await;
        let time = Duration::from_millis(10 + random.below(240));
        let end = Instant::now() + time;
        while Instant::now() < end {
            if program.try_wait().expect("its state").is_some() {
                self.aborts += 1;
                return;
            }
            sleep(POLL_INTERVAL).await;
        }
        kill(&mut program);
    }

    /// Runs a process until all acknowledged messages are answered, at most for `limit`.
    pub(crate) async fn run_to_the_end(&mut self, limit: Duration, stage: &Stage) {
        let mut program = self.start(None).await;
        let end = Instant::now() + limit;
        while stage.unanswered() > 0 && Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_millis(500)).await; // for replies that should not come
        kill(&mut program);
    }

    /// Starts the program, and waits until it listens.
    async fn start(&mut self, abort: Option<(&str, u64)>) -> Child {
        let mut command = self.settings.command();
        if let Some((when, steps)) = abort {
            command.env(when, steps.to_string());
        }
        let mut program = command.stdout(Stdio::null()).spawn().expect("the program");
        let end = Instant::now() + START_LIMIT;
        while std::net::TcpStream::connect(&self.settings.address).is_err() {
            if program.try_wait().expect("its state").is_some() {
                break; // it aborted already
            }
            assert!(Instant::now() < end, "the program does not listen");
            sleep(POLL_INTERVAL).await;
        }
        program
    }
}

fn kill(program: &mut Child) {
    program.kill().expect("killed"); // SIGKILL
    program.wait().expect("its state");
}
