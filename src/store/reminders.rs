//! Reminders that bots have set.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Conversation, EventId, OrderingKey, Stored, Time};
use crate::event::UserId;

/// The number of a reminder: the event of its turn, and its index among the reminders of that turn.
///
/// A bot can keep it in its state, to cancel the reminder later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReminderId {
    /// The event.
    pub event: EventId,
    /// The index.
    pub index: u16,
}

/// A reminder to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReminder {
    /// The bot and the dialog of the reminder.
    pub to: Conversation,
    /// The reminder.
    pub reminder: Reminder,
}

/// A reminder, as the bot has set it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Reminder {
    /// The number of this reminder.
    pub id: ReminderId,
    /// The bot's code.
    pub code: String,
    /// The time when it is due.
    pub due: Time,
    /// The bot's own data.
    pub payload: Value,
    /// The person whose own state it belongs to, if the bot keeps one for each person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<UserId>,
}

impl Reminder {
    /// Returns the payload as the type that the bot stored.
    ///
    /// # Errors
    /// The payload is not of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.payload)
    }
}

impl fmt::Debug for Reminder {
    /// Leaves out the payload, which may hold people's messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, code, due, .. } = self;
        f.debug_struct("Reminder")
            .field("id", id)
            .field("code", code)
            .field("due", due)
            .finish_non_exhaustive()
    }
}

/// A change of a turn to the reminders.
#[derive(Clone, Debug, PartialEq)]
pub enum ReminderChange {
    /// Sets a reminder.
    Set(NewReminder),
    /// Cancels a reminder, if it is not due yet.
    Cancel(ReminderId),
}

/// The reminders of a store, which become events when they are due. [`Turns`](super::Turns) set and
/// cancel them.
pub trait Reminders {
    /// Moves at most `limit` due reminders into the inbox, each once. Returns their events.
    ///
    /// A reminder is removed and its event appended in one step.
    ///
    /// # Errors
    /// The events could not be stored. The reminders are still there then.
    fn due(&self, now: Time, limit: usize) -> Stored<'_, Vec<(EventId, OrderingKey)>>;

    /// Returns when the next reminder is due.
    ///
    /// # Errors
    /// The reminders could not be read.
    fn next_due(&self) -> Stored<'_, Option<Time>>;
}
