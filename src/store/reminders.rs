//! What a bot asked to be reminded of.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Conversation, EventId, OrderingKey, Stored, Time};

/// The number of a reminder: the event whose turn set it, and its place among that turn's reminders. It can be kept in a
/// bot's state, to cancel the reminder later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReminderId {
    /// The event.
    pub event: EventId,
    /// The place.
    pub index: u16,
}

/// A reminder to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReminder {
    /// The bot in the dialog that is reminded.
    pub to: Conversation,
    /// What it is reminded of.
    pub reminder: Reminder,
}

/// A reminder, as the bot set it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Reminder {
    /// Its number.
    pub id: ReminderId,
    /// The bot's code.
    pub code: String,
    /// When it is due.
    pub due: Time,
    /// What the bot wants to know then.
    pub payload: Value,
}

impl Reminder {
    /// What the bot wants to know, as the type that it gave.
    ///
    /// # Errors
    /// It was of another type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.payload)
    }
}

impl fmt::Debug for Reminder {
    /// Without the payload: it may hold what people wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, code, due, .. } = self;
        f.debug_struct("Reminder")
            .field("id", id)
            .field("code", code)
            .field("due", due)
            .finish_non_exhaustive()
    }
}

/// What a turn changes about reminders.
#[derive(Clone, Debug, PartialEq)]
pub enum ReminderChange {
    /// One more.
    Set(NewReminder),
    /// One less, if it is not due yet.
    Cancel(ReminderId),
}

/// The reminders of a store, which become events when they are due. [`Turns`](super::Turns) set and
/// cancel them.
pub trait Reminders {
    /// Moves at most `limit` reminders that are due into the inbox, each once. Returns their events.
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
