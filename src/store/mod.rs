//! Remembering: events not yet handled, conversations, calls not yet sent, reminders, dead letters, and the portals we are
//! installed on.
//!
//! One trait, shaped by the turn and not by a database. An event is [appended](Store::append) before anybody is told
//! that it was taken in; a turn [begins](Store::begin) by counting the attempt and ends in one [commit](Store::commit)
//! that writes the new state, the calls and reminders it decided and that the event is done, or nothing of it.
//! [`Memory`] forgets when the process ends; `tests/store` is the contract that every engine keeps.
//!
//! A store has no clock: every moment it writes down is given to it.

mod dead;
mod inbox;
mod memory;
mod outbox;
mod portals;
mod reminders;
mod sqlite;
mod time;
mod turn;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::event::{MemberId, MessageId, UserId};

pub use dead::{DeadId, DeadLetter, DeadWhat, Failure};
pub use inbox::{Appended, Content, EventId, InboxEvent, Lane, NewDelivery, NewEvent, Occurrence};
pub use memory::{Memory, SEEN_MAX, WAITING_MAX};
pub use outbox::{Call, CallId, Doubt, MessageRef, QueuedCall, Settled, Taken};
pub use portals::{Installation, Tokens};
pub use reminders::{NewReminder, Reminder, ReminderChange, ReminderId};
pub use sqlite::{BackupError, Key, KeyError, OpenError, Sqlite};
pub use time::{Clock, Time};
pub use turn::{Aside, Begun, Conversation, End, StateChange, StoredState, Turn};

/// What a store answers with.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The memory of the engine.
///
/// Whatever a method writes is durable when it answers, as far as the engine promises that at all. Methods may be called
/// from many tasks at once; what was answered before a call began is seen by it.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Whether what is written outlives the process.
    fn is_durable(&self) -> bool;

    // The inbox.

    /// Writes a delivery down, and tells for each of its events its number, or nothing where it is a repeat of one seen
    /// before. Numbers grow in the order in which deliveries are appended.
    fn append(&self, delivery: NewDelivery) -> Stored<'_, Appended>;

    /// At most `limit` of the events that are written down and not done, oldest first, from the one after `after`.
    fn waiting(&self, after: Option<EventId>, limit: usize) -> Stored<'_, Vec<(EventId, Lane)>>;

    /// An event that waits, as it came.
    fn event(&self, event: EventId) -> Stored<'_, Option<InboxEvent>>;

    // Turns.

    /// Counts one more attempt at an event, and reads the state of the conversation that it needs. Nothing comes back
    /// for an event that does not wait any more.
    fn begin(&self, event: EventId, state: Option<&Conversation>) -> Stored<'_, Option<Begun>>;

    /// Notes that an attempt failed. The event waits on.
    fn fail(&self, event: EventId, failure: Failure) -> Stored<'_, ()>;

    /// Ends a turn: state, calls, reminders, and "done" or "dead" in one step. A turn whose event does not wait any more
    /// changes nothing.
    ///
    /// An edit or deletion of a message that still waits in the outbox and is not [taken](Store::take) is made there.
    fn commit(&self, turn: Turn) -> Stored<'_, ()>;

    /// The state of a conversation, if it has one.
    fn state(&self, key: &Conversation) -> Stored<'_, Option<StoredState>>;

    /// States of a conversation that could not be read and are kept aside, oldest first.
    fn aside(&self, key: &Conversation) -> Stored<'_, Vec<Aside>>;

    // The outbox.

    /// At most `limit` of the calls that are decided and not settled, oldest first, from the one after `after`.
    fn unsent(
        &self,
        after: Option<CallId>,
        limit: usize,
    ) -> Stored<'_, Vec<(CallId, Conversation)>>;

    /// Takes a call in order to make it: it is marked, so that a later process knows that it may have been made. Nothing
    /// comes back for one that is settled, or was deleted before it was sent.
    fn take(&self, call: CallId) -> Stored<'_, Option<Taken>>;

    /// Tells what became of a call that was taken.
    fn settle(&self, call: CallId, settled: Settled) -> Stored<'_, ()>;

    /// The number of the message that a call made, if it was to be remembered.
    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>>;

    // Reminders.

    /// Puts at most `limit` reminders that are due into the inbox, each once, and tells their events.
    fn due(&self, now: Time, limit: usize) -> Stored<'_, Vec<(EventId, Lane)>>;

    /// When the next reminder is due.
    fn next_due(&self) -> Stored<'_, Option<Time>>;

    // Portals.

    /// The portals that the application is installed on.
    fn portals(&self) -> Stored<'_, Vec<Installation>>;

    /// Writes down an installation, in place of an earlier one on the same portal.
    fn install(&self, installation: Installation) -> Stored<'_, ()>;

    /// Forgets an installation, and with `forget` all conversations and reminders on that portal, too.
    fn uninstall(&self, portal: &MemberId, forget: bool) -> Stored<'_, ()>;

    // What changes from outside, and upkeep.

    /// What others than the engine have put into the store since the last call: an operator from another process, or the
    /// store itself out of its spool.
    fn news(&self) -> Stored<'_, Vec<News>>;

    /// The lanes that wait for an operator to decide about a dead letter.
    fn blocked(&self) -> Stored<'_, Vec<Lane>>;

    /// Removes what is older than its limit.
    fn sweep(&self, now: Time, limits: Limits) -> Stored<'_, Swept>;

    /// Ends the store's work: what it holds back is written.
    fn close(&self) -> Stored<'_, ()>;

    // What an operator asks.

    /// How much is stored.
    fn status(&self) -> Stored<'_, Status>;

    /// At most `limit` dead letters, oldest first, from the one after `after`.
    fn dead(&self, after: Option<DeadId>, limit: usize) -> Stored<'_, Vec<DeadLetter>>;

    /// Puts a dead letter back to where it came from, with a clean count. Says whether there was one.
    fn revive(&self, dead: DeadId) -> Stored<'_, bool>;

    /// Drops a dead letter. Says whether there was one.
    fn drop_dead(&self, dead: DeadId) -> Stored<'_, bool>;

    /// Forgets all that is stored of a conversation or a person, and tells how many things that were.
    fn forget(&self, whom: Whom) -> Stored<'_, u64>;
}

