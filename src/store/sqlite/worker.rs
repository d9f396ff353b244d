//! A thread that does operations, as the rest of the store sees it.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::Fault;
use super::db::Db;
use super::work::{self, Append, Job, Reply, Work};
use crate::store::{Appended, NewDelivery};

/// How many operations wait for a thread; who comes when it is full waits outside, which loses nothing.
pub(super) const QUEUE_MAX: usize = 4_096;

/// What a thread is asked.
pub(super) enum Request {
    Work(Box<dyn Work>),
    /// Ends the thread, when everything before is done.
    Close(Reply<()>),
}

/// A thread with its queue. It ends when this is dropped, and dropping waits for that: the files are free then.
#[derive(Debug)]
pub(super) struct Worker {
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(
        name: &str,
        run: impl FnOnce(mpsc::Receiver<Request>) + Send + 'static,
    ) -> io::Result<Worker> {
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(|| run(requests))?;
        Ok(Worker {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Has an operation done.
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

    /// Ends the thread. A second time that is an error which nobody minds.
    pub(super) async fn close(&self) -> Result<(), Fault> {
        match self.send(Request::Close).await {
            Err(Fault::Closed) => Ok(()),
            closed => closed,
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

/// The thread that reads, so that long looks do not hold up what is written.
pub(super) fn read(db: &Db, mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.blocking_recv() {
        match request {
            Request::Work(mut work) => {
                let outcome = snapshot(db, |db| work::run(work.as_mut(), db));
                work.answer(outcome.err());
            }
            Request::Close(reply) => {
                drop(reply.send(Ok(())));
                return;
            }
        }
    }
}

/// Looks at one moment's rows only.
fn snapshot(db: &Db, mut look: impl FnMut(&Db) -> Result<(), Fault>) -> Result<(), Fault> {
    db.execute("BEGIN", [])?;
    let outcome = look(db);
    db.roll_back();
    outcome
}
