//! Waking other processes: one sends NOTIFY, and all hear it within milliseconds.
//!
//! A wake-up is only a hint. It is sent after the commit, on a session of its own that does not
//! wait for the disk, at most every [`INTERVAL`], and is never sent again: NOTIFY holds a lock of
//! the whole database server, so it is not part of the transactions that append. Whoever misses
//! one finds the rows by reading them once a second.
//!
//! A pooler between this process and the server may swallow LISTEN. So every process sends itself
//! a probe. As long as that does not arrive, it reads in short intervals instead.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::set::PartitionSet;
use crate::store::Partition;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::fence::Holdings;
use crate::store::postgres::link::{Link, jitter};
use crate::store::postgres::session::Session;

/// Minimum interval between two wake-ups of this process.
const INTERVAL: Duration = Duration::from_millis(10);

/// Longest time until notices are read without a wake-up: if LISTEN works, and if it does not.
const POLL: Duration = Duration::from_secs(1);
const POLL_DEAF: Duration = Duration::from_millis(100);

/// Interval between two probes: if LISTEN works, and if it does not.
const PROBE: Duration = Duration::from_secs(30);
const PROBE_DEAF: Duration = Duration::from_secs(5);

/// Maximum time for one wake-up, and for the last ones before the store is closed.
const SEND_MAX: Duration = Duration::from_secs(2);

/// The contents of a wake-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Signal {
    /// Partitions with new events or notices.
    partitions: PartitionSet,
    /// Whether members or owners have changed.
    members: bool,
    /// Whether an installation has changed.
    portals: bool,
    /// The process that sends this to itself.
    probe: Option<Uuid>,
}

impl Signal {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn text(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.members.then(|| "members".to_owned()));
        words.extend(self.portals.then(|| "portals".to_owned()));
        words.extend(self.probe.map(|process| format!("probe={process}")));
        words.extend(
            (!self.partitions.is_empty()).then(|| format!("partitions={}", self.partitions)),
        );
        words.join(" ")
    }

    /// Reads a text. Words that another version may send are skipped.
    fn parse(text: &str) -> Self {
        let mut signal = Self::default();
        for word in text.split(' ') {
            match word.split_once('=') {
                None if word == "members" => signal.members = true,
                None if word == "portals" => signal.portals = true,
                Some(("probe", process)) => signal.probe = process.parse().ok(),
                Some(("partitions", set)) => signal.partitions = PartitionSet::parse(set),
                _ => {}
            }
        }
        signal
    }
}

/// What was heard and is not read yet.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) partitions: PartitionSet,
    pub(super) portals: bool,
}

/// Wakes other processes, and is woken by them.
#[derive(Debug)]
pub(super) struct Wake {
    process: Uuid,
    holdings: Arc<Holdings>,
    to_send: Mutex<Signal>,
    sending: Notify,
    heard: Mutex<Heard>,
    notices: Notify,
    members: Notify,
    hears: AtomicBool,
    closing: CancellationToken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // no change is left half done
}

impl Wake {
    pub(super) fn new(holdings: Arc<Holdings>) -> Self {
        Self {
            process: Uuid::new_v4(),
            holdings,
            to_send: Mutex::default(),
            sending: Notify::new(),
            heard: Mutex::default(),
            notices: Notify::new(),
            members: Notify::new(),
            hears: AtomicBool::new(false),
            closing: CancellationToken::new(),
        }
    }

    /// Wakes the owners of partitions: they have new events or notices.
    pub(super) fn arrived(&self, partitions: impl IntoIterator<Item = Partition>) {
        self.send(|signal| signal.partitions.extend(partitions));
    }

    /// Wakes all processes: an installation has changed.
    pub(super) fn portals(&self) {
        self.send(|signal| signal.portals = true);
    }

    /// Wakes all processes: members or owners have changed.
    pub(super) fn members(&self) {
        self.send(|signal| signal.members = true);
    }

    fn send(&self, add: impl FnOnce(&mut Signal)) {
        let mut signal = lock(&self.to_send);
        add(&mut signal);
        if !signal.is_empty() {
            self.sending.notify_one();
        }
    }

    /// Waits until another process has changed members or owners.
    pub(super) async fn until_members(&self) {
        self.members.notified().await;
    }

    /// Waits until there may be notices: after a wake-up, or after the interval of reading without.
    pub(super) async fn until_notices(&self) {
        let poll = if self.hears.load(Ordering::Relaxed) {
            POLL
        } else {
            jitter(POLL_DEAF)
        };
        let _ = timeout(poll, self.notices.notified()).await; // without a wake-up, it is time to read
    }

    /// Returns true if wake-ups of other processes arrive here.
    pub(super) fn hears(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }

    /// Returns what was heard since the last call.
    pub(super) fn take_heard(&self) -> Heard {
        std::mem::take(&mut lock(&self.heard))
    }

