//! Lanes: work of one key in order, keys side by side.
//!
//! A lane is born with a key's first item and dropped when it runs empty, so idle chats cost nothing. Both a lane and all
//! lanes together are bounded; who pushes asks for room first.

use std::collections::VecDeque;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures_util::FutureExt;
use tokio_util::task::TaskTracker;

use super::Engine;

type Work<K, T> =
    Box<dyn Fn(Arc<Engine>, K, T) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Queues by key, each worked off by a task of its own.
pub(super) struct Lanes<K, T> {
    queues: DashMap<K, VecDeque<T>>,
    waiting: AtomicUsize,
    lane_max: usize,
    waiting_max: usize,
    engine: Weak<Engine>,
    tasks: TaskTracker,
    work: Work<K, T>,
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static, T: Send + Sync + 'static> Lanes<K, T> {
    pub(super) fn new<F: Future<Output = ()> + Send + 'static>(
        (engine, tasks): (Weak<Engine>, TaskTracker),
        lane_max: usize,
        waiting_max: usize,
        work: impl Fn(Arc<Engine>, K, T) -> F + Send + Sync + 'static,
    ) -> Arc<Lanes<K, T>> {
        let work: Work<K, T> = Box::new(move |engine, key, item| Box::pin(work(engine, key, item)));
        let queues = DashMap::new();
        Arc::new(Lanes {
            queues,
            waiting: AtomicUsize::new(0),
            lane_max,
            waiting_max,
            engine,
            tasks,
            work,
        })
    }

    /// Whether one more item of this key may be pushed.
    pub(super) fn has_room(&self, key: &K) -> bool {
        let in_lane = self.queues.get(key).map_or(0, |lane| lane.len());
        in_lane < self.lane_max && self.has_room_for(1)
    }

    /// Whether so many items more may be pushed, whatever their keys.
    pub(super) fn has_room_for(&self, items: usize) -> bool {
        self.waiting() + items <= self.waiting_max
    }

    /// How many items wait or are being worked on.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Puts an item at the end of its lane.
    pub(super) fn push(self: &Arc<Self>, key: K, item: T) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.queues.entry(key) {
            Entry::Occupied(mut lane) => lane.get_mut().push_back(item),
            Entry::Vacant(place) => {
                let key = place.key().clone();
                drop(place.insert(VecDeque::new()));
                self.tasks.spawn(Arc::clone(self).drain(key, item));
            }
        }
    }

    /// Works off a lane until it is empty, and drops it.
    async fn drain(self: Arc<Self>, key: K, first: T) {
        let mut next = Some(first);
        while let Some(item) = next {
            let Some(engine) = self.engine.upgrade() else {
                return;
            };
            let work = AssertUnwindSafe((self.work)(engine, key.clone(), item));
            if work.catch_unwind().await.is_err() {
                tracing::error!("the engine panicked at an event; its lane goes on with the next");
            }
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            next = self.next(&key);
        }
    }

    /// The next item, or the end of the lane: deciding so and dropping it is one step, so no item is left behind.
    fn next(&self, key: &K) -> Option<T> {
        let Entry::Occupied(mut lane) = self.queues.entry(key.clone()) else {
            return None;
        };
        let next = lane.get_mut().pop_front();
        if next.is_none() {
            lane.remove();
        }
        next
    }
}
