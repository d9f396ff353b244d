//! Reminders that bots have set.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Conversation, EventId, Every, OrderingKey, Stored, Time};
use crate::event::UserId;

/// The number of a reminder: the event of its turn, and its index among the reminders of that turn.
///
/// A bot can keep it in its state, to cancel the reminder later. A reminder that repeats has one
/// number, each time it comes.
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
    /// When it comes again, if it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Every>,
}

/// Due time of a repeating reminder whose event waits: the turn of that event sets the next one.
/// Nothing is ever due then.
pub(super) const PARKED: Time = Time(i64::MAX as u64);

/// Whether a stored reminder repeats, by its JSON. One that cannot be read does not.
#[cfg(any(test, feature = "postgres", feature = "sqlite"))]
pub(super) fn repeats(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Row {
        every: Option<serde::de::IgnoredAny>,
    }
    let row = || serde_json::from_str::<Row>(json);
    json.contains("\"every\"") && row().is_ok_and(|row| row.every.is_some())
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
    /// Sets when a repeating reminder comes next, unless it was cancelled: its conversation stays,
    /// everything else is replaced.
    Repeat(Reminder),
    /// Cancels a reminder, if it is not due yet. One that repeats does not come again, even if its
    /// event waits.
    Cancel(ReminderId),
}

/// The reminders of a store, which become events when they are due. [`Turns`](super::Turns) set and
/// cancel them.
pub trait Reminders {
    /// Moves at most `limit` due reminders into the inbox, each once. Returns their events.
    ///
    /// A reminder is removed and its event appended in one step. One that repeats stays, and is not
    /// due until the turn of its event [sets](ReminderChange::Repeat) when it comes next.
    ///
    /// # Errors
    /// The events could not be stored. The reminders are still there then.
    fn due(&self, now: Time, limit: usize) -> Stored<'_, Vec<(EventId, OrderingKey)>>;

    /// Returns when the next reminder is due. One that repeats and whose event waits is left out.
    ///
    /// # Errors
    /// The reminders could not be read.
    fn next_due(&self) -> Stored<'_, Option<Time>>;
}

#[cfg(test)]
mod tests {
    use crate::store::reminders::*;

    #[test]
    fn a_row_of_an_earlier_version_does_not_repeat_and_can_be_read() {
        let row = r#"{"id":{"event":1,"index":0},"code":"echo","due":5,"payload":{"every":1}}"#;
        let read: Reminder = serde_json::from_str(row).unwrap();
        assert_eq!(read.every, None);
        assert!(!repeats(row));
        let every = Some(Every::day_at(9, 0, "UTC"));
        let repeating = serde_json::to_string(&Reminder { every, ..read }).unwrap();
        assert!(repeats(&repeating), "{repeating}");
        assert!(!repeats("\"every\""));
    }
}
