//! Payloads of tasks and their comments: the states before and after a change.
//!
//! Pages `api-reference/tasks/events-tasks/*` and `comment-item/events-comment/*` of the
//! documentation. A side without data is the word `undefined`, and so is a flag that the portal did
//! not set.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery, MessageId, Node};

/// A task that was created, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Task {
    /// Its id.
    pub id: u64,
    /// Whether it existed before the change.
    pub existed_before: bool,
    /// Whether it exists after the change.
    pub exists_now: bool,
    /// Whether the task was accessible before; `None` if the portal did not check.
    pub accessible_before: Option<bool>,
    /// Whether it is accessible now; `None` if the portal did not check.
    pub accessible_after: Option<bool>,
}

/// A comment on a task that was written, changed or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Comment {
    /// Its id; `None` where comments are messages of the task's chat (tasks 25.700.0 and later).
    pub id: Option<u64>,
    /// The task.
    pub task: u64,
    /// The message that it is, in the task's chat.
    pub message: Option<MessageId>,
    /// `EDIT` or `DEL`; `None` for a new comment.
    pub action: Option<String>,
    /// Whether the task was accessible before; `None` if the portal did not check.
    pub accessible_before: Option<bool>,
    /// Whether it is accessible now; `None` if the portal did not check.
    pub accessible_after: Option<bool>,
}

/// The states before and after a change.
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
            accessible: ["IS_ACCESSIBLE_BEFORE", "IS_ACCESSIBLE_AFTER"]
                .map(|key| data.flag_at(key)),
        })
    }

    /// The state after the change, or the one before if there is no other.
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
            existed_before: change.before.is_some(),
            exists_now: change.after.is_some(),
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
