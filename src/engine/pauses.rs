//! The chats in which a bot is paused.
//!
//! A pause is a part of the conversation. Those of the portals that this process owns are in memory
//! as well, so that a turn reads nothing more while nothing is paused.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::handle::CurrentEvent;
use super::keyed_queues::Next;
use super::part_rows::{all_named, put, read};
use super::{Engine, QueuedEvent, RequestOutcome, lock};
use crate::handler::{AnyBot, EventContext, Trigger};
use crate::store::{
    Conversation, NewReminder, PAUSED, Partition, Reminder, ReminderChange, StateChange, Store,
    StoreError, Time, TurnCommit,
};

/// How long a reminder of a paused chat waits before it is tried again.
pub const REMINDER_POSTPONED: Duration = Duration::from_secs(60);

/// A pause, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pause {
    /// When the bot resumes by itself.
    until: Option<Time>,
}

/// The chats in which a bot is paused, each with the time when the bot resumes by itself.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    until: Mutex<HashMap<Conversation, Option<Time>>>,
    /// How many there are, so that nothing is locked while nothing is paused.
    count: AtomicUsize,
}

impl Pauses {
    /// Returns true if nothing is paused.
    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    fn is_paused(&self, chat: &Conversation, now: Time) -> bool {
        let until = lock(&self.until).get(chat).copied();
        until.is_some_and(|until| until.is_none_or(|until| now < until))
    }

    /// Stores a pause, or removes it.
    fn set(&self, chat: &Conversation, pause: Option<Pause>) {
        self.change(|all| {
            match pause {
                Some(Pause { until }) => all.insert(chat.clone(), until),
                None => all.remove(chat),
            };
        });
    }

    /// Returns those that have ended.
    fn ended(&self, now: Time) -> Vec<Conversation> {
        let all = lock(&self.until);
        let has_ended = |until: &Option<Time>| until.is_some_and(|until| until <= now);
        let ended = all.iter().filter(|(_, until)| has_ended(until));
        ended.map(|(chat, _)| chat.clone()).collect()
    }

    /// Forgets the pauses of these chats.
    pub(super) fn forget(&self, is_gone: impl Fn(&Conversation) -> bool) {
        self.change(|all| all.retain(|chat, _| !is_gone(chat)));
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<Conversation, Option<Time>>)) {
        let mut all = lock(&self.until);
        change(&mut all);
        self.count.store(all.len(), Ordering::Release);
    }
}

/// Returns the part of a chat that pauses the bot there, and its change.
pub(super) fn part(chat: &Conversation, until: Option<Time>) -> (Conversation, StateChange) {
    (chat.part(PAUSED), put(&Pause { until }))
}

/// Pauses a bot in a chat, until this time or until it is resumed; through the store, for the
/// process that owns the portal.
pub(crate) async fn pause(
    store: &dyn Store,
    chat: &Conversation,
    now: Time,
    until: Option<Time>,
) -> Result<(), StoreError> {
    let (key, change) = part(chat, until);
    store.change_part(&key, now, change).await
}

/// Resumes a bot in a chat. Returns false if it is not paused there.
pub(crate) async fn resume(
    store: &dyn Store,
    chat: &Conversation,
    now: Time,
) -> Result<bool, StoreError> {
    let key = chat.part(PAUSED);
    let row = store.state(&key).await?;
    store.change_part(&key, now, StateChange::Forget).await?;
    let pause = row.as_ref().and_then(read::<Pause>);
    Ok(pause.is_some_and(|pause| pause.until.is_none_or(|until| now < until)))
}

impl Engine {
    /// Returns true if the bot is paused in this chat.
    pub(super) fn is_paused(&self, chat: &Conversation) -> bool {
        !self.pauses.is_empty() && self.pauses.is_paused(chat, self.options.clock.now())
    }

    /// Reads the pauses of a partition that is taken up.
    pub(super) async fn load_pauses(&self, partition: Partition) -> Result<(), StoreError> {
        for (key, row) in all_named(&*self.options.store, Some(partition), PAUSED).await? {
            self.pauses.set(&key.whole(), read(&row));
        }
        Ok(())
    }

