//! Whether the program can do its work, for health probes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Engine, lock};

/// Maximum age of an answer about the store. Anybody may probe, and a probe must cost nothing.
const HEALTH_AGE_MAX: Duration = Duration::from_secs(1);
/// How long the program counts as failing after an event could not be stored.
const LOSS_COUNTS: Duration = Duration::from_secs(10);
/// Maximum time that the store may take to answer a probe.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Whether the program can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It accepts and handles events.
    Ok,
    /// It has been asked to stop. Events are still accepted for a moment.
    Stopping,
    /// It cannot work, and why: a part of it has failed, and it has to be started again, or the
    /// store does not answer, or has refused an event a moment ago.
    Failing(String),
}

impl Health {
    /// Returns the one word for probes.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stopping => "stopping",
            Self::Failing(_) => "failing",
        }
    }
}

/// What is known about the health of an engine.
#[derive(Debug, Default)]
pub(super) struct HealthCheck {
    is_stopping: AtomicBool,
    /// When the store was last asked, and whether it answered.
    store: tokio::sync::Mutex<Option<(Instant, bool)>>,
    /// When the latest event could not be stored.
    loss: Mutex<Option<Instant>>,
}

impl HealthCheck {
    pub(super) fn note_stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Notes that an event could not be stored.
    pub(super) fn note_loss(&self) {
        *lock(&self.loss) = Some(Instant::now());
    }

    fn loses_events(&self) -> bool {
        lock(&self.loss).is_some_and(|at| at.elapsed() < LOSS_COUNTS)
    }
}

impl Engine {
    /// Returns whether the program can do its work. The answer may be a second old.
    pub async fn health(&self) -> Health {
        if let Some(failure) = self.watch.failure() {
            Health::Failing(failure.to_string())
        } else if self.health.is_stopping.load(Ordering::Relaxed) {
            Health::Stopping
        } else if self.health.loses_events() {
            Health::Failing("events cannot be stored".to_owned())
        } else if self.store_answers().await {
            Health::Ok
        } else {
            Health::Failing("the store does not answer".to_owned())
        }
    }

    async fn store_answers(&self) -> bool {
        let mut known = self.health.store.lock().await;
        if let Some((at, answers)) = *known
            && at.elapsed() < HEALTH_AGE_MAX
        {
            return answers;
        }
        let answer = timeout(STORE_PATIENCE, self.options.store.waiting(None, None, 1)).await;
        let answers = matches!(answer, Ok(Ok(_)));
        *known = Some((Instant::now(), answers));
        answers
    }
}
