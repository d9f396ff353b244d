//! Operations, which run on a thread of the store and reply to their callers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::db::Db;
use super::{Fault, inbox};
use crate::store::{Appended, NewDelivery};

/// The channel for the result of an operation.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Fault>>;

/// An operation.
///
/// It may run more than once: if a part of a group fails, the group is rolled back and run again.
/// It is answered once, when its outcome is on the disk.
pub(super) trait Work: Send {
    /// Runs the operation in the current transaction.
    fn run(&mut self, db: &Db) -> Result<(), Fault>;

    /// Returns the delivery that may go to the spool instead.
    fn delivery(&self) -> Option<&NewDelivery> {
        None
    }

    /// Sets the result of a delivery that went to the spool.
    fn set_spooled(&mut self) {}

    /// Sends the outcome, if the caller still waits for it.
    fn answer(self: Box<Self>, fault: Option<Fault>);
}

/// Runs an operation. A panic is a failure of this operation only, not of its thread or group.
pub(super) fn run(work: &mut dyn Work, db: &Db) -> Result<(), Fault> {
    catch_unwind(AssertUnwindSafe(|| work.run(db))).unwrap_or(Err(Fault::Panicked))
}

/// An operation that runs a function.
pub(super) struct Job<T, F> {
    pub(super) run: F,
    pub(super) done: Option<T>,
    pub(super) reply: Reply<T>,
}

impl<T: Send, F: FnMut(&Db) -> Result<T, Fault> + Send> Work for Job<T, F> {
    fn run(&mut self, db: &Db) -> Result<(), Fault> {
        self.done = Some((self.run)(db)?);
        Ok(())
    }

    fn answer(self: Box<Self>, fault: Option<Fault>) {
        send_reply(self.reply, self.done, fault);
    }
}

/// An operation that appends a delivery.
pub(super) struct Append {
    pub(super) delivery: NewDelivery,
    pub(super) done: Option<Appended>,
    pub(super) reply: Reply<Appended>,
}

impl Work for Append {
    fn run(&mut self, db: &Db) -> Result<(), Fault> {
        self.done = Some(Appended::Now(inbox::append(db, &self.delivery)?));
        Ok(())
    }

    fn delivery(&self) -> Option<&NewDelivery> {
        Some(&self.delivery)
    }

    fn set_spooled(&mut self) {
        self.done = Some(Appended::Later);
    }

    fn answer(self: Box<Self>, fault: Option<Fault>) {
        send_reply(self.reply, self.done, fault);
    }
}

fn send_reply<T>(reply: Reply<T>, done: Option<T>, fault: Option<Fault>) {
    let outcome = match (done, fault) {
        (_, Some(fault)) => Err(fault),
        (Some(done), None) => Ok(done),
        (None, None) => Err(Fault::Closed),
    };
    let _ = reply.send(outcome); // the caller may have stopped waiting
}
