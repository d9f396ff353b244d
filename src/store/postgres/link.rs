//! A link: a session that is made again when it has failed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::session::{Purpose, Session};
use super::url::Server;

/// Maximum time that an operation waits for the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Maximum time of one attempt of a turn or an append. After it, another connection is tried: the
/// server may be gone without a word.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);

/// Minimum time of one, also when the time of the operation is over: longer than a session waits
/// for a lock, so that the server says what is wrong.
const ATTEMPT_MIN: Duration = Duration::from_secs(3);

/// Pauses between attempts: the first, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long a session waits for that of the lease, which is to connect first.
const PRECEDENCE: Duration = Duration::from_secs(1);

/// A server with what connecting to it needs.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) server: Arc<Server>,
    pub(super) tls: MakeRustlsConnect,
    /// Maximum time that an operation waits for the server.
    pub(super) patience: Duration,
    lease: Arc<watch::Sender<LeaseNeed>>,
}

/// Whether the lease needs a connection. A process that has connections but no lease does no work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LeaseNeed {
    #[default]
    None,
    /// It is about to connect.
    Connection,
    /// The server has refused it, because there are too many connections.
    Room,
}

impl Place {
    pub(super) fn new(server: Server, tls: MakeRustlsConnect, patience: Duration) -> Self {
        Self {
            server: Arc::new(server),
            tls,
            patience,
            lease: Arc::default(),
        }
    }

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
    /// Returns a link with an open session. Without one, it connects when its session is needed.
    pub(super) fn new(place: &Place, purpose: Purpose, session: Option<Session>) -> Self {
        Self {
            place: place.clone(),
            purpose,
            session: session.map(Arc::new),
            is_down: false,
        }
    }

    /// Returns the session. Connects if it is not connected.
    pub(super) async fn session(&mut self) -> Result<Arc<Session>, Fault> {
        if self.purpose != Purpose::Lease && *self.place.lease.borrow() == LeaseNeed::Room {
            self.session = None;
        }
        if let Some(session) = self.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        self.session = None;
        match self.connect().await {
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

    /// Connects. The lease comes first: the others wait for it, and give up their sessions if the
    /// server has no room for it.
    async fn connect(&self) -> Result<Session, Fault> {
        let lease = &self.place.lease;
        if self.purpose != Purpose::Lease {
            let mut need = lease.subscribe();
            let is_met = need.wait_for(|need| *need == LeaseNeed::None);
            let _ = timeout(PRECEDENCE, is_met).await; // it may have to wait for long
            return self.place.connect(self.purpose).await;
        }
        lease.send_if_modified(|need| {
            let is_first = *need == LeaseNeed::None;
            if is_first {
                *need = LeaseNeed::Connection;
            }
            is_first
        });
        let connected = self.place.connect(self.purpose).await;
        lease.send_replace(match &connected {
            Ok(_) => LeaseNeed::None,
            Err(fault) if fault.is_of_limit() => LeaseNeed::Room,
            Err(_) => LeaseNeed::Connection,
        });
        connected
    }

    /// Waits for the next use of the session. Gives the session up if the lease needs the room.
    pub(super) async fn idle_until<T>(&mut self, next: impl Future<Output = T>) -> T {
        let mut need = self.place.lease.subscribe();
        tokio::pin!(next);
        loop {
            tokio::select! {
                biased;
                next = &mut next => return next,
                _ = need.wait_for(|need| *need == LeaseNeed::Room), if self.session.is_some() => {
                    self.session = None;
                }
            }
        }
    }

    /// Drops the session after a fault that makes it unusable.
    pub(super) fn apply(&mut self, fault: &Fault) {
        if fault.breaks_connection() {
            if let Some(session) = self.session.take()
                && matches!(fault, Fault::Slow)
            {
                tokio::spawn(cancel(session, self.place.clone()));
            }
            self.note(fault);
        }
    }

    /// Returns the attempts at an operation that was asked for at `since`.
    pub(super) fn attempts(&self, since: Instant) -> Attempts {
        let mut attempts = Attempts::new(since, self.place.patience);
        if matches!(self.purpose, Purpose::Commit | Purpose::Append) {
            attempts.each = ATTEMPT_MAX;
        }
        attempts
    }

    /// Logs the first fault after the database has worked.
    fn note(&mut self, fault: &Fault) {
        if !std::mem::replace(&mut self.is_down, true) {
            tracing::error!(database = %self.place.server, purpose = ?self.purpose, %fault, "the database is not available; it is tried again");
        }
    }
}

impl Drop for Link {
    /// Without a lease, nobody has to wait for it.
    fn drop(&mut self) {
        if self.purpose == Purpose::Lease {
            self.place.lease.send_replace(LeaseNeed::None);
        }
    }
}

/// Gives the session of a shared link up whenever the lease needs the room, as long as the link is
/// in use.
pub(super) async fn give_way(place: Place, link: Weak<Mutex<Link>>) {
    let mut need = place.lease.subscribe();
    drop(place); // which would keep the channel open
    while need.wait_for(|need| *need == LeaseNeed::Room).await.is_ok() {
        let Some(link) = link.upgrade() else { return };
        link.lock().await.session = None;
        drop(link);
        if need.changed().await.is_err() {
            return;
        }
    }
}

/// Cancels what the server still does for a session that nobody waits for any more, and ends it. A
/// commit that waits for a standby would not notice that its connection has ended: each attempt
/// would leave one more connection at the server. The warning of a cancelled commit is logged.
async fn cancel(session: Arc<Session>, place: Place) {
    const CANCEL_MAX: Duration = Duration::from_secs(5);
    let cancelled = async {
        session.cancel(&place.server, &place.tls).await;
        let _ = session.batch("").await; // when the server has got to this, it is done
    };
    let _ = timeout(CANCEL_MAX, cancelled).await; // a server that is away ends it by itself
}

/// The attempts at an operation until its time is over.
#[derive(Debug)]
pub(super) struct Attempts {
    end: Instant,
    /// Maximum time of one.
    each: Duration,
    pause: Duration,
    /// The number of attempts that failed.
    pub(super) failed: u32,
    /// What the server has said last.
    said: Option<Fault>,
}

impl Attempts {
    /// No attempt was made. The operation was asked for at `since`, and waits for at most
    /// `patience`.
    pub(super) fn new(since: Instant, patience: Duration) -> Self {
        Self {
            end: since + patience,
            each: patience,
            pause: PAUSE_MIN,
            failed: 0,
            said: None,
        }
    }

    /// Returns the time for the next attempt, at least a short time.
    pub(super) fn left(&self) -> Duration {
        let left = self.end.saturating_duration_since(Instant::now());
        left.min(self.each).max(ATTEMPT_MIN)
    }

    /// Returns why all attempts have failed. When the last one had no time to get an answer, what
    /// the server has said before is the better reason.
    pub(super) fn reason(self, last: Fault) -> Fault {
        match last {
            Fault::Slow => self.said.unwrap_or(last),
            _ => last,
        }
    }

    /// Waits before the next attempt. Returns false if the fault is final, or the time is over.
    pub(super) async fn again(&mut self, fault: &Fault) -> bool {
        self.failed += 1;
        if matches!(fault, Fault::Refused(_)) {
            self.said = Some(fault.clone());
        }
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
