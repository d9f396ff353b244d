//! Ownership: which process works on which portals.
//!
//! Any process may append events to a store. Everything else about a portal is the work of one
//! process at a time: turns, calls, reminders, polling, setting up. Portals are grouped into
//! [`Partition`]s, and one process at a time owns a partition. A store for one process has one
//! partition, which that process owns from its start to its end.
//!
//! A process that is paused cannot know that it has lost a partition. So a store for several
//! processes checks ownership in every write ([`NotOwner`](super::StoreErrorKind::NotOwner)), and
//! the engine asks [`may_send`](Ownership::may_send) before it sends a call, which no store can
//! check.

use std::fmt;
use std::future::pending;
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use siphasher::sip::SipHasher13;
use tokio::sync::mpsc;

use super::Stored;
use crate::event::MemberId;

/// A group of portals that one process at a time works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u8);

impl Partition {
    /// The partition of all portals in a store for one process.
    pub const SOLE: Self = Self(0);
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of partitions that stored numbers of events can name. It never changes.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const PARTITIONS: usize = 256;

/// Returns the partition of a portal in a store for several processes. The numbers of its events
/// contain it, also in a file, so that a store can be moved. The hash has fixed keys, so it is the
/// same in every process and version.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn partition_of(portal: &MemberId) -> Partition {
    let hash = SipHasher13::new().hash(portal.as_str().as_bytes());
    let [partition, ..] = hash.to_le_bytes();
    Partition(partition)
}

/// A change of what this process owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnershipChange {
    /// This process owns the partition now. What waits in it can be loaded.
    Gained(Partition),
    /// Another process is to have the partition. No new work starts in it, and when the running
    /// work has ended, the partition is [released](Ownership::release).
    Wanted(Partition),
    /// This process does not own the partition any more. Writes are refused, and all work in it
    /// ends at once.
    Lost(Partition),
}

/// The changes of what a process owns, in order.
#[derive(Debug)]
pub struct OwnershipChanges(mpsc::UnboundedReceiver<OwnershipChange>);

impl OwnershipChanges {
    /// Returns the changes that a store sends.
    pub fn new(changes: mpsc::UnboundedReceiver<OwnershipChange>) -> Self {
        Self(changes)
    }

    /// Returns the only change in a store for one process: it owns everything.
    pub fn sole() -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        let _ = sender.send(OwnershipChange::Gained(Partition::SOLE)); // the receiver is here
        Self(changes)
    }

    /// Waits for the next change.
    pub async fn next(&mut self) -> OwnershipChange {
        match self.0.recv().await {
            Some(change) => change,
            None => pending().await, // nothing changes any more
        }
    }
}

/// The ownership of a store. The defaults are those of a store for one process.
pub trait Ownership {
    /// Returns the partition of a portal, which never changes. Default: [`Partition::SOLE`].
    fn partition(&self, _portal: &MemberId) -> Partition {
        Partition::SOLE
    }

    /// Joins the processes that work on the store, and returns the changes of what this one owns,
    /// from nothing on. Called once by a process that runs the bots, and not by an operator's
    /// command. Default: this process owns everything.
    fn join(&self) -> OwnershipChanges {
        OwnershipChanges::sole()
    }

    /// Returns true if this process owns the partition, as far as it knows now. Default: true.
    fn owns(&self, _partition: Partition) -> bool {
        true
    }

    /// Returns true if a call may be sent now: this process owns the partition, and will certainly
    /// own it when the request is written. Default: true.
    fn may_send(&self, _partition: Partition) -> bool {
        true
    }

    /// Maximum duration of a request that sends a call. After a take-over, chats with a call that
    /// was taken wait for this time, so that the request of the earlier owner has ended.
    /// Default: `None`, no limit, because no process takes over while another one lives.
    fn send_limit(&self) -> Option<Duration> {
        None
    }

    /// Announces that this process is about to stop. It gains nothing from now on, and all its
    /// partitions are [wanted](OwnershipChange::Wanted), so that the others take each over when it
    /// is [released](Self::release). [`close`](super::Upkeep::close) gives up those that are left.
    /// Default: nothing.
    fn leave(&self) {}

    /// Gives up a partition that is [wanted](OwnershipChange::Wanted), when no work runs in it.
    /// Default: nothing.
    ///
    /// # Errors
    /// The change could not be stored yet. The store retries it, and then sends
    /// [`OwnershipChange::Lost`].
    fn release(&self, _partition: Partition) -> Stored<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(all(test, any(feature = "postgres", feature = "sqlite")))]
mod tests {
    use crate::store::ownership::*;

    #[test]
    fn the_partition_of_a_portal_never_changes() {
        let portals = ["a1b2c3", "portal", "example.bitrix24.com", ""];
        let partitions = portals.map(|portal| partition_of(&MemberId::new(portal)).0);
        assert_eq!(partitions, [227, 105, 145, 44]);
    }
}
