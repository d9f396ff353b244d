//! Lanes: work of one key in order, keys side by side.
//!
//! A lane is born with a key's first item and dropped when it runs empty, so idle chats cost nothing. At most so many
//! workers run at once; lanes that find none free wait for their turn. What waits is bounded by whoever pushes: an item
//! is little more than a number, since what it stands for is in the store.

use std::collections::VecDeque;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::quality::RandomState;
use futures_util::FutureExt;
use tokio_util::task::TaskTracker;

use super::Engine;

/// What comes after an item.
#[derive(Debug)]
pub(super) enum Next<T> {
    /// The lane's next one.
    Done,
    /// The same one again, after a pause; the lane waits.
    Again(T, Duration),
    /// Nothing, until the lane is [opened](Lanes::open).
    Blocked,
}

type Work<K, T> =
    Box<dyn Fn(Arc<Engine>, K, T) -> Pin<Box<dyn Future<Output = Next<T>> + Send>> + Send + Sync>;

/// Queues by key.
///
/// A key is in `lanes` as long as somebody answers for it: a worker, the queue of ready keys, a pause, or an operator.
pub(super) struct KeyedQueues<K, T> {
    lanes: DashMap<K, Queue<T>, RandomState>,
    ready: Mutex<Ready<K>>,
    waiting: AtomicUsize,
    workers_max: usize,
    engine: Weak<Engine>,
    tasks: TaskTracker,
    work: Work<K, T>,
}

struct Queue<T> {
    items: VecDeque<T>,
    is_blocked: bool,
}

/// Lanes that wait for a worker.
struct Ready<K> {
    keys: VecDeque<K>,
    workers: usize,
    is_closed: bool,
}

impl<K, T> KeyedQueues<K, T>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    pub(super) fn new<F: Future<Output = Next<T>> + Send + 'static>(
        (engine, tasks): (Weak<Engine>, TaskTracker),
        workers_max: usize,
        work: impl Fn(Arc<Engine>, K, T) -> F + Send + Sync + 'static,
    ) -> Arc<KeyedQueues<K, T>> {
        let work: Work<K, T> = Box::new(move |engine, key, item| Box::pin(work(engine, key, item)));
        Arc::new(KeyedQueues {
            lanes: DashMap::default(),
            ready: Mutex::new(Ready {
                keys: VecDeque::new(),
                workers: 0,
                is_closed: false,
            }),
            waiting: AtomicUsize::new(0),
            workers_max,
            engine,
            tasks,
            work,
        })
    }

    /// How many items wait or are being worked on.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many items of a key wait behind the one that is being worked on.
    pub(super) fn waiting_for(&self, key: &K) -> usize {
        self.lanes.get(key).map_or(0, |lane| lane.items.len())
    }

    /// Puts an item at the end of its lane.
    pub(super) fn push(self: &Arc<Self>, key: K, item: T) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.lanes.entry(key) {
            Entry::Occupied(mut lane) => lane.get_mut().items.push_back(item),
            Entry::Vacant(place) => {
                let key = place.key().clone();
                drop(place.insert(Queue::default()));
                self.start(key, item);
            }
        }
    }

    /// Puts an item to its place in its lane: behind those that come before it.
    pub(super) fn insert(self: &Arc<Self>, key: K, item: T, comes_before: impl Fn(&T) -> bool) {
        if let Some(mut lane) = self.lanes.get_mut(&key) {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let place = lane.items.partition_point(comes_before);
            return lane.items.insert(place, item);
        }
        self.push(key, item);
    }

    /// Makes a lane wait until it is opened.
    pub(super) fn block(&self, key: K) {
        self.lanes.entry(key).or_default().is_blocked = true;
    }

    /// Lets a lane go on that was blocked.
    pub(super) fn open(self: &Arc<Self>, key: &K) {
        let was_blocked = self
            .lanes
            .get_mut(key)
            .is_some_and(|mut lane| std::mem::take(&mut lane.is_blocked));
        if was_blocked && let Some(item) = self.next(key) {
            self.start(key.clone(), item);
        }
    }

    /// Begins no more work; what is begun goes on.
    pub(super) fn close(&self) {
        self.ready().is_closed = true;
    }

    /// Gives a lane to a free worker, or queues it.
    fn start(self: &Arc<Self>, key: K, item: T) {
        let mut ready = self.ready();
        if ready.workers < self.workers_max && !ready.is_closed {
            ready.workers += 1;
            drop(ready);
            self.tasks.spawn(Arc::clone(self).worker(key, item));
        } else {
            if let Some(mut lane) = self.lanes.get_mut(&key) {
                lane.items.push_front(item);
            }
            ready.keys.push_back(key);
        }
    }

    /// Works off lane after lane, an item of each at a time while others wait for a worker.
    async fn worker(self: Arc<Self>, mut key: K, mut item: T) {
        while let Some(engine) = self.engine.upgrade() {
            let work = AssertUnwindSafe((self.work)(engine, key.clone(), item));
            let next = work.catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!("the engine panicked at an event; its lane goes on with the next");
                Next::Done
            });
            match self.go_on(key, next) {
                Some(next) => (key, item) = next,
                None => return,
            }
        }
    }

    /// What a worker does next, after what came of a key's item.
    fn go_on(self: &Arc<Self>, key: K, next: Next<T>) -> Option<(K, T)> {
        let following = match next {
            Next::Done => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.next(&key)
            }
            Next::Blocked => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                if let Some(mut lane) = self.lanes.get_mut(&key) {
                    lane.is_blocked = true;
                }
                None
            }
            Next::Again(item, pause) => {
                self.pause(key.clone(), item, pause);
                None
            }
        };
        let mut ready = self.ready();
        if let Some(item) = following {
            if ready.keys.is_empty() && !ready.is_closed {
                return Some((key, item));
            }
            if let Some(mut lane) = self.lanes.get_mut(&key) {
                lane.items.push_front(item);
            }
            ready.keys.push_back(key);
        }
        while !ready.is_closed
            && let Some(key) = ready.keys.pop_front()
        {
            if let Some(item) = self.next(&key) {
                return Some((key, item));
            }
        }
        ready.workers -= 1;
        None
    }

    /// Starts a lane again after a pause.
    fn pause(self: &Arc<Self>, key: K, item: T, pause: Duration) {
        let lanes = Arc::clone(self);
        // Not among the tasks that a stop waits for.
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            lanes.start(key, item);
        });
    }

    /// The next item, or the end of the lane: deciding so and dropping it is one step, so no item is left behind.
    fn next(&self, key: &K) -> Option<T> {
        let Entry::Occupied(mut lane) = self.lanes.entry(key.clone()) else {
            return None;
        };
        let next = lane.get_mut().items.pop_front();
        if next.is_none() && !lane.get().is_blocked {
            lane.remove();
        }
        next
    }

    fn ready(&self) -> MutexGuard<'_, Ready<K>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue {
            items: VecDeque::new(),
            is_blocked: false,
        }
    }
}
