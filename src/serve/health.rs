//! Whether the program can do its work, for health probes.

use std::sync::Arc;
use std::time::Duration;

use poem::http::StatusCode;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::engine::Engine;

/// Maximum age of an answer about the store. Anybody may probe, so a probe must cost next to
/// nothing.
const STORE_AGE_MAX: Duration = Duration::from_secs(1);
/// Maximum time that the store may take to answer a probe.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Whether the program can do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It accepts and handles events.
    Ok,
    /// It is being stopped. Events are still accepted for a moment.
    Stopping,
    /// Its store is closed or does not answer.
    Failing,
}

impl State {
    /// Returns the one word for probes.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stopping => "stopping",
            Self::Failing => "failing",
        }
    }

    /// Returns the status with which a probe is answered.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Ok => StatusCode::OK,
            Self::Stopping | Self::Failing => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Finds out the state of an engine.
#[derive(Debug)]
pub(super) struct Health {
    engine: Arc<Engine>,
    /// When the store was last asked, and whether it answered.
    store: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            store: Mutex::default(),
        }
    }

    /// Returns the state, which may be a second old.
    pub(super) async fn state(&self) -> State {
        if self.engine.is_stopped() {
            State::Stopping
        } else if self.store_answers().await {
            State::Ok
        } else {
            State::Failing
        }
    }

    async fn store_answers(&self) -> bool {
        let mut known = self.store.lock().await;
        if let Some((at, answers)) = *known
            && at.elapsed() < STORE_AGE_MAX
        {
            return answers;
        }
        let answer = timeout(STORE_PATIENCE, self.engine.store().waiting(None, 1)).await;
        let answers = matches!(answer, Ok(Ok(_)));
        *known = Some((Instant::now(), answers));
        answers
    }
}
