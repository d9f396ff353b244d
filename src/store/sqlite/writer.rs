//! The one thread that writes: what waits is committed together, then everybody is answered.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::db::Db;
use super::files::Lock;
use super::seal::Sealer;
use super::spool::Spool;
use super::work::{Reply, Work};
use super::worker::Request;
use super::{Trouble, connect, take_in};

/// How many operations are committed together.
const GROUP_MAX: usize = 1_024;

/// How many operations of a group are tried one by one while the disk refuses them.
const REFUSED_MAX: usize = 8;

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
    last_event: u64,
    operations: usize,
    spool_tried: Instant,
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
            self.take_in();
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
            self.take_in();
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

    fn has_spooled(&self) -> bool {
        self.spool.as_ref().is_some_and(|spool| !spool.is_empty())
    }

    /// Tries to empty the spool, if the last try is not too young.
    fn take_in(&mut self) {
        if !self.has_spooled() || self.spool_tried.elapsed() < SPOOL_EVERY {
            return;
        }
        self.spool_tried = Instant::now();
        let outcome = self.open().and_then(|()| {
            let (Some(db), Some(spool)) = (&self.db, &mut self.spool) else {
                return Ok(());
            };
            take_in::take_in(db, spool)
        });
        self.settle(&outcome);
        match outcome {
            Ok(()) => {
                tracing::info!("the store writes again; what waited in its spool is in the inbox")
            }
            Err(trouble) => tracing::warn!(%trouble, "the store still cannot write"),
        }
    }

    /// Does operations, all together if that works.
    fn work(&mut self, mut group: Vec<Box<dyn Work>>) {
        let mut spooling = Vec::new();
        if self.has_spooled() {
            // The order in a chat stays: what comes goes behind what waits.
            (spooling, group) = group
                .into_iter()
                .partition(|work| work.delivery().is_some());
        }
        match self.attempt(&mut group) {
            Ok(()) => answer(group, None),
            Err(trouble) if group.len() == 1 || trouble.needs_reopening() => {
                self.refuse(group, &trouble, &mut spooling);
            }
            Err(_) => self.one_by_one(group, &mut spooling),
        }
        self.to_spool(spooling);
    }

    /// A group failed and was undone: whose fault it was shows when each is done on its own.
    fn one_by_one(&mut self, group: Vec<Box<dyn Work>>, spooling: &mut Vec<Box<dyn Work>>) {
        let mut refused = 0;
        let mut group = group.into_iter();
        while let Some(work) = group.next() {
            if !spooling.is_empty() && work.delivery().is_some() {
                spooling.push(work);
                continue;
            }
            let mut alone = vec![work];
            let Err(trouble) = self.attempt(&mut alone) else {
                answer(alone, None);
                continue;
            };
            refused += usize::from(trouble.is_of_disk());
            self.refuse(alone, &trouble, spooling);
            if refused > REFUSED_MAX || trouble.needs_reopening() {
                self.refuse(group.by_ref().collect(), &trouble, spooling);
            }
        }
    }

    fn attempt(&mut self, group: &mut [Box<dyn Work>]) -> Result<(), Trouble> {
        if group.is_empty() {
            return Ok(());
        }
        let outcome = self.open().and_then(|()| {
            let db = self.db.as_ref().ok_or(Trouble::Closed)?;
            db.begin()?;
            group.iter_mut().try_for_each(|work| work.run(db))?;
            db.commit()
        });
        self.operations += group.len();
        self.settle(&outcome);
        outcome
    }

    /// What follows from an outcome for the connection.
    fn settle(&mut self, outcome: &Result<(), Trouble>) {
        let Some(db) = &self.db else { return };
        match outcome {
            Ok(()) => self.last_event = db.last_event(),
            Err(trouble) => {
                db.roll_back();
                if trouble.needs_reopening() {
                    tracing::error!(path = %self.path.display(), %trouble, "the store's disk failed; it is opened anew");
                    self.db = None;
                }
            }
        }
    }

    /// Opens the database anew if it was closed after an error. What was read before is not to be trusted, so the log is
    /// moved; and what was written in spite of the error is told, since nobody was answered.
    fn open(&mut self) -> Result<(), Trouble> {
        if self.db.is_some() {
            return Ok(());
        }
        let attends = self.lock.is_none();
        let connect = if attends {
            connect::attending
        } else {
            connect::writer
        };
        let db = Db::new(connect(&self.path)?, Arc::clone(&self.seal), attends)?;
        if !attends {
            connect::checkpoint(&db.connection, "TRUNCATE")?;
            db.begin()?;
            db.tell_after(self.last_event)?;
            db.commit()?;
        }
        self.db = Some(db);
        Ok(())
    }

    /// Deliveries that the disk refused wait for the spool; everybody else is told.
    fn refuse(
        &self,
        group: Vec<Box<dyn Work>>,
        trouble: &Trouble,
        spooling: &mut Vec<Box<dyn Work>>,
    ) {
        for work in group {
            let can_wait =
                self.spool.is_some() && trouble.is_of_disk() && work.delivery().is_some();
            if can_wait {
                spooling.push(work);
            } else {
                work.answer(Some(trouble.clone()));
            }
        }
    }

    fn to_spool(&mut self, mut deliveries: Vec<Box<dyn Work>>) {
        let Some(spool) = self.spool.as_mut().filter(|_| !deliveries.is_empty()) else {
            return;
        };
        let is_first = spool.is_empty();
        match spool.add(deliveries.iter().filter_map(|work| work.delivery())) {
            Ok(()) => {
                if is_first {
                    self.spool_tried = Instant::now();
                    tracing::error!(path = %self.path.display(), spool = %spool.path().display(),
                        "the store cannot write; deliveries wait in its spool");
                }
                deliveries.iter_mut().for_each(|work| work.spooled());
                answer(deliveries, None);
            }
            Err(error) => {
                let cause = error.to_string();
                tracing::error!(spool = %spool.path().display(), cause, "the spool cannot be written either");
                let path = spool.path().to_owned();
                answer(deliveries, Some(Trouble::Spool { path, cause }));
            }
        }
    }

    fn end(mut self, closing: Option<Reply<()>>) {
        self.take_in();
        let closed = match self.db.take() {
            Some(db) if !db.attends => connect::checkpoint(&db.connection, "TRUNCATE"),
            _ => Ok(()),
        };
        drop(self.lock.take());
        if let Some(reply) = closing {
            drop(reply.send(closed.map_err(Trouble::from)));
        }
    }
}

fn answer(group: Vec<Box<dyn Work>>, trouble: Option<Trouble>) {
    group
        .into_iter()
        .for_each(|work| work.answer(trouble.clone()));
}

/// All that waits, up to a bound, and who wants the end.
///
/// Those who were just answered ask for their next thing in a moment. So when nothing more waits, others may go on, and
/// what they bring comes along: that costs a lone client a microsecond, and spares many a flush for a few of them.
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
        next = requests.try_recv().ok().or_else(|| {
            thread::yield_now();
            requests.try_recv().ok()
        });
    }
    (group, None)
}
