//! Operations, which run in a transaction of a session and reply to their callers.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::fault::Fault;
use super::session::Session;

/// The channel for the result of an operation.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Fault>>;

/// A running operation.
pub(super) type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// An operation that runs in a transaction of its own.
///
/// It may run more than once: if its transaction fails or its outcome is not known, it is run
/// again. It is answered once, when its outcome is durable.
pub(super) trait Work: Send {
    /// Runs the operation in the current transaction.
    fn run<'a>(&'a mut self, db: &'a Session) -> Running<'a, ()>;

    /// Sends the outcome, if the caller still waits for it.
    fn answer(self: Box<Self>, fault: Option<Fault>);
}

/// Runs an operation. A panic is a failure of this operation only.
pub(super) async fn run(work: &mut dyn Work, db: &Session) -> Result<(), Fault> {
    let running = AssertUnwindSafe(work.run(db)).catch_unwind();
    running.await.unwrap_or(Err(Fault::Panicked))
}

/// An operation that runs a function with its input.
pub(super) struct Job<I, T, F> {
    pub(super) input: I,
    pub(super) run: F,
    pub(super) done: Option<T>,
    pub(super) reply: Reply<T>,
}

impl<I, T, F> Work for Job<I, T, F>
where
    I: Send + Sync,
    T: Send,
    F: for<'a> Fn(&'a Session, &'a I) -> Running<'a, T> + Send,
{
    fn run<'a>(&'a mut self, db: &'a Session) -> Running<'a, ()> {
        let running = (self.run)(db, &self.input);
        let done = &mut self.done;
        Box::pin(async move {
            *done = Some(running.await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, fault: Option<Fault>) {
        send_reply(self.reply, self.done, fault);
    }
}

/// Sends the outcome of an operation.
pub(super) fn send_reply<T>(reply: Reply<T>, done: Option<T>, fault: Option<Fault>) {
    let outcome = match (done, fault) {
        (_, Some(fault)) => Err(fault),
        (Some(done), None) => Ok(done),
        (None, None) => Err(Fault::Closed),
    };
    let _ = reply.send(outcome); // the caller may have stopped waiting
}
