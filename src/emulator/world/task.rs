//! A task, as far as lists of tasks show it. Page `api-reference/tasks/tasks-task-list.md`.

use crate::emulator::clock::{iso, timestamp};

/// `STATE_PENDING`: what a new task is.
pub(crate) const PENDING: i64 = 2;
/// `STATE_COMPLETED`.
pub(crate) const COMPLETED: i64 = 5;
/// The status of sorting alone: an open task whose deadline is over.
const OVERDUE: i64 = -1;

/// Something to be done by somebody.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) creator: u64,
    pub(crate) responsible: u64,
    /// `REAL_STATUS`.
    pub(crate) status: i64,
    /// Unix milliseconds, as all moments here.
    pub(crate) deadline: Option<i64>,
    pub(crate) created: i64,
}

impl Task {
    /// `STATUS`, which knows what time it is.
    pub(crate) fn sub_status(&self, now: i64) -> i64 {
        let is_late = self.deadline.is_some_and(|deadline| deadline < now);
        if is_late && self.status != COMPLETED {
            OVERDUE
        } else {
            self.status
        }
    }

    /// The deadline as REST answers write it.
    pub(crate) fn deadline(&self) -> Option<String> {
        self.deadline.map(|deadline| iso(timestamp(deadline)))
    }
}
