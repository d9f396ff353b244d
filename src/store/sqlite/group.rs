//! A group of operations: committed together, or one by one if that fails. Deliveries that the disk
//! refuses go to the spool.

use std::sync::Arc;

use tokio::time::Instant;

use super::db::Db;
use super::work::{self, Work};
use super::writer::Writer;
use super::{Fault, connect};

/// Maximum number of operations of a group that the disk refuses before the rest fails without a
/// try.
const REFUSED_MAX: usize = 8;

impl Writer {
    /// Runs and answers operations, in one transaction if that succeeds.
    pub(super) fn run_group(&mut self, mut group: Vec<Box<dyn Work>>) {
        let mut spooling = Vec::new();
        if self.has_spooled() {
            // New deliveries go behind the waiting ones, so the order in a chat is kept.
            (spooling, group) = group
                .into_iter()
                .partition(|work| work.delivery().is_some());
        }
        match self.try_group(&mut group) {
            Ok(()) => answer(group, None),
            Err(fault) if group.len() == 1 || fault.affects_all() => {
                self.fail(group, &fault, &mut spooling);
            }
            Err(_) => self.run_one_by_one(group, &mut spooling),
        }
        self.write_to_spool(spooling);
    }

    /// Runs each operation of a failed group in a transaction of its own, to find the one that
    /// fails.
    fn run_one_by_one(&mut self, group: Vec<Box<dyn Work>>, spooling: &mut Vec<Box<dyn Work>>) {
        let mut refused = 0;
        let mut group = group.into_iter();
        while let Some(work) = group.next() {
            if !spooling.is_empty() && work.delivery().is_some() {
                spooling.push(work);
                continue;
            }
            let mut alone = vec![work];
            let Err(fault) = self.try_group(&mut alone) else {
                answer(alone, None);
                continue;
            };
            refused += usize::from(fault.is_of_disk());
            self.fail(alone, &fault, spooling);
            if refused > REFUSED_MAX || fault.affects_all() {
                self.fail(group.by_ref().collect(), &fault, spooling);
            }
        }
    }

    /// Runs operations in one transaction, which is rolled back if one fails.
    fn try_group(&mut self, group: &mut [Box<dyn Work>]) -> Result<(), Fault> {
        if group.is_empty() {
            return Ok(());
        }
        let outcome = self.open().and_then(|()| {
            let db = self.db.as_ref().ok_or(Fault::Closed)?;
            db.begin()?;
            group
                .iter_mut()
                .try_for_each(|work| work::run(work.as_mut(), db))?;
            db.commit()
        });
        self.operations += group.len();
        self.apply_outcome(&outcome);
        outcome
    }

    /// Rolls back after a fault, and closes the connection if the fault requires it.
    pub(super) fn apply_outcome(&mut self, outcome: &Result<(), Fault>) {
        let Some(db) = &self.db else { return };
        match outcome {
            Ok(()) => self.last_event = db.last_event(),
            Err(fault) => {
                db.roll_back();
                if fault.needs_reopening() {
                    tracing::error!(path = %self.path.display(), %fault, "the store's disk failed; opening the database again");
                    self.db = None;
                }
            }
        }
    }

    /// Opens the database again if it was closed after a fault.
    ///
    /// The log is moved, because earlier reads of it cannot be trusted. Events that were written
    /// despite the fault get a notice, because their callers got an error.
    pub(super) fn open(&mut self) -> Result<(), Fault> {
        if self.db.is_some() {
            return Ok(());
        }
        let is_guest = self.lock.is_none();
        let connect = if is_guest {
            connect::operator
        } else {
            connect::writer
        };
        let db = Db::new(connect(&self.path)?, Arc::clone(&self.sealer), is_guest)?;
        if !is_guest {
            connect::checkpoint(&db.connection, "TRUNCATE")?;
            db.begin()?;
            db.notify_after(self.last_event)?;
            db.commit()?;
        }
        self.db = Some(db);
        Ok(())
    }

    /// Moves deliveries that the disk refused to `spooling`, and answers the other operations with
    /// the fault.
    fn fail(&self, group: Vec<Box<dyn Work>>, fault: &Fault, spooling: &mut Vec<Box<dyn Work>>) {
        for work in group {
            let can_spool = self.spool.is_some() && fault.is_of_disk() && work.delivery().is_some();
            if can_spool {
                spooling.push(work);
            } else {
                work.answer(Some(fault.clone()));
            }
        }
    }

    /// Writes deliveries to the spool and answers them.
    fn write_to_spool(&mut self, mut deliveries: Vec<Box<dyn Work>>) {
        let Some(spool) = self.spool.as_mut().filter(|_| !deliveries.is_empty()) else {
            return;
        };
        let is_first = spool.is_empty();
        match spool.add(deliveries.iter().filter_map(|work| work.delivery())) {
            Ok(()) => {
                if is_first {
                    self.spool_tried = Instant::now();
                    tracing::error!(path = %self.path.display(), spool = %spool.path().display(),
                        "the store cannot write; deliveries go to its spool");
                }
                deliveries.iter_mut().for_each(|work| work.set_spooled());
                answer(deliveries, None);
            }
            Err(error) => {
                let cause = error.to_string();
                tracing::error!(spool = %spool.path().display(), cause, "the store cannot write, and its spool cannot be written either");
                let path = spool.path().to_owned();
                answer(deliveries, Some(&Fault::Spool { path, cause }));
            }
        }
    }
}

fn answer(group: Vec<Box<dyn Work>>, fault: Option<&Fault>) {
    group
        .into_iter()
        .for_each(|work| work.answer(fault.cloned()));
}
