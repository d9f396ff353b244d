//! The backlog: events that are in the store and not in their queues yet.
//!
//! There are three kinds: what an earlier process left, which is read at the start; what the store
//! spooled because the disk refused it; and what waits in a queue that an operator has to unblock.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use crate::engine::lock;
use crate::store::{EventId, OrderingKey};

/// What keeps the order between events in the queues and events that only the store has.
pub(in crate::engine) struct Backlog {
    /// Events that arrived while what an earlier process left is read; `None` once that is in the
    /// queues. They come behind it.
    deferred: Mutex<Option<Vec<(EventId, OrderingKey)>>>,
    /// Cancelled when what an earlier process left is in the queues.
    loaded: CancellationToken,
    /// Whether the store has spooled events that may not be in their queues yet. What arrives now
    /// comes behind them.
    has_spooled: AtomicBool,
    /// Held while the store's notices are read, so that they are in the queues when the lock is
    /// free again.
    reading: tokio::sync::Mutex<()>,
    /// The queues that wait for an operator. Kept so that the store is only asked about these.
    blocked: Mutex<HashSet<OrderingKey>>,
}

impl Backlog {
    pub(in crate::engine) fn new() -> Self {
        Backlog {
            deferred: Mutex::new(Some(Vec::new())),
            loaded: CancellationToken::new(),
            has_spooled: AtomicBool::new(false),
            reading: tokio::sync::Mutex::default(),
            blocked: Mutex::default(),
        }
    }

    /// Defers an event while what an earlier process left is being read. Afterwards it returns the
    /// key: the event may go into its queue.
    pub(in crate::engine) fn defer(&self, id: EventId, key: OrderingKey) -> Option<OrderingKey> {
        match &mut *lock(&self.deferred) {
            Some(deferred) => {
                deferred.push((id, key));
                None
            }
            None => Some(key),
        }
    }

    /// Returns how many events are deferred.
    pub(in crate::engine) fn deferred(&self) -> usize {
        lock(&self.deferred).as_ref().map_or(0, Vec::len)
    }

    /// Ends the deferring: what an earlier process left is in the queues, up to the event `last`.
    /// Queues the deferred events behind it; those up to `last` were read with the others.
    pub(in crate::engine) fn loaded_up_to(
        &self,
        last: Option<EventId>,
        mut queue: impl FnMut(EventId, OrderingKey),
    ) {
        let mut deferred = lock(&self.deferred); // held, so that later events come behind these
        for (id, key) in deferred.take().into_iter().flatten() {
            if last.is_none_or(|last| id > last) {
                queue(id, key);
            }
        }
        self.loaded.cancel();
    }

    /// Waits until what an earlier process left is in the queues.
    pub(in crate::engine) async fn until_loaded(&self) {
        self.loaded.cancelled().await;
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

    /// Adds a queue that waits for an operator.
    pub(in crate::engine) fn block(&self, key: OrderingKey) {
        lock(&self.blocked).insert(key);
    }

    /// Returns true if any queue waits for an operator.
    pub(in crate::engine) fn has_blocked(&self) -> bool {
        !lock(&self.blocked).is_empty()
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
    use std::time::Duration;

    use crate::engine::background::backlog::*;
    use crate::event::MemberId;

    fn key(portal: &str) -> OrderingKey {
        OrderingKey::Application(MemberId::new(portal))
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_deferred_until_the_older_ones_are_queued() {
        let backlog = Backlog::new();
        for id in 4..=6 {
            assert_eq!(backlog.defer(EventId(id), key("m1")), None);
        }
        assert_eq!(backlog.deferred(), 3);
        let wait = tokio::time::timeout(Duration::from_secs(1), backlog.until_loaded());
        assert!(wait.await.is_err());
        let mut queued = Vec::new();
        backlog.loaded_up_to(Some(EventId(4)), |id, _| queued.push(id.0));
        assert_eq!(queued, [5, 6], "4 was read with the older ones");
        backlog.until_loaded().await;
        assert_eq!(backlog.deferred(), 0);
        assert_eq!(backlog.defer(EventId(7), key("m1")), Some(key("m1")));
    }

    #[test]
    fn all_deferred_events_are_queued_if_nothing_was_left() {
        let backlog = Backlog::new();
        backlog.defer(EventId(1), key("m1"));
        let mut queued = Vec::new();
        backlog.loaded_up_to(None, |id, _| queued.push(id.0));
        assert_eq!(queued, [1]);
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
