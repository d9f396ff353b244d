//! The one thread that writes: what waits is committed together, then everybody is answered.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::db::Db;
use super::files::Lock;
use super::seal::Sealer;
use super::spool::Spool;
use super::work::{Reply, Work};
use super::worker::Request;
use super::{Fault, append, connect};

/// How many operations are committed together.
const GROUP_MAX: usize = 1_024;

/// How long nothing must come before the log is moved into the database: not long when there is much in it.
const IDLE: Duration = Duration::from_secs(1);
const IDLE_BUSY: Duration = Duration::from_millis(20);

/// After how many operations there is much in the log.
const BUSY_OPERATIONS: usize = 1_000;

/// How often the spool is tried to be taken in.
const SPOOL_EVERY: Duration = Duration::from_millis(500);

/// The writer's thread.
pub(super) struct Writer {
    pub(super) path: Arc<Path>,
    pub(super) seal: Arc<Sealer>,
    /// Nothing after an I/O error: what the connection had in memory is not to be trusted.
    pub(super) db: Option<Db>,
    pub(super) spool: Option<Spool>,
    pub(super) lock: Option<Lock>,
    pub(super) last_event: u64,
    pub(super) operations: usize,
    pub(super) spool_tried: Instant,
}

impl Writer {
    /// A writer; an operator's command has neither spool nor lock.
    pub(super) fn new(path: &Arc<Path>, db: Db, held: Option<(Spool, Lock)>) -> Writer {
        let (spool, lock) = held.unzip();
        Writer {
            path: Arc::clone(path),
            seal: Arc::clone(&db.seal),
            last_event: db.last_event(),
            db: Some(db),
            spool,
            lock,
            operations: 0,
            spool_tried: Instant::now(),
        }
    }

    /// Works until it is told to end, or nobody is left who could ask for something.
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
            self.work(group);
        }
        drop(requests);
        self.end(closing);
    }

    /// The next request. While nothing comes, the log is moved and the spool taken in.
    fn next(&mut self, timer: &Runtime, requests: &mut mpsc::Receiver<Request>) -> Option<Request> {
        loop {
            if let Ok(request) = requests.try_recv() {
                return Some(request);
            }
            let Some(wait) = self.wait() else {
                return requests.blocking_recv();
            };
            if let Ok(request) = timer.block_on(async { timeout(wait, requests.recv()).await }) {
                return request;
            }
            self.append_spooled();
            self.checkpoint(wait);
        }
    }

    fn wait(&self) -> Option<Duration> {
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
        let is_worth_it =
            self.operations > 0 && (waited >= IDLE || self.operations >= BUSY_OPERATIONS);
        if let Some(db) = self.db.as_ref().filter(|db| is_worth_it && !db.attends) {
            if let Err(error) = connect::checkpoint(&db.connection, "PASSIVE") {
                tracing::warn!(%error, "the store could not move its log into the database");
            }
            self.operations = 0;
        }
    }

    pub(super) fn has_spooled(&self) -> bool {
        self.spool.as_ref().is_some_and(|spool| !spool.is_empty())
    }

    /// Tries to empty the spool, if the last try is not too young.
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
        self.settle(&outcome);
        match outcome {
            Ok(()) => {
                tracing::info!("the store writes again; what waited in its spool is in the inbox")
            }
            Err(fault) => tracing::warn!(%fault, "the store still cannot write"),
        }
    }

    fn end(mut self, closing: Option<Reply<()>>) {
        self.append_spooled();
        let closed = match self.db.take() {
            Some(db) if !db.attends => connect::checkpoint(&db.connection, "TRUNCATE"),
            _ => Ok(()),
        };
        drop(self.lock.take());
        if let Some(reply) = closing {
            drop(reply.send(closed.map_err(Fault::from)));
        }
    }
}

/// All that waits, up to a bound, and who wants the end.
fn collect(
    first: Request,
    requests: &mut mpsc::Receiver<Request>,
) -> (Vec<Box<dyn Work>>, Option<Reply<()>>) {
    let (mut group, mut next) = (Vec::new(), Some(first));
    while let Some(request) = next {
        match request {
            Request::Work(work) => group.push(work),
            Request::Close(reply) => return (group, Some(reply)),
        }
        if group.len() >= GROUP_MAX {
            break;
        }
        next = requests.try_recv().ok();
    }
    (group, None)
}
