//! How long things are kept that are of no use any more.

use std::time::Duration;

use super::{Notice, OrderingKey, Stored, Time};

/// How long things are kept that are of no use any more.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Dead letters, and states that were kept aside. Default: 30 days.
    pub dead: Duration,
    /// Conversations in which nothing happens. Default: for ever.
    pub idle: Option<Duration>,
    /// Numbers of messages that bots keep references to: bots may change theirs for three days
    /// (`imbot.message.update`). Default: 7 days.
    pub messages: Duration,
    /// Occurrences, by which repeats are known. Default: 24 hours.
    pub occurrences: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
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

/// What the engine does with a store besides handling events.
pub trait Upkeep {
    /// Returns true if what is written outlives the process.
    fn is_durable(&self) -> bool;

    /// Returns and removes the notices: changes that did not come from the engine, but from an
    /// operator's process or the spool, since the last call.
    ///
    /// # Errors
    /// The notices could not be read or removed, or this process does not run the bots
    /// ([`NotOwner`](super::StoreErrorKind::NotOwner)).
    fn notices(&self) -> Stored<'_, Vec<Notice>>;

    /// Returns the keys whose queues are blocked until an operator decides about a dead letter.
    ///
    /// # Errors
    /// The dead letters could not be read.
    fn blocked(&self) -> Stored<'_, Vec<OrderingKey>>;

    /// Removes what is older than its limit. Returns how much was removed.
    ///
    /// # Errors
    /// The store could not be read or written. Some of it may be removed.
    fn sweep(&self, now: Time, limits: Limits) -> Stored<'_, Swept>;

    /// Writes what is held back and ends the store's work. Calling it again has no effect.
    ///
    /// # Errors
    /// What was held back could not be written.
    fn close(&self) -> Stored<'_, ()>;
}
