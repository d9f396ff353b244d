//! One operation on its way to a thread and back: what is to be done, and who waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::db::Db;
use super::{Fault, inbox};
use crate::store::{Appended, NewDelivery};

/// Whom the outcome is told.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Fault>>;

/// An operation. It may be run more than once, since a group is undone and run again when a part of it fails; it is
/// answered once, when its outcome is on the disk.
pub(super) trait Work: Send {
    /// Does it.
    fn run(&mut self, db: &Db) -> Result<(), Fault>;

    /// The delivery that may go to the spool instead.
    fn delivery(&self) -> Option<&NewDelivery> {
        None
    }

    /// Notes that it went to the spool.
    fn spooled(&mut self) {}

    /// Tells the outcome. Who does not wait any more is not told.
    fn answer(self: Box<Self>, fault: Option<Fault>);
}

/// Does an operation. One that panics has failed, and takes neither its thread nor the others of its group along.
pub(super) fn run(work: &mut dyn Work, db: &Db) -> Result<(), Fault> {
    catch_unwind(AssertUnwindSafe(|| work.run(db))).unwrap_or(Err(Fault::Panicked))
}

/// An operation made of a function.
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
        tell(self.reply, self.done, fault);
    }
}

/// A delivery to be written down.
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

    fn spooled(&mut self) {
        self.done = Some(Appended::Later);
    }

    fn answer(self: Box<Self>, fault: Option<Fault>) {
        tell(self.reply, self.done, fault);
    }
}

fn tell<T>(reply: Reply<T>, done: Option<T>, fault: Option<Fault>) {
    let outcome = match (done, fault) {
        (_, Some(fault)) => Err(fault),
        (Some(done), None) => Ok(done),
        (None, None) => Err(Fault::Closed),
    };
    drop(reply.send(outcome));
}
