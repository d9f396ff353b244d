//! The store: waiting events, conversations, calls to send, reminders, dead letters and portals.
//!
//! [`Store`] is one trait in groups: [`Inbox`], [`Turns`], [`Outbox`], [`Reminders`], [`Portals`],
//! [`Ownership`], [`Operator`] and [`Upkeep`]. They follow the steps of a turn, not the tables of a
//! database. An event is [appended](Inbox::append) before it is acknowledged. A turn
//! [begins](Turns::begin) by counting the attempt. It ends in one [commit](Turns::commit) that
//! stores the new state, the calls, the reminders and the outcome of the event, all or nothing.
//!
//! [`Memory`] loses everything when the process ends; `Sqlite` (feature `sqlite`) keeps it in a
//! file; `Postgres` (feature `postgres`) keeps it in a database that several processes share. The
//! suite `store::contract` (feature `testing`) checks what the engine relies on.
//!
//! A store has no clock: all times are parameters. The types that a store must handle completely,
//! such as [`TurnCommit`] and [`Outcome`], are exhaustive on purpose: when they grow, a store of
//! your own does not compile until it handles the new part.

#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod archive;
mod arrived;
mod booking;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod dead;
mod error;
mod every;
mod inbox;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod key;
mod listing;
mod memory;
mod operator;
mod outbox;
mod ownership;
mod portals;
#[cfg(feature = "postgres")]
mod postgres;
mod reminders;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod seal;
mod secret;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod text;
mod time;
mod turn;
mod upkeep;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use archive::{MoveError, MovePlace, MoveStep, move_store};
pub use arrived::{ARRIVED_MAX, Arrived};
pub use booking::Booking;
pub use dead::{DeadId, DeadLetter, DeadWhat, Failure};
pub use error::{StoreError, StoreErrorKind};
pub use every::{Every, InvalidEvery, REMINDER_INTERVAL_MIN, Weekday};
pub use inbox::{
    Appended, Content, EventId, Inbox, InboxEvent, NewDelivery, NewEvent, Occurrence, OrderingKey,
};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use key::{Key, KeyError};
pub use listing::{ListScope, ListedConversation, PartScope};
pub use memory::{Memory, SEEN_MAX, WAITING_MAX};
pub use operator::{ForgetScope, Notice, Operator, REPLACED, RESTORED, Status};
pub use outbox::{
    Call, CallId, MessageRef, Outbox, QueuedCall, Redelivery, Settled, Taken, Unsent,
};
pub use ownership::{Ownership, OwnershipChange, OwnershipChanges, Partition};
pub(crate) use portals::host_of;
pub use portals::{
    ADDRESSES_MAX, Access, Claim, FORMER_HOSTS_MAX, Installation, Portals, Spare, Tokens, Webhook,
};
#[cfg(feature = "postgres")]
pub use postgres::{
    ConnectionLimit, Diagnosis, MemberStatus, Members, PartitionStatus, Postgres, PostgresError,
    Standby,
};
pub use reminders::{NewReminder, Reminder, ReminderChange, ReminderId, Reminders};
pub use secret::Secret;
#[cfg(feature = "sqlite")]
pub use sqlite::{BackupError, OpenError, Sqlite};
pub use time::{Clock, Time};
pub(crate) use turn::PAUSED;
pub use turn::{
    Conversation, Outcome, Quarantined, StartedTurn, StateChange, StoredState, TurnCommit, Turns,
};
pub use upkeep::{Limits, Swept, Upkeep};

/// The future that every method of a store returns.
///
/// It may borrow the store and nothing else: clone other arguments before an `async move` block.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store: everything that the engine keeps.
///
/// If the store [is durable](Upkeep::is_durable), everything that a method has written is durable
/// when the method returns, except that [`begin`](Turns::begin) promises less. Methods may be
/// called from many tasks at once. A call sees the effects of all calls that returned before it
/// began.
///
/// A type that implements all groups is a store:
///
/// ```
/// use imbot::store::{Inbox, Memory, Store};
///
/// # async fn example() -> Result<(), imbot::store::StoreError> {
/// let store: Box<dyn Store> = Box::new(Memory::new());
/// assert!(store.waiting(None, None, 10).await?.is_empty());
/// # Ok(())
/// # }
/// ```
pub trait Store:
    Inbox
    + Turns
    + Outbox
    + Reminders
    + Portals
    + Ownership
    + Operator
    + Upkeep
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
}

impl<T> Store for T where
    T: Inbox
        + Turns
        + Outbox
        + Reminders
        + Portals
        + Ownership
        + Operator
        + Upkeep
        + fmt::Debug
        + Send
        + Sync
        + 'static
{
}
