//! A task, with the fields that lists show. Page
//! `b24restdocs: api-reference/tasks/tasks-task-list.md`.

use crate::emulator::clock::{iso, timestamp};

/// `STATE_PENDING`: the status of a new task.
pub(crate) const PENDING: i64 = 2;
/// `STATE_COMPLETED`.
pub(crate) const COMPLETED: i64 = 5;
/// The status of an open task whose deadline has passed; used for sorting only.
const OVERDUE: i64 = -1;

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) creator: u64,
    pub(crate) responsible: u64,
    /// `REAL_STATUS`.
    pub(crate) status: i64,
    /// Unix milliseconds, as all times here.
    pub(crate) deadline: Option<i64>,
    pub(crate) created: i64,
}

impl Task {
    /// Returns `STATUS`, which depends on the time.
    pub(crate) fn sub_status(&self, now: i64) -> i64 {
        let is_late = self.deadline.is_some_and(|deadline| deadline < now);
        if is_late && self.status != COMPLETED {
            OVERDUE
        } else {
            self.status
        }
    }

    /// Returns the deadline as REST answers print it.
    pub(crate) fn deadline(&self) -> Option<String> {
        self.deadline.map(|deadline| iso(timestamp(deadline)))
    }
}
