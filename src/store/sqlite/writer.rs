//! The thread that writes: it commits all waiting operations together and then answers them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::db::Db;
use super::files::Lock;
use super::spool::Spool;
use super::work::{Reply, Work};
use super::worker::Request;
use super::{Fault, append, connect};
use crate::store::seal::Sealer;

/// Maximum number of operations in one transaction.
const GROUP_MAX: usize = 1_024;

/// Time without a request after which the log is moved into the database: short if the log is long.
const IDLE: Duration = Duration::from_secs(1);
const IDLE_BUSY: Duration = Duration::from_millis(20);

/// Number of operations after which the log counts as long.
const BUSY_OPERATIONS: usize = 1_000;

/// Interval of attempts to move the spool into the inbox.
const SPOOL_EVERY: Duration = Duration::from_millis(500);

/// The writer's thread.
pub(super) struct Writer {
    pub(super) path: Arc<Path>,
    pub(super) sealer: Arc<Sealer>,
    /// `None` after an I/O error, until the database is opened again: what the connection had in
    /// memory cannot be trusted.
    pub(super) db: Option<Db>,
    pub(super) spool: Option<Spool>,
    pub(super) lock: Option<Lock>,
    /// The number of the last event that was answered.
    pub(super) last_event: u64,
    /// Number of operations since the log was last moved.
    pub(super) operations: usize,
    pub(super) spool_tried: Instant,
}

impl Writer {
    /// Returns a writer. An operator's command has neither spool nor lock.
    pub(super) fn new(path: &Arc<Path>, db: Db, held: Option<(Spool, Lock)>) -> Self {
        let (spool, lock) = held.unzip();
        Self {
            path: Arc::clone(path),
            sealer: Arc::clone(&db.sealer),
            last_event: db.last_event(),
            db: Some(db),
            spool,
            lock,
            operations: 0,
            spool_tried: Instant::now(),
        }
    }

    /// Runs until a request to close, or until all senders are dropped.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let timer = Builder::new_current_thread().enable_time().build();
        let timer = timer.expect("a runtime without I/O needs nothing from the system");
        let mut closing = None;
        while closing.is_none()
            && let Some(first) = self.next(&timer, &mut requests)
        {
            let (group, close) = collect(first, &mut requests);
            closing = close;
            self.append_spooled();
            self.run_group(group);
        }
        drop(requests);
        self.finish(closing);
    }

    /// Returns the next request. Moves the log and the spool while there is none.
    fn next(&mut self, timer: &Runtime, requests: &mut mpsc::Receiver<Request>) -> Option<Request> {
        loop {
            if let Ok(request) = requests.try_recv() {
                return Some(request);
            }
            let Some(wait) = self.idle_time() else {
                return requests.blocking_recv();
            };
            if let Ok(request) = timer.block_on(async { timeout(wait, requests.recv()).await }) {
                return request;
            }
            self.append_spooled();
            self.checkpoint(wait);
        }
    }

    /// Returns the time without a request after which there is something to do.
    fn idle_time(&self) -> Option<Duration> {
        if self.has_spooled() {
            return Some(SPOOL_EVERY);
        }
        match self.operations {
            0 => None,
            BUSY_OPERATIONS.. => Some(IDLE_BUSY),
            _ => Some(IDLE),
        }
    }

    fn checkpoint(&mut self, waited: Duration) {
        let is_due = self.operations > 0 && (waited >= IDLE || self.operations >= BUSY_OPERATIONS);
        if let Some(db) = self.db.as_ref().filter(|db| is_due && !db.is_guest) {
            if let Err(error) = connect::checkpoint(&db.connection, "PASSIVE") {
                tracing::warn!(%error, "the store cannot move its log into the database");
            }
            self.operations = 0;
        }
    }

    pub(super) fn has_spooled(&self) -> bool {
        self.spool.as_ref().is_some_and(|spool| !spool.is_empty())
    }

    /// Tries to move the spool into the inbox, unless the last attempt was a moment ago.
    fn append_spooled(&mut self) {
        if !self.has_spooled() || self.spool_tried.elapsed() < SPOOL_EVERY {
            return;
        }
        self.spool_tried = Instant::now();
        let outcome = self.open().and_then(|()| {
            let (Some(db), Some(spool)) = (&self.db, &mut self.spool) else {
                return Ok(());
            };
            append::append_spooled(db, spool)
        });
        self.apply_outcome(&outcome);
        match outcome {
            Ok(()) => {
                tracing::info!("the store can write again; its spool is in the inbox")
            }
            Err(fault) => tracing::warn!(%fault, "the store still cannot write"),
        }
    }

    fn finish(mut self, closing: Option<Reply<()>>) {
        self.append_spooled();
        let closed = match self.db.take() {
            Some(db) if !db.is_guest => connect::checkpoint(&db.connection, "TRUNCATE"),
            _ => Ok(()),
        };
        drop(self.lock.take());
        if let Some(reply) = closing {
            let _ = reply.send(closed.map_err(Fault::from));
        }
    }
}

/// Returns the waiting operations, at most [`GROUP_MAX`], and the reply of a request to close.
fn collect(
    first: Request,
    requests: &mut mpsc::Receiver<Request>,
) -> (Vec<Box<dyn Work>>, Option<Reply<()>>) {
    let (mut group, mut next) = (Vec::new(), Some(first));
    while let Some(request) = next {
        match request {
            Request::Work(work) => group.push(work),
            Request::Close(reply) => return (group, Some(reply)),
            #[cfg(feature = "testing")]
            Request::Panic => panic!("a test asked for it"),
        }
        if group.len() >= GROUP_MAX {
            break;
        }
        next = requests.try_recv().ok();
    }
    (group, None)
}
