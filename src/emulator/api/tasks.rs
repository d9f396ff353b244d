//! Tasks for the portal's people, so that bots find some.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::emulator::serve::Emulator;
use crate::emulator::world::task::{COMPLETED, PENDING, Task};

/// The administrator, who creates tasks.
const ADMIN: u64 = 1;

/// A task to be created.
#[derive(Clone, Debug)]
pub struct NewTask {
    title: String,
    responsible: u64,
    deadline: Option<SystemTime>,
}

impl NewTask {
    /// Returns a task with this title for a person, without a deadline.
    pub fn new(title: &str, responsible: u64) -> Self {
        NewTask {
            title: title.to_owned(),
            responsible,
            deadline: None,
        }
    }

    /// Sets the deadline.
    #[must_use]
    pub fn deadline(mut self, at: SystemTime) -> Self {
        self.deadline = Some(at);
        self
    }
}

/// Tasks. There is no event about them; `tasks.task.list` finds them.
impl Emulator {
    /// Creates a task and returns its id.
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

    /// Marks a task as completed.
    pub fn complete_task(&self, task: u64) {
        self.portal.act(ADMIN, |tx| {
            if let Some(task) = tx.world.tasks.get_mut(&task) {
                task.status = COMPLETED;
            }
        });
    }
}
