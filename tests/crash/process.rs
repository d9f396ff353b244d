//! The program's lives: each begins where the one before was killed.

use std::process::{Child, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::people::Stage;
use super::program::{AFTER_ANSWER, IN_HANDLER, Settings};
use super::random::Random;

/// How long the program may take to do what it always does.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(2);

pub(crate) struct Lives {
    settings: Settings,
    /// How often the program died by itself.
    pub(crate) deaths: u64,
}

impl Lives {
    pub(crate) fn new(stage: &Stage) -> Lives {
        Lives {
            settings: stage.settings.clone(),
            deaths: 0,
        }
    }

    /// A first life, in which the application is installed and the bots are registered; it is killed, too.
    pub(crate) async fn install(&mut self, stage: &Stage) {
        let mut program = self.start(None).await;
        stage
            .portal
            .install(&stage.credentials.client_id)
            .await
            .expect("installed");
        let end = Instant::now() + PATIENCE;
        while stage.portal.bot("once").is_none() || stage.portal.bot("resend").is_none() {
            assert!(Instant::now() < end, "the bots are not registered");
            sleep(GLANCE).await;
        }
        stage.found_groups();
        kill(&mut program);
    }

    /// A life that ends at a random moment.
    pub(crate) async fn one(&mut self, random: &mut Random) {
        let death = match random.below(5) {
            0 => Some((IN_HANDLER, 1 + random.below(29))),
            1 => Some((AFTER_ANSWER, 1 + random.below(29))),
            _ => None,
        };
        let mut program = self.start(death).await;
        let span = Duration::from_millis(10 + random.below(240));
        let end = Instant::now() + span;
        while Instant::now() < end {
            if program.try_wait().expect("its state").is_some() {
                self.deaths += 1;
                return;
            }
            sleep(GLANCE).await;
        }
        kill(&mut program);
    }

    /// A life in which everything that was begun comes to its end.
    pub(crate) async fn last(&mut self, patience: Duration, stage: &Stage) {
        let mut program = self.start(None).await;
        let end = Instant::now() + patience;
        while stage.unanswered() > 0 && Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_millis(500)).await; // whatever comes that should not
        kill(&mut program);
    }

    /// Starts the program, and waits until it listens.
    async fn start(&mut self, death: Option<(&str, u64)>) -> Child {
        let mut command = self.settings.command();
        if let Some((when, steps)) = death {
            command.env(when, steps.to_string());
        }
        let mut program = command.stdout(Stdio::null()).spawn().expect("the program");
        let end = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(&self.settings.address).is_err() {
            if program.try_wait().expect("its state").is_some() {
                break; // it died before
            }
            assert!(Instant::now() < end, "the program does not listen");
            sleep(GLANCE).await;
        }
        program
    }
}

fn kill(program: &mut Child) {
    program.kill().expect("killed"); // SIGKILL
    program.wait().expect("its state");
}
