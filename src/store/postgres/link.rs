//! A link: a session that is made again when it has failed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::session::{Purpose, Session};
use super::url::Server;

/// Maximum time that an operation waits for the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Pauses between attempts: the first, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A server with what connecting to it needs.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) server: Arc<Server>,
    pub(super) tls: MakeRustlsConnect,
}

impl Place {
    /// Connects to the server.
    pub(super) async fn connect(&self, purpose: Purpose) -> Result<Session, Fault> {
        Session::connect(&self.server, &self.tls, purpose).await
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.server.fmt(f)
    }
}

/// A session of one task, which is made again when it has failed.
#[derive(Debug)]
pub(super) struct Link {
    place: Place,
    purpose: Purpose,
    session: Option<Arc<Session>>,
    /// Whether the last attempt to connect or to use the session failed.
    is_down: bool,
}

impl Link {
    /// Returns a link with an open session.
    pub(super) fn new(place: &Place, purpose: Purpose, session: Session) -> Self {
        Self {
            place: place.clone(),
            purpose,
            session: Some(Arc::new(session)),
            is_down: false,
        }
    }

    /// Returns a link that connects when its session is needed.
    pub(super) fn unconnected(place: &Place, purpose: Purpose) -> Self {
        Self {
            place: place.clone(),
            purpose,
            session: None,
            is_down: false,
        }
    }

    /// Returns the session. Connects if it is not connected.
    pub(super) async fn session(&mut self) -> Result<Arc<Session>, Fault> {
        if let Some(session) = self.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        self.session = None;
        let connected = self.place.connect(self.purpose).await;
        match connected {
            Ok(session) => {
                if std::mem::take(&mut self.is_down) {
                    tracing::info!(database = %self.place.server, purpose = ?self.purpose, "the database is connected again");
                }
                Ok(Arc::clone(self.session.insert(Arc::new(session))))
            }
            Err(fault) => {
                self.note(&fault);
                Err(fault)
            }
        }
    }

    /// Drops the session after a fault that makes it unusable.
    pub(super) fn apply(&mut self, fault: &Fault) {
        if fault.breaks_connection() {
            self.session = None;
            self.note(fault);
        }
    }

    /// Logs the first fault after the database has worked.
    fn note(&mut self, fault: &Fault) {
        if !std::mem::replace(&mut self.is_down, true) {
            tracing::error!(database = %self.place.server, purpose = ?self.purpose, %fault, "the database is not available; it is tried again");
        }
    }
}

/// The attempts at an operation until its time is over.
#[derive(Debug)]
pub(super) struct Attempts {
    end: Instant,
    pause: Duration,
    /// The number of attempts that failed.
    pub(super) failed: u32,
}

impl Attempts {
    /// No attempt was made. The operation was asked for at `since`.
    pub(super) fn new(since: Instant) -> Self {
        Self {
            end: since + PATIENCE,
            pause: PAUSE_MIN,
            failed: 0,
        }
    }

    /// Returns the time that is left, at least a short time.
    pub(super) fn left(&self) -> Duration {
        let left = self.end.saturating_duration_since(Instant::now());
        left.max(Duration::from_secs(1))
    }

    /// Waits before the next attempt. Returns false if the fault is final, or the time is over.
    pub(super) async fn again(&mut self, fault: &Fault) -> bool {
        self.failed += 1;
        if !fault.is_transient() || Instant::now() + self.pause >= self.end {
            return false;
        }
        tokio::time::sleep(jitter(self.pause)).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}

/// Returns a random time between half of this time and all of it, so that processes do not try
/// again all at once.
pub(super) fn jitter(time: Duration) -> Duration {
    let [first, second, ..] = *uuid::Uuid::new_v4().as_bytes();
    let random = u16::from_le_bytes([first, second]);
    time / 2 + time / 2 * u32::from(random) / u32::from(u16::MAX)
}
