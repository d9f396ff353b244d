//! A group of operations: committed together, or, when that fails, each on its own; what the disk refuses goes to the spool.

use std::sync::Arc;

use tokio::time::Instant;

use super::db::Db;
use super::work::{self, Work};
use super::writer::Writer;
use super::{Fault, connect};

/// How many operations of a group are tried one by one while the disk refuses them.
const REFUSED_MAX: usize = 8;

impl Writer {
    /// Does operations, all together if that works.
    pub(super) fn work(&mut self, mut group: Vec<Box<dyn Work>>) {
        let mut spooling = Vec::new();
        if self.has_spooled() {
            // The order in a chat stays: what comes goes behind what waits.
            (spooling, group) = group
                .into_iter()
                .partition(|work| work.delivery().is_some());
        }
        match self.attempt(&mut group) {
            Ok(()) => answer(group, None),
            Err(fault) if group.len() == 1 || fault.is_everybodys() => {
                self.refuse(group, &fault, &mut spooling);
            }
            Err(_) => self.one_by_one(group, &mut spooling),
        }
        self.put_aside(spooling);
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
            let Err(fault) = self.attempt(&mut alone) else {
                answer(alone, None);
                continue;
            };
            refused += usize::from(fault.is_of_disk());
            self.refuse(alone, &fault, spooling);
            if refused > REFUSED_MAX || fault.is_everybodys() {
                self.refuse(group.by_ref().collect(), &fault, spooling);
            }
        }
    }

    fn attempt(&mut self, group: &mut [Box<dyn Work>]) -> Result<(), Fault> {
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
        self.settle(&outcome);
        outcome
    }

    /// What follows from an outcome for the connection.
    pub(super) fn settle(&mut self, outcome: &Result<(), Fault>) {
        let Some(db) = &self.db else { return };
        match outcome {
            Ok(()) => self.last_event = db.last_event(),
            Err(fault) => {
                db.roll_back();
                if fault.needs_reopening() {
                    tracing::error!(path = %self.path.display(), %fault, "the store's disk failed; it is opened anew");
                    self.db = None;
                }
            }
        }
    }

    /// Opens the database anew if it was closed after an error. What was read before is not to be trusted, so the log is
    /// moved; and what was written in spite of the error is told, since nobody was answered.
    pub(super) fn open(&mut self) -> Result<(), Fault> {
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
    fn refuse(&self, group: Vec<Box<dyn Work>>, fault: &Fault, spooling: &mut Vec<Box<dyn Work>>) {
        for work in group {
            let can_wait = self.spool.is_some() && fault.is_of_disk() && work.delivery().is_some();
            if can_wait {
                spooling.push(work);
            } else {
                work.answer(Some(fault.clone()));
            }
        }
    }

    fn put_aside(&mut self, mut deliveries: Vec<Box<dyn Work>>) {
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
