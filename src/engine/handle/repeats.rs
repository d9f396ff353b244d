//! Reminders that repeat: the commit that ends one sets when it comes next.
//!
//! The store keeps such a reminder while its event waits, so that it can be cancelled then. The
//! next time is set only if it is still there.

use super::{CurrentEvent, Unhandled};
use crate::engine::keyed_queues::Next;
use crate::engine::{Engine, QueuedEvent};
use crate::handler::Trigger;
use crate::store::{Reminder, ReminderChange, Time, TurnCommit};

/// Returns the change that ends the turn of a reminder at this time, if it repeats.
pub(super) fn repeat(trigger: &Trigger, now: Time) -> Option<ReminderChange> {
    match trigger {
        Trigger::Reminder(reminder) => next(reminder, now),
        _ => None,
    }
}

/// Returns the change that sets when a reminder comes next.
fn next(reminder: &Reminder, now: Time) -> Option<ReminderChange> {
    let every = reminder.every.as_ref()?;
    Some(match every.next(reminder.due, now) {
        Ok(due) => ReminderChange::Repeat(Reminder {
            due,
            ..reminder.clone()
        }),
        Err(error) => {
            tracing::error!(?reminder, %error, "a reminder cannot be repeated");
            ReminderChange::Cancel(reminder.id)
        }
    })
}

impl Engine {
    /// Ends a reminder without its handler. If the bot is only missing in this program, one that
    /// repeats comes again.
    pub(super) async fn end_unhandled_reminder(
        &self,
        current: CurrentEvent<'_>,
        why: Unhandled,
        reminder: &Reminder,
    ) -> Next<QueuedEvent> {
        if !matches!(why, Unhandled::Skipped) {
            return self.end_unhandled(current, why).await;
        }
        let now = self.options.clock.now();
        let done = TurnCommit {
            reminders: next(reminder, now).into_iter().collect(),
            ..TurnCommit::done(current.id, now)
        };
        self.commit(&done).await;
        Next::Done
    }
}
