//! Tasks and their comments: both sides of a change.
//!
//! Pages `api-reference/tasks/events-tasks/*` and `comment-item/events-comment/*` of the documentation. A side without data
//! is the word `undefined`, and so is a flag that the portal did not set.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery, MessageId, Node};

/// A task that was created, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Task {
    /// Its number.
    pub id: u64,
    /// Whether it was there before.
    pub was: bool,
    /// Whether it is there now.
    pub is: bool,
    /// Whether the task could be read before; nothing where the portal did not check.
    pub accessible_before: Option<bool>,
    /// Whether it can be read now; nothing where the portal did not check.
    pub accessible_after: Option<bool>,
}

/// A comment to a task that was written, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Comment {
    /// Its number; none where comments are messages of the task's chat (tasks 25.700.0 and later).
    pub id: Option<u64>,
    /// The task.
    pub task: u64,
    /// The message that it is, in the task's chat.
    pub message: Option<MessageId>,
    /// What was done: `EDIT` or `DEL`; none where it was written.
    pub action: Option<String>,
    /// Whether the task could be read before; nothing where the portal did not check.
    pub accessible_before: Option<bool>,
    /// Whether it can be read now; nothing where the portal did not check.
    pub accessible_after: Option<bool>,
}

/// What the portal tells of both sides of a change.
struct Change<'t> {
    before: Option<Node<'t>>,
    after: Option<Node<'t>>,
    accessible: [Option<bool>; 2],
}

impl<'t> Change<'t> {
    fn of(event: &'t Delivery) -> Result<Change<'t>, DecodeError> {
        let data = event.required_data()?;
        Ok(Change {
            before: data.map_at("FIELDS_BEFORE"),
            after: data.map_at("FIELDS_AFTER"),
            accessible: ["IS_ACCESSIBLE_BEFORE", "IS_ACCESSIBLE_AFTER"].map(|key| data.flag_at(key)),
        })
    }

    /// The side as it is now, or the one before where there is none.
    fn latest(&self, event: &Delivery) -> Result<Node<'t>, DecodeError> {
        let side = self.after.or(self.before);
        side.map_or_else(|| Err(event.required_data()?.missing("FIELDS_AFTER")), Ok)
    }
}

impl Payload for Task {
    const EVENTS: &'static [&'static str] = &["ONTASKADD", "ONTASKUPDATE", "ONTASKDELETE"];

    fn read(event: &Delivery) -> Result<Task, DecodeError> {
        let change = Change::of(event)?;
        let [accessible_before, accessible_after] = change.accessible;
        Ok(Task {
            id: change.latest(event)?.required_number("ID")?,
            was: change.before.is_some(),
            is: change.after.is_some(),
            accessible_before,
            accessible_after,
        })
    }
}

impl Payload for Comment {
    const EVENTS: &'static [&'static str] = &["ONTASKCOMMENT*"];

    fn read(event: &Delivery) -> Result<Comment, DecodeError> {
        let change = Change::of(event)?;
        let latest = change.latest(event)?;
        let [accessible_before, accessible_after] = change.accessible;
        Ok(Comment {
            id: latest.number_at("ID")?.filter(|id| *id != 0),
            task: latest.required_number("TASK_ID")?,
            message: latest.number_at("MESSAGE_ID")?,
            action: latest.string_at("ACTION"),
            accessible_before,
            accessible_after,
        })
    }
}
