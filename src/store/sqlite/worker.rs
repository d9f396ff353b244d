//! A thread that runs operations, and the handle to it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::Fault;
use super::db::Db;
use super::work::{self, Append, Job, Reply, Work};
use crate::store::{Appended, NewDelivery};
use crate::tasks::{TaskFailed, Watch};

/// Maximum number of operations that wait for a thread. Callers wait while it is full; nothing is
/// dropped.
pub(super) const QUEUE_MAX: usize = 4_096;

/// A request to a thread.
pub(super) enum Request {
    Work(Box<dyn Work>),
    /// Panics on the thread.
    #[cfg(feature = "testing")]
    Panic,
    /// Ends the thread after all earlier requests.
    Close(Reply<()>),
}

/// A thread with its queue. Dropping it ends the thread and waits for its end, so the files are
/// closed then.
#[derive(Debug)]
pub(super) struct Worker {
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread. Its panic is a failure of `watch`; callers that wait get
    /// [`Fault::Closed`].
    pub(super) fn start(
        name: &'static str,
        watch: &Watch,
        run: impl FnOnce(mpsc::Receiver<Request>) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let watch = watch.clone();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let ended = catch_unwind(AssertUnwindSafe(|| run(requests)));
                if let Err(payload) = ended {
                    watch.fail(TaskFailed::panicked(name, &*payload));
                }
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs a function on the thread. Returns its result when that is on the disk.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        run: impl FnMut(&Db) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.send(|reply| {
            Request::Work(Box::new(Job {
                run,
                done: None,
                reply,
            }))
        })
        .await
    }

    pub(super) async fn append(&self, delivery: NewDelivery) -> Result<Appended, Fault> {
        self.send(|reply| {
            Request::Work(Box::new(Append {
                delivery,
                done: None,
                reply,
            }))
        })
        .await
    }

    /// Ends the thread. Calling it again has no effect.
    pub(super) async fn close(&self) -> Result<(), Fault> {
        match self.send(Request::Close).await {
            Err(Fault::Closed) => Ok(()),
            closed => closed,
        }
    }

    /// Makes the thread panic.
    #[cfg(feature = "testing")]
    pub(super) async fn make_panic(&self) {
        if let Some(queue) = &self.queue {
            let _ = queue.send(Request::Panic).await; // it may have ended already
        }
    }

    async fn send<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Fault> {
        let (reply, outcome) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(Fault::Closed)?;
        queue
            .send(request(reply))
            .await
            .map_err(|_| Fault::Closed)?;
        outcome.await.unwrap_or(Err(Fault::Closed))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread of the store panicked");
        }
    }
}

/// Runs the thread that reads, so that long queries do not delay writes.
pub(super) fn read(db: &Db, mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.blocking_recv() {
        match request {
            Request::Work(mut work) => {
                let outcome = snapshot(db, |db| work::run(work.as_mut(), db));
                work.answer(outcome.err());
            }
            Request::Close(reply) => {
                let _ = reply.send(Ok(()));
                return;
            }
            #[cfg(feature = "testing")]
            Request::Panic => panic!("a test asked for it"),
        }
    }
}

/// Runs a function that sees the rows of one moment.
fn snapshot(db: &Db, run: impl FnOnce(&Db) -> Result<(), Fault>) -> Result<(), Fault> {
    db.execute("BEGIN", [])?;
    let outcome = run(db);
    db.roll_back();
    outcome
}
