//! What this process owns, for the fence that is part of every write: a process that has lost a
//! partition without noticing it cannot write there.

use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use uuid::Uuid;

use super::members::Instant;
use crate::store::Partition;
pub(super) use crate::store::ownership::{PARTITIONS, partition_of};

/// The partitions that this process owns, with their epochs, and until when it may trust that.
pub(super) struct Holdings(RwLock<State>);

struct State {
    /// This process among the members. A process that has lost everything joins again as another
    /// member.
    member: Uuid,
    /// The epoch of each partition that is owned.
    epochs: [Option<i64>; PARTITIONS],
    trusted_until: Option<Instant>,
}

impl Holdings {
    /// Nothing is owned, and nothing is trusted.
    pub(super) fn new(member: Uuid) -> Self {
        Self(RwLock::new(State {
            member,
            epochs: [None; PARTITIONS],
            trusted_until: None,
        }))
    }

    /// Returns the id of this process among the members.
    pub(super) fn member(&self) -> Uuid {
        self.read(|state| state.member)
    }

    /// Returns the epoch in which this process owns the partition. Returns `None` if it does not
    /// own it.
    pub(super) fn epoch(&self, partition: Partition) -> Option<i64> {
        self.read(|state| state.epochs[usize::from(partition.0)])
    }

    /// Returns all owned partitions with their epochs.
    pub(super) fn owned(&self) -> Vec<(Partition, i64)> {
        self.read(|state| {
            let partitions = (0..=u8::MAX).map(Partition).zip(state.epochs);
            partitions
                .filter_map(|(partition, epoch)| Some((partition, epoch?)))
                .collect()
        })
    }

    /// Adds an owned partition.
    pub(super) fn gain(&self, partition: Partition, epoch: i64) {
        self.change(|state| state.epochs[usize::from(partition.0)] = Some(epoch));
    }

    /// Removes a partition.
    pub(super) fn lose(&self, partition: Partition) {
        self.change(|state| state.epochs[usize::from(partition.0)] = None);
    }

    /// Removes all partitions. This process is another member from now on.
    pub(super) fn rejoin(&self, member: Uuid) {
        self.change(|state| {
            *state = State {
                member,
                epochs: [None; PARTITIONS],
                trusted_until: None,
            };
        });
    }

    /// Extends the trust to the start of the last good renewal plus its validity.
    pub(super) fn trust_until(&self, until: Instant) {
        self.change(|state| state.trusted_until = state.trusted_until.max(Some(until)));
    }

    /// Returns how long this process certainly owns its partitions. Zero if that has ended.
    pub(super) fn trust_left(&self) -> Duration {
        let until = self.read(|state| state.trusted_until);
        until.map_or(Duration::ZERO, |until| until.since(Instant::now()))
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner)) // no change is left half done
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holdings")
            .field("member", &self.member())
            .field("owned", &self.owned().len())
            .field("trust_left", &self.trust_left())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::store::postgres::fence::*;

    #[test]
    fn a_partition_is_owned_from_its_gain_to_its_loss() {
        let holdings = Holdings::new(Uuid::from_u128(1));
        let (one, other) = (Partition(0), Partition(255));
        assert_eq!(holdings.epoch(one), None);
        holdings.gain(one, 3);
        holdings.gain(other, 7);
        assert_eq!(holdings.owned(), [(one, 3), (other, 7)]);
        holdings.lose(one);
        assert_eq!(
            (holdings.epoch(one), holdings.epoch(other)),
            (None, Some(7))
        );
        holdings.rejoin(Uuid::from_u128(2));
        assert_eq!(holdings.member(), Uuid::from_u128(2));
        assert!(holdings.owned().is_empty());
    }

    #[test]
    fn an_earlier_renewal_does_not_shorten_the_trust() {
        let holdings = Holdings::new(Uuid::from_u128(1));
        assert_eq!(holdings.trust_left(), Duration::ZERO);
        let now = Instant::now();
        holdings.trust_until(now.after(Duration::from_secs(1_000)));
        holdings.trust_until(now);
        assert!(!holdings.trust_left().is_zero());
    }
}
