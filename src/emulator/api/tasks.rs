//! Tasks of the portal's people, so that bots find some.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::emulator::serve::Emulator;
use crate::emulator::world::task::{COMPLETED, PENDING, Task};

/// Who gives people tasks: the first of them.
const ADMIN: u64 = 1;

/// A task to be given to somebody.
#[derive(Clone, Debug)]
pub struct NewTask {
    title: String,
    responsible: u64,
    deadline: Option<SystemTime>,
}

impl NewTask {
    /// A task of this title for a person, without a deadline.
    pub fn new(title: &str, responsible: u64) -> Self {
        NewTask {
            title: title.to_owned(),
            responsible,
            deadline: None,
        }
    }

    /// By when it is to be done.
    #[must_use]
    pub fn deadline(mut self, at: SystemTime) -> Self {
        self.deadline = Some(at);
        self
    }
}

/// Tasks, which no event tells of; `tasks.task.list` finds them.
impl Emulator {
    /// Gives somebody a task.
    pub fn add_task(&self, task: NewTask) -> u64 {
        let millis = |at: SystemTime| {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        };
        self.portal.act(ADMIN, |tx| {
            let id = tx.world.tasks.len() as u64 + 1;
            let task = Task {
                id,
                title: task.title,
                creator: ADMIN,
                responsible: task.responsible,
                status: PENDING,
                deadline: task.deadline.map(millis),
                created: tx.world.clock.millis(),
            };
            tx.world.tasks.insert(id, task);
            id
        })
    }

    /// Notes that a task is done.
    pub fn complete_task(&self, task: u64) {
        self.portal.act(ADMIN, |tx| {
            if let Some(task) = tx.world.tasks.get_mut(&task) {
                task.status = COMPLETED;
            }
        });
    }
}