    /// Follows an operator's change of a pause.
    pub(super) async fn on_pause_changed(&self, key: &Conversation) -> Result<(), StoreError> {
        let row = self.options.store.state(key).await?;
        self.pauses.set(&key.whole(), row.as_ref().and_then(read));
        Ok(())
    }

    /// Follows the pause that a turn has committed.
    pub(super) fn on_pause_committed(&self, key: &Conversation, change: &StateChange) {
        let pause = match change {
            StateChange::Put(row) => read(row),
            StateChange::Forget => None,
            StateChange::Keep => return,
        };
        self.pauses.set(&key.whole(), pause);
    }

    /// Removes pauses that have ended.
    pub(super) async fn sweep_pauses(&self, now: Time) -> Result<(), StoreError> {
        let store = &self.options.store;
        for chat in self.pauses.ended(now) {
            let key = chat.part(PAUSED);
            let row = store.state(&key).await?;
            let pause = row.as_ref().and_then(read);
            let has_ended = |pause: Pause| pause.until.is_some_and(|until| until <= now);
            if pause.is_some_and(has_ended) {
                store.change_part(&key, now, StateChange::Forget).await?;
            }
            self.pauses
                .set(&chat, pause.filter(|pause| !has_ended(*pause)));
        }
        Ok(())
    }

    /// Completes an event of a paused chat without its handler. Returns `None` if a turn has to
    /// follow who has the chat of an open channel.
    pub(super) async fn on_paused(
        &self,
        current: CurrentEvent<'_>,
        bot: &dyn AnyBot,
        trigger: &Trigger,
        context: &EventContext,
    ) -> Option<Next<QueuedEvent>> {
        self.counts.paused.add();
        tracing::debug!(conversation = %context.conversation, event = %current.id(), "the bot is paused in this chat; the event is completed without it");
        let done = TurnCommit::done(current.id(), self.options.clock.now());
        let turn = match trigger {
            Trigger::Chat(_) | Trigger::Session(_) if bot.profile().is_for_open_channels() => {
                return None;
            }
            Trigger::Reminder(reminder) => {
                self.outcomes
                    .report(current.id(), || RequestOutcome::Unknown);
                TurnCommit {
                    reminders: vec![postponed(&context.conversation, reminder, done.at)],
                    ..done
                }
            }
            _ => done,
        };
        Some(self.finish(current, &turn, false).await)
    }
}

/// Returns the change that sets a reminder again, for a later time.
fn postponed(chat: &Conversation, reminder: &Reminder, now: Time) -> ReminderChange {
    let to = chat.clone();
    let reminder = Reminder {
        due: now + REMINDER_POSTPONED,
        ..reminder.clone()
    };
    match &reminder.every {
        Some(_) => ReminderChange::Repeat(reminder), // the store still has it
        None => ReminderChange::Set(NewReminder { to, reminder }),
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::pauses::*;
    use crate::event::{BotId, DialogId, MemberId};

    #[test]
    fn a_pause_ends_at_its_time_or_when_it_is_removed() {
        let pauses = Pauses::default();
        let chat = |dialog: &str| Conversation {
            portal: MemberId::new("portal"),
            bot: BotId(7),
            dialog: DialogId::from(dialog),
        };
        assert!(pauses.is_empty());
        let until = Some(Time(10));
        pauses.set(&chat("27"), Some(Pause { until }));
        pauses.set(&chat("28"), Some(Pause { until: None }));
        assert!(!pauses.is_empty());
        assert!(pauses.is_paused(&chat("27"), Time(9)));
        assert!(!pauses.is_paused(&chat("27"), Time(10)));
        assert!(pauses.is_paused(&chat("28"), Time(u64::MAX)));
        assert!(!pauses.is_paused(&chat("29"), Time(9)));
        assert_eq!(pauses.ended(Time(10)), [chat("27")]);
        pauses.set(&chat("27"), None);
        pauses.forget(|_| true);
        assert!(pauses.is_empty());
    }
}
