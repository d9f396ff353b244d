//! Age limits, and how a store is maintained.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use super::{Notice, OrderingKey, Secret, StoreError, Stored, Time};

/// Maximum ages of stored data.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Dead letters and quarantined states. Default: 30 days.
    pub dead: Duration,
    /// Conversations without events. Default: no limit.
    pub idle: Option<Duration>,
    /// Ids of messages that bots keep references to. Bots may edit their messages for three days
    /// (`imbot.message.update`). Default: 7 days.
    pub messages: Duration,
    /// Occurrences, by which repeats are recognised. Default: 24 hours.
    pub occurrences: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            dead: 30 * DAY,
            idle: None,
            messages: 7 * DAY,
            occurrences: DAY,
        }
    }
}

/// The numbers of items that a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Idle conversations.
    pub conversations: u64,
    /// Dead letters and quarantined states.
    pub dead: u64,
}

/// Methods that the engine uses for maintenance.
pub trait Upkeep {
    /// Returns true if stored data outlives the process.
    fn is_durable(&self) -> bool;

    /// Returns the secret of this store. The first call makes it.
    ///
    /// # Errors
    /// The secret could not be read, or not be stored by the first call.
    fn secret(&self) -> Stored<'_, Secret>;

    /// Returns and removes the notices about changes since the last call that came from another
    /// process, such as an operator's, or from the spool. A change may be reported again after a
    /// failure.
    ///
    /// # Errors
    /// The notices could not be read or removed, or this process does not run the bots
    /// ([`NotOwner`](super::StoreErrorKind::NotOwner)).
    fn notices(&self) -> Stored<'_, Vec<Notice>>;

    /// Returns the [notices](Self::notices) of events that other processes have appended to the
    /// partitions of this one: of all that were appended before this call, those that it has not
    /// got yet. What this process appends comes behind them. Default: none, since no other process
    /// appends.
    ///
    /// # Errors
    /// The events could not be read.
    fn arrivals(&self) -> Stored<'_, Vec<Notice>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Returns a future that is ready when there may be [notices](Self::notices). Notices also
    /// appear without it, so they are read at least once a second. One task at a time waits for it.
    /// Default: never ready.
    fn until_notices(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(pending())
    }

    /// Returns the keys whose queues are blocked until an operator decides about a dead letter.
    ///
    /// # Errors
    /// The dead letters could not be read.
    fn blocked(&self) -> Stored<'_, Vec<OrderingKey>>;

    /// Returns the time of the last event that was appended, on the clock of the process that
    /// appended it. It stays when the event is done. It may be that of an event up to a second
    /// before.
    ///
    /// # Errors
    /// The time could not be read.
    fn last_event(&self) -> Stored<'_, Option<Time>>;

    /// Removes data that is older than its limit. Returns the numbers of removed items.
    ///
    /// # Errors
    /// The store could not be read or written. Some of the data may be removed.
    fn sweep(&self, now: Time, limits: Limits) -> Stored<'_, Swept>;

    /// Returns a future that is ready when the store can never work again, such as after the panic
    /// of one of its threads. The program ends then, so that it can be started again. Default:
    /// never ready.
    fn failed(&self) -> Pin<Box<dyn Future<Output = StoreError> + Send + '_>> {
        Box::pin(pending())
    }

    /// Writes pending data and closes the store. Calling it again has no effect.
    ///
    /// # Errors
    /// The pending data could not be written.
    fn close(&self) -> Stored<'_, ()>;
}