/// Something that has come into the store from outside the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An event waits: it was revived, or came out of the spool.
    Event(EventId, Lane),
    /// A call waits again.
    Call(CallId, Conversation),
    /// A blocked lane may go on.
    Open(Lane),
}

/// How long things are kept that are of no use any more.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Dead letters, and states that were kept aside. Default: 30 days.
    pub dead: std::time::Duration,
    /// Conversations in which nothing happens. Default: for ever.
    pub idle: Option<std::time::Duration>,
    /// Numbers of messages that bots keep references to: bots may change theirs for three days
    /// (`imbot.message.update`). Default: 7 days.
    pub messages: std::time::Duration,
    /// Occurrences, by which repeats are known. Default: 24 hours.
    pub occurrences: std::time::Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
        Limits {
            dead: 30 * DAY,
            idle: None,
            messages: 7 * DAY,
            occurrences: DAY,
        }
    }
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Conversations that had been idle.
    pub conversations: u64,
    /// Dead letters and states kept aside.
    pub dead: u64,
}

/// How much is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Portals that the application is installed on.
    pub portals: u64,
    /// Events that wait.
    pub events: u64,
    /// When the oldest of them came.
    pub oldest_event: Option<Time>,
    /// Calls that wait to be sent.
    pub calls: u64,
    /// When the oldest of them was decided.
    pub oldest_call: Option<Time>,
    /// Reminders that are not due yet.
    pub reminders: u64,
    /// Conversations with a state.
    pub conversations: u64,
    /// States that could not be read and are kept aside.
    pub aside: u64,
    /// Dead letters.
    pub dead: u64,
    /// Deliveries that wait in the spool, since the store could not write.
    pub spooled: u64,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// Whose data are to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Everything of one conversation.
    Conversation(Conversation),
    /// Everything of a person's private chats with the bots of a portal.
    User {
        /// The portal.
        portal: MemberId,
        /// The person.
        user: UserId,
    },
}

impl Whom {
    /// Whether a conversation is meant.
    pub fn includes(&self, key: &Conversation) -> bool {
        match self {
            Whom::Conversation(own) => own == key,
            Whom::User { portal, user } => {
                *portal == key.portal && key.dialog.as_str() == user.to_string()
            }
        }
    }
}
