//! The backlog: events that are in the store and not in their queues yet.
//!
//! What an earlier process left is read when a [partition](crate::engine::ownership) is taken up.
//! Here are the others: what the store spooled because the disk refused it, and what waits in a
//! queue that an operator has to unblock.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::MutexGuard;

use crate::engine::lock;
use crate::store::OrderingKey;

/// What keeps the order between events in the queues and events that only the store has.
pub(in crate::engine) struct Backlog {
    /// Whether the store has spooled events that may not be in their queues yet. What arrives now
    /// comes behind them.
    has_spooled: AtomicBool,
    /// Held while the store's notices are read, so that they are in the queues when the lock is
    /// free again.
    reading: tokio::sync::Mutex<()>,
    /// The number of the last read of other processes' events that began, and of the last one that
    /// was successful.
    arrival_reads: (AtomicU64, AtomicU64),
    /// The queues that wait for an operator. Kept so that the store is only asked about these.
    blocked: Mutex<HashSet<OrderingKey>>,
}

impl Backlog {
    pub(in crate::engine) fn new() -> Self {
        Backlog {
            has_spooled: AtomicBool::new(false),
            reading: tokio::sync::Mutex::default(),
            arrival_reads: Default::default(),
            blocked: Mutex::default(),
        }
    }

    /// Records that the store has spooled an event.
    pub(in crate::engine) fn note_spooled(&self) {
        self.has_spooled.store(true, Ordering::Release);
    }

    /// Returns true if spooled events may not be in their queues yet.
    pub(in crate::engine) fn has_spooled(&self) -> bool {
        self.has_spooled.load(Ordering::Acquire)
    }

    /// Records that all spooled events are in their queues.
    pub(in crate::engine) fn spooled_is_queued(&self) {
        self.has_spooled.store(false, Ordering::Release);
    }

    /// Waits until no other task reads the store's notices.
    pub(in crate::engine) async fn reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// Returns the number of the last read of other processes' events that began.
    pub(in crate::engine) fn arrival_reads_begun(&self) -> u64 {
        self.arrival_reads.0.load(Ordering::Acquire)
    }

    /// Returns true if a read that began after this one was successful.
    pub(in crate::engine) fn has_read_arrivals_after(&self, begun: u64) -> bool {
        self.arrival_reads.1.load(Ordering::Acquire) > begun
    }

    /// Begins a read of other processes' events. Returns its number.
    pub(in crate::engine) fn begin_arrival_read(&self) -> u64 {
        self.arrival_reads.0.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Ends a successful read.
    pub(in crate::engine) fn end_arrival_read(&self, number: u64) {
        self.arrival_reads.1.store(number, Ordering::Release);
    }

    /// Adds a queue that waits for an operator.
    pub(in crate::engine) fn block(&self, key: OrderingKey) {
        lock(&self.blocked).insert(key);
    }

    /// Returns true if any queue waits for an operator.
    pub(in crate::engine) fn has_blocked(&self) -> bool {
        !lock(&self.blocked).is_empty()
    }

    /// Returns true if this queue waits for an operator.
    pub(in crate::engine) fn is_blocked(&self, key: &OrderingKey) -> bool {
        lock(&self.blocked).contains(key)
    }

    /// Forgets the blocked queues of these keys.
    pub(in crate::engine) fn forget_blocked(&self, is_gone: impl Fn(&OrderingKey) -> bool) {
        lock(&self.blocked).retain(|key| !is_gone(key));
    }

    /// Forgets the blocked queues that are not in `still`, and passes each of them on.
    pub(in crate::engine) fn unblock_except(
        &self,
        still: &[OrderingKey],
        mut unblock: impl FnMut(&OrderingKey),
    ) {
        lock(&self.blocked).retain(|key| {
            let is_blocked = still.contains(key);
            if !is_blocked {
                unblock(key);
            }
            is_blocked
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::background::backlog::*;
    use crate::event::MemberId;

    fn key(portal: &str) -> OrderingKey {
        OrderingKey::Application(MemberId::new(portal))
    }

    #[test]
    fn queues_that_are_no_longer_blocked_are_passed_on_once() {
        let backlog = Backlog::new();
        assert!(!backlog.has_blocked());
        backlog.block(key("m1"));
        backlog.block(key("m2"));
        let mut unblocked = Vec::new();
        for _ in 0..2 {
            backlog.unblock_except(&[key("m2")], |key| unblocked.push(key.clone()));
        }
        assert_eq!(unblocked, [key("m1")]);
        assert!(backlog.has_blocked());
    }
}