    /// Adds partitions to what was heard, and lets the notices be read.
    pub(super) fn hear(&self, partitions: impl IntoIterator<Item = Partition>) {
        let mut heard = lock(&self.heard);
        heard.partitions.extend(partitions);
        if !heard.partitions.is_empty() {
            self.notices.notify_one();
        }
    }

    /// Sends what is left to send, and ends both tasks.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Sends wake-ups until the store is closed. Connects for one, if it is not connected.
    pub(super) async fn run_sender(self: Arc<Self>, mut link: Link) {
        loop {
            let next = async {
                tokio::select! {
                    () = self.sending.notified() => {}
                    () = self.closing.cancelled() => {}
                }
            };
            link.idle_until(next).await;
            let is_last = self.closing.is_cancelled();
            let signal = std::mem::take(&mut *lock(&self.to_send));
            if !signal.is_empty() {
                let sent = timeout(SEND_MAX, notify(&mut link, &signal)).await;
                if let Err(fault) = sent.unwrap_or(Err(Fault::Slow)) {
                    link.apply(&fault);
                    // Not sent again: the others read in intervals anyway.
                    tracing::debug!(%fault, "other processes were not woken");
                }
            }
            if is_last {
                return;
            }
            sleep(INTERVAL).await;
        }
    }

    /// Listens until the store is closed. `link` also serves those who read what was announced.
    pub(super) async fn run_listener(self: Arc<Self>, link: Arc<tokio::sync::Mutex<Link>>) {
        let closing = self.closing.clone();
        let listen = async {
            loop {
                let Err(fault) = self.listen(&link).await;
                // Each session is listened to once, so a new one is made whatever has failed.
                link.lock().await.apply(&Fault::Lost(fault.to_string()));
                self.hears.store(false, Ordering::Relaxed);
                sleep(jitter(POLL)).await;
            }
        };
        tokio::select! {
            () = listen => {}
            () = closing.cancelled() => {}
        }
    }

    /// Listens on one session until that ends.
    async fn listen(&self, link: &tokio::sync::Mutex<Link>) -> Result<Infallible, Fault> {
        let session = link.lock().await.session().await?;
        let messages = session.take_messages();
        let mut messages =
            messages.ok_or_else(|| Fault::Lost("it is not a new session".to_owned()))?;
        let channel = channel(&session).await?;
        session.batch(&format!("LISTEN {channel}")).await?;
        drop(session);
        // What was sent before is read now: everything.
        self.hear((0..=u8::MAX).map(Partition));
        self.members.notify_one();
        let (mut is_answered, mut next) = (true, Instant::now());
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(text) => is_answered |= self.receive(&Signal::parse(&text)),
                    None => return Err(Fault::Lost("the session that listens has ended".to_owned())),
                },
                () = sleep_until(next) => {
                    if !is_answered && self.hears.swap(false, Ordering::Relaxed) {
                        tracing::warn!("notifications of the database do not arrive any more, perhaps because of a pooler; reading in short intervals");
                    }
                    is_answered = false;
                    self.send(|signal| signal.probe = Some(self.process));
                    next = Instant::now() + if self.hears() { PROBE } else { PROBE_DEAF };
                }
            }
        }
    }

    /// Returns true if this is the answer to a probe.
    fn receive(&self, signal: &Signal) -> bool {
        if signal.members {
            self.members.notify_one();
        }
        let partitions = signal.partitions.iter();
        let own = partitions.filter(|partition| self.holdings.epoch(*partition).is_some());
        self.hear(own);
        if signal.portals {
            lock(&self.heard).portals = true;
            self.notices.notify_one();
        }
        let is_answer = signal.probe == Some(self.process);
        if is_answer {
            self.hears.store(true, Ordering::Relaxed);
        }
        is_answer
    }
}

/// Returns the channel of a store: a database may have several stores, each in a schema.
async fn channel(db: &Session) -> Result<String, Fault> {
    let sql = "SELECT 'imbot_' || current_schema()::regnamespace::oid";
    let row = db.find(sql, &[]).await?;
    let row = row.ok_or_else(|| Fault::Client("there is no schema".to_owned()))?;
    Ok(row.try_get(0)?)
}

async fn notify(link: &mut Link, signal: &Signal) -> Result<(), Fault> {
    let session = link.session().await?;
    let sql = "SELECT pg_notify('imbot_' || current_schema()::regnamespace::oid, $1)";
    session.list(sql, &[&signal.text()]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use crate::store::postgres::members::wake::*;

    #[test]
    fn a_signal_is_read_as_it_was_sent() {
        let full = Signal {
            partitions: [0, 9, 255].map(Partition).into_iter().collect(),
            members: true,
            portals: true,
            probe: Some(Uuid::from_u128(7)),
        };
        for signal in [full, Signal::default()] {
            assert_eq!(Signal::parse(&signal.text()), signal);
        }
        assert_eq!(Signal::default().text(), "");
    }

    #[test]
    fn unknown_words_are_skipped() {
        let signal = Signal::parse("members colour=red partitions=xyz probe=1 shapes");
        assert!(signal.members && signal.partitions.is_empty() && signal.probe.is_none());
    }
}
