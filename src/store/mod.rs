//! Remembering: events not yet handled, conversations, calls not yet sent, reminders, dead letters, and the portals we are
//! installed on.
//!
//! One trait, shaped by the turn and not by a database. An event is [appended](Store::append) before anybody is told
//! that it was taken in; a turn [begins](Store::begin) by counting the attempt and ends in one [commit](Store::commit)
//! that writes the new state, the calls and reminders it decided and that the event is done, or nothing of it.
//! [`Memory`] forgets when the process ends; `tests/store` is the contract that every engine keeps.
//!
//! A store has no clock: every moment it writes down is given to it.

mod arrived;
mod booking;
mod dead;
mod inbox;
mod memory;
mod operator;
mod outbox;
mod portals;
mod reminders;
#[cfg(feature = "sqlite")]
mod sqlite;
mod time;
mod turn;
mod upkeep;

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use uuid::Uuid;

use crate::event::{MemberId, MessageId};

pub use arrived::{ARRIVED_MAX, Arrived};
pub use booking::Booking;
pub use dead::{DeadId, DeadLetter, DeadWhat, Failure};
pub use inbox::{
    Appended, Content, EventId, InboxEvent, NewDelivery, NewEvent, Occurrence, OrderingKey,
};
pub use memory::{Memory, SEEN_MAX, WAITING_MAX};
pub use operator::{ForgetScope, Notice, Status};
pub use outbox::{Call, CallId, MessageRef, QueuedCall, Redelivery, Settled, Taken};
pub use portals::{ADDRESSES_MAX, Access, Claim, Installation, Tokens, Webhook};
pub use reminders::{NewReminder, Reminder, ReminderChange, ReminderId};
#[cfg(feature = "sqlite")]
pub use sqlite::{BackupError, Key, KeyError, OpenError, Sqlite};
pub use time::{Clock, Time};
pub use turn::{
    Conversation, Outcome, Quarantined, StartedTurn, StateChange, StoredState, TurnCommit,
};
pub use upkeep::{Limits, Swept};

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
    fn waiting(
        &self,
        after: Option<EventId>,
        limit: usize,
    ) -> Stored<'_, Vec<(EventId, OrderingKey)>>;

    /// An event that waits, as it came.
    fn event(&self, event: EventId) -> Stored<'_, Option<InboxEvent>>;

    // Turns.

    /// Counts one more attempt at an event, and reads the state of the conversation that it needs. Nothing comes back
    /// for an event that does not wait any more.
    fn begin(
        &self,
        event: EventId,
        state: Option<&Conversation>,
    ) -> Stored<'_, Option<StartedTurn>>;

    /// Notes that an attempt failed. The event waits on.
    fn fail(&self, event: EventId, failure: Failure) -> Stored<'_, ()>;

    /// Ends a turn: state, calls, reminders, and "done" or "dead" in one step. A turn whose event does not wait any more
    /// changes nothing.
    ///
    /// An edit or deletion of a message that still waits in the outbox and is not [taken](Store::take) is made there.
    fn commit(&self, turn: TurnCommit) -> Stored<'_, ()>;

    /// The state of a conversation, if it has one.
    fn state(&self, key: &Conversation) -> Stored<'_, Option<StoredState>>;

    /// States of a conversation that could not be read and are kept aside, oldest first.
    fn aside(&self, key: &Conversation) -> Stored<'_, Vec<Quarantined>>;

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
    fn due(&self, now: Time, limit: usize) -> Stored<'_, Vec<(EventId, OrderingKey)>>;

    /// When the next reminder is due.
    fn next_due(&self) -> Stored<'_, Option<Time>>;

    // Portals.

    /// The portals that the application is installed on.
    fn portals(&self) -> Stored<'_, Vec<Installation>>;

    /// Writes down an installation, in place of an earlier one on the same portal.
    fn install(&self, installation: Installation) -> Stored<'_, ()>;

    /// Claims the right to renew a portal's tokens until a moment. One holder has it at a time; it may claim it again, and
    /// [`install`](Store::install) ends it. Nothing comes back for a portal that is not installed.
    fn claim(
        &self,
        portal: &MemberId,
        holder: Uuid,
        now: Time,
        until: Time,
    ) -> Stored<'_, Option<Claim>>;

    /// Books some of a portal's time, for the next requests to it: behind what is booked already, by whichever process on
    /// this store.
    fn book(&self, portal: &MemberId, booking: Booking) -> Stored<'_, Range<Time>>;

    /// Forgets an installation, and with `forget` all conversations and reminders on that portal, too.
    fn uninstall(&self, portal: &MemberId, forget: bool) -> Stored<'_, ()>;

    /// Notes the address where portals reach this program now, if one is given, and tells all that were noted, the oldest
    /// first, at most [`ADDRESSES_MAX`].
    fn addresses(&self, now: Option<&str>) -> Stored<'_, Vec<String>>;

    // What changes from outside, and upkeep.

    /// What others than the engine have put into the store since the last call: an operator from another process, or the
    /// store itself out of its spool.
    fn news(&self) -> Stored<'_, Vec<Notice>>;

    /// The lanes that wait for an operator to decide about a dead letter.
    fn blocked(&self) -> Stored<'_, Vec<OrderingKey>>;

    /// Removes what is older than its limit.
    fn sweep(&self, now: Time, limits: Limits) -> Stored<'_, Swept>;

    /// Ends the store's work: what it holds back is written.
    fn close(&self) -> Stored<'_, ()>;

    // What an operator asks.

    /// How much is stored.
    fn status(&self) -> Stored<'_, Status>;

    /// Adds to what has arrived, and tells all that has, at most [`ARRIVED_MAX`] names.
    fn arrived(&self, more: Vec<Arrived>) -> Stored<'_, Vec<Arrived>>;

    /// At most `limit` dead letters, oldest first, from the one after `after`.
    fn dead(&self, after: Option<DeadId>, limit: usize) -> Stored<'_, Vec<DeadLetter>>;

    /// Puts a dead letter back to where it came from, with a clean count. Says whether there was one.
    fn revive(&self, dead: DeadId) -> Stored<'_, bool>;

    /// Drops a dead letter. Says whether there was one.
    fn drop_dead(&self, dead: DeadId) -> Stored<'_, bool>;

    /// Forgets all that is stored of a conversation or a person, and tells how many things that were.
    fn forget(&self, whom: ForgetScope) -> Stored<'_, u64>;
}
