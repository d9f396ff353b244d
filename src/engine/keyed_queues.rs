//! Queues by key: the items of one key are worked on in order, keys in parallel.
//!
//! A queue exists from its key's first item until it is empty, so idle keys cost nothing. A bounded
//! number of workers runs at once; queues that find no free worker wait for one. The number of
//! waiting items is not bounded here: an item should be little more than an id, and the caller of
//! `push` bounds what the ids stand for.

use std::collections::VecDeque;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::quality::RandomState;
use futures_util::FutureExt;
use tokio_util::task::TaskTracker;

use crate::tasks::Watch;

/// What follows an item that was worked on.
pub(super) enum Next<T> {
    /// The queue's next item.
    Done,
    /// The same item again, after a pause. The rest of its queue waits.
    Retry(T, Duration),
    /// The item that the future returns, when it is ready. The rest of its queue waits.
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
    /// Nothing, until the queue is [unblocked](KeyedQueues::unblock).
    Blocked,
    /// Nothing: the work cannot be done any more. The worker ends, and the item stays counted as
    /// waiting.
    Gone,
}

type Work<K, T> = Box<dyn Fn(K, T) -> Pin<Box<dyn Future<Output = Next<T>> + Send>> + Send + Sync>;

/// Queues by key, and the workers that serve them.
///
/// A key is in `queues` as long as something will continue it: a worker, the list of ready keys, a
/// pause, or a later call of `unblock`.
pub(super) struct KeyedQueues<K, T> {
    /// The items of each key behind the one that is being worked on.
    queues: DashMap<K, Queue<T>, RandomState>,
    /// The keys that wait for a worker. One lock decides between "a worker is free" and "wait for
    /// one".
    ready: Mutex<Ready<K>>,
    /// How many items wait or are being worked on; kept here because counting the queues would lock
    /// each of them.
    waiting: AtomicUsize,
    /// The number of queues that have existed.
    created: AtomicU64,
    /// Maximum number of workers.
    workers_max: usize,
    /// The workers, so that a stop can wait for them.
    tasks: TaskTracker,
    /// The name of the workers and of the pauses, and the watch over them.
    name: &'static str,
    watch: Watch,
    /// The work on one item.
    work: Work<K, T>,
}

/// The waiting items of one key.
struct Queue<T> {
    /// Its number among all queues: a pause that began in an earlier queue of the key continues
    /// nothing.
    number: u64,
    items: VecDeque<T>,
    is_blocked: bool,
}

/// The queues that wait for a worker, first come, first served.
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
    /// Queues whose items `work` works on, at most `workers_max` at once, in tasks of `tasks`.
    #[cfg(test)]
    pub(super) fn new<F: Future<Output = Next<T>> + Send + 'static>(
        tasks: TaskTracker,
        workers_max: usize,
        work: impl Fn(K, T) -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::watched("queues", Watch::default(), tasks, workers_max, work)
    }

    /// The same, with tasks of this name under a watch.
    pub(super) fn watched<F: Future<Output = Next<T>> + Send + 'static>(
        name: &'static str,
        watch: Watch,
        tasks: TaskTracker,
        workers_max: usize,
        work: impl Fn(K, T) -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(KeyedQueues {
            queues: DashMap::default(),
            ready: Mutex::new(Ready {
                keys: VecDeque::new(),
                workers: 0,
                is_closed: false,
            }),
            waiting: AtomicUsize::new(0),
            created: AtomicU64::new(0),
            workers_max,
            tasks,
            name,
            watch,
            work: Box::new(move |key, item| Box::pin(work(key, item))),
        })
    }

    /// Returns how many items wait or are being worked on.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Returns how many items of a key wait behind the one that is being worked on.
    #[cfg(test)]
    fn waiting_for(&self, key: &K) -> usize {
        self.queues.get(key).map_or(0, |queue| queue.items.len())
    }

    /// Returns true if an item of this key waits or is being worked on, or its queue is blocked.
    pub(super) fn contains(&self, key: &K) -> bool {
        self.queues.contains_key(key)
    }

    /// Puts an item at the end of its queue.
    pub(super) fn push(self: &Arc<Self>, key: K, item: T) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.queues.entry(key) {
            Entry::Occupied(mut queue) => queue.get_mut().items.push_back(item),
            Entry::Vacant(entry) => {
                let key = entry.key().clone();
                drop(entry.insert(self.new_queue())); // releases the map's lock
                self.start(key, item);
            }
        }
    }

    /// Puts an item into its queue behind those for which `comes_before` is true.
    pub(super) fn insert(self: &Arc<Self>, key: K, item: T, comes_before: impl Fn(&T) -> bool) {
        if let Some(mut queue) = self.queues.get_mut(&key) {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let index = queue.items.partition_point(comes_before);
            return queue.items.insert(index, item);
        }
        self.push(key, item);
    }

    /// Makes a queue wait until it is unblocked.
    pub(super) fn block(&self, key: K) {
        let queue = || self.new_queue();
        self.queues.entry(key).or_insert_with(queue).is_blocked = true;
    }

    /// Continues a blocked queue. Has no effect on a queue that is not blocked.
    pub(super) fn unblock(self: &Arc<Self>, key: &K) {
        let was_blocked = self
            .queues
            .get_mut(key)
            .is_some_and(|mut queue| std::mem::take(&mut queue.is_blocked));
        if was_blocked && let Some(item) = self.pop(key) {
            self.start(key.clone(), item);
        }
    }

    /// Removes the queues of these keys with their waiting items. No work on them may run any more,
    /// and none is continued after a pause.
    pub(super) fn remove(&self, is_removed: impl Fn(&K) -> bool) {
        let mut ready = self.ready();
        ready.keys.retain(|key| !is_removed(key));
        self.queues.retain(|key, queue| {
            let is_removed = is_removed(key);
            if is_removed {
                self.waiting.fetch_sub(queue.items.len(), Ordering::Relaxed);
            }
            !is_removed
        });
    }

    /// Starts no more work; running work continues.
    pub(super) fn close(&self) {
        self.ready().is_closed = true;
    }

    /// Gives a queue to a free worker, or makes it wait for one.
    fn start(self: &Arc<Self>, key: K, item: T) {
        let mut ready = self.ready();
        if ready.workers < self.workers_max && !ready.is_closed {
            ready.workers += 1;
            drop(ready);
            let worker = Arc::clone(self).run_worker(key, item);
            self.tasks.spawn(self.watch.watch(self.name, worker));
        } else {
            self.wait_for_worker(&mut ready, key, item);
        }
    }

    fn wait_for_worker(&self, ready: &mut Ready<K>, key: K, item: T) {
        match self.queues.get_mut(&key) {
            Some(mut queue) => queue.items.push_front(item),
            None => {
                self.waiting.fetch_sub(1, Ordering::Relaxed); // it was removed
                return;
            }
        }
        ready.keys.push_back(key);
    }

    fn new_queue(&self) -> Queue<T> {
        Queue {
            number: self.created.fetch_add(1, Ordering::Relaxed),
            items: VecDeque::new(),
            is_blocked: false,
        }
    }

    /// Works on queue after queue; while others wait for a worker, on one item of each at a time.
    async fn run_worker(self: Arc<Self>, mut key: K, mut item: T) {
        loop {
            let work = AssertUnwindSafe((self.work)(key.clone(), item));
            let next = work.catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!(
                    "work on a queue's item panicked; the queue continues with the next item"
                );
                Next::Done
            });
            match self.next_work(key, next) {
                Some(next) => (key, item) = next,
                None => return,
            }
        }
    }

    /// Returns what a worker does next, given what follows the item that it worked on.
    fn next_work(self: &Arc<Self>, key: K, next: Next<T>) -> Option<(K, T)> {
        let following = match next {
            Next::Done => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.pop(&key)
            }
            Next::Blocked => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                if let Some(mut queue) = self.queues.get_mut(&key) {
                    queue.is_blocked = true;
                }
                None
            }
            Next::Retry(item, pause) => {
                let later = tokio::time::sleep(pause).map(|()| item);
                self.start_after(later, key.clone());
                None
            }
            Next::Later(later) => {
                self.start_after(later, key.clone());
                None
            }
            Next::Gone => return None,
        };
        let mut ready = self.ready();
        if let Some(item) = following {
            if ready.keys.is_empty() && !ready.is_closed {
                return Some((key, item));
            }
            self.wait_for_worker(&mut ready, key, item);
        }
        while !ready.is_closed
            && let Some(key) = ready.keys.pop_front()
        {
            if let Some(item) = self.pop(&key) {
                return Some((key, item));
            }
        }
        ready.workers -= 1;
        None
    }

    /// Starts a queue again with the item that `later` returns.
    fn start_after(self: &Arc<Self>, later: impl Future<Output = T> + Send + 'static, key: K) {
        let queues = Arc::clone(self);
        let number = self.queues.get(&key).map(|queue| queue.number);
        // Not one of the tasks that a stop waits for.
        tokio::spawn(self.watch.watch(self.name, async move {
            let item = later.await;
            let now = queues.queues.get(&key).map(|queue| queue.number);
            if number.is_some() && now == number {
                queues.start(key, item);
            } else {
                queues.waiting.fetch_sub(1, Ordering::Relaxed); // it was removed
            }
        }));
    }

    /// Takes the next item, or removes the queue if it is empty. Both are one step, so no item is
    /// left behind.
    fn pop(&self, key: &K) -> Option<T> {
        let Entry::Occupied(mut queue) = self.queues.entry(key.clone()) else {
            return None;
        };
        let next = queue.get_mut().items.pop_front();
        if next.is_none() && !queue.get().is_blocked {
            queue.remove();
        }
        next
    }

    fn ready(&self) -> MutexGuard<'_, Ready<K>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use crate::engine::keyed_queues::*;

    const MOMENT: Duration = Duration::from_millis(10);

    type Log = Arc<Mutex<Vec<(u32, u32)>>>;

    /// Queues whose work takes a moment and is then recorded, as key and item.
    fn recorded(workers_max: usize) -> (Arc<KeyedQueues<u32, u32>>, Log) {
        let log = Log::default();
        let done = Arc::clone(&log);
        let queues = KeyedQueues::new(TaskTracker::new(), workers_max, move |key, item| {
            let done = Arc::clone(&done);
            async move {
                sleep(MOMENT).await;
                done.lock().unwrap().push((key, item));
                Next::Done
            }
        });
        (queues, log)
    }

    async fn until_empty<K, T>(queues: &Arc<KeyedQueues<K, T>>)
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        T: Send + Sync + 'static,
    {
        while queues.waiting() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn items_of_one_key_are_done_in_order_and_one_at_a_time() {
        let (queues, log) = recorded(8);
        let start = Instant::now();
        for item in 0..5 {
            queues.push(1, item);
        }
        assert_eq!((queues.waiting(), queues.waiting_for(&1)), (5, 4));
        until_empty(&queues).await;
        assert_eq!(
            *log.lock().unwrap(),
            [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]
        );
        assert!(start.elapsed() >= 5 * MOMENT);
        assert!(queues.queues.is_empty(), "an empty queue is removed");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_worked_on_in_parallel() {
        let (queues, log) = recorded(8);
        let start = Instant::now();
        for key in 0..8 {
            queues.push(key, 0);
        }
        until_empty(&queues).await;
        assert_eq!(log.lock().unwrap().len(), 8);
        assert!(start.elapsed() < 2 * MOMENT);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_given_workers_run_and_every_key_gets_its_share() {
        let (queues, log) = recorded(2);
        let start = Instant::now();
        for key in 0..6 {
            queues.push(key, 0);
            queues.push(key, 1);
        }
        until_empty(&queues).await;
        assert!(start.elapsed() >= 6 * MOMENT, "two at a time");
        let items: Vec<u32> = log.lock().unwrap().iter().map(|(_, item)| *item).collect();
        assert_eq!(items, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_retried_item_comes_again_after_its_pause_and_before_the_next() {
        let log = Log::default();
        let done = Arc::clone(&log);
        let queues = KeyedQueues::new(TaskTracker::new(), 8, move |key, item| {
            let mut done = done.lock().unwrap();
            done.push((key, item));
            let next = if item == 0 {
                Next::Retry(1, Duration::from_secs(60))
            } else {
                Next::Done
            };
            std::future::ready(next)
        });
        queues.push(1, 0);
        queues.push(1, 2);
        sleep(Duration::from_secs(59)).await;
        assert_eq!(*log.lock().unwrap(), [(1, 0)]);
        until_empty(&queues).await;
        assert_eq!(*log.lock().unwrap(), [(1, 0), (1, 1), (1, 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_queue_waits_until_it_is_unblocked() {
        let log = Log::default();
        let done = Arc::clone(&log);
        let queues = KeyedQueues::new(TaskTracker::new(), 8, move |key, item| {
            done.lock().unwrap().push((key, item));
            std::future::ready(if item == 0 { Next::Blocked } else { Next::Done })
        });
        queues.block(2);
        for (key, item) in [(1, 0), (1, 1), (2, 1), (3, 1)] {
            queues.push(key, item);
        }
        sleep(MOMENT).await;
        log.lock().unwrap().sort_unstable();
        assert_eq!(*log.lock().unwrap(), [(1, 0), (3, 1)]);
        queues.unblock(&1);
        queues.unblock(&2);
        queues.unblock(&3);
        until_empty(&queues).await;
        log.lock().unwrap().sort_unstable();
        assert_eq!(*log.lock().unwrap(), [(1, 0), (1, 1), (2, 1), (3, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_inserted_item_stands_behind_those_before_it() {
        let (queues, log) = recorded(8);
        for item in [1, 3, 5] {
            queues.push(1, item);
        }
        queues.insert(1, 4, |other| *other < 4);
        queues.insert(2, 9, |other| *other < 9);
        until_empty(&queues).await;
        let log = log.lock().unwrap();
        let of_one: Vec<u32> = log
            .iter()
            .filter(|(key, _)| *key == 1)
            .map(|it| it.1)
            .collect();
        assert_eq!(of_one, [1, 3, 4, 5]);
        assert!(log.contains(&(2, 9)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_does_not_stop_its_queue() {
        let log = Log::default();
        let done = Arc::clone(&log);
        let queues = KeyedQueues::new(TaskTracker::new(), 1, move |key, item| {
            let done = Arc::clone(&done);
            async move {
                assert!(item != 0, "a bug in the work");
                done.lock().unwrap().push((key, item));
                Next::Done
            }
        });
        for item in 0..3 {
            queues.push(1, item);
        }
        until_empty(&queues).await;
        assert_eq!(*log.lock().unwrap(), [(1, 1), (1, 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_close_running_work_ends_and_the_rest_waits() {
        let (queues, log) = recorded(1);
        for item in 0..3 {
            queues.push(1, item);
        }
        sleep(MOMENT / 2).await;
        queues.close();
        queues.push(2, 0);
        queues.tasks.close();
        queues.tasks.wait().await;
        assert_eq!(*log.lock().unwrap(), [(1, 0)]);
        assert_eq!(queues.waiting(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_removed_queue_is_not_continued_after_a_pause_and_its_key_begins_anew() {
        let log = Log::default();
        let done = Arc::clone(&log);
        let queues = KeyedQueues::new(TaskTracker::new(), 1, move |key, item| {
            done.lock().unwrap().push((key, item));
            let next = if item < 10 {
                Next::Retry(item, Duration::from_secs(60))
            } else {
                Next::Done
            };
            std::future::ready(next)
        });
        for (key, item) in [(1, 1), (1, 2), (2, 20), (2, 21)] {
            queues.push(key, item);
        }
        queues.block(3);
        sleep(MOMENT).await;
        assert_eq!(queues.waiting(), 2, "those of the first key");
        queues.remove(|key| *key != 2);
        queues.push(1, 11);
        queues.push(3, 30);
        sleep(Duration::from_secs(120)).await;
        assert_eq!(
            *log.lock().unwrap(),
            [(1, 1), (2, 20), (2, 21), (1, 11), (3, 30)]
        );
        assert_eq!(queues.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_removed_queue_does_not_wait_for_a_worker_any_more() {
        let (queues, log) = recorded(1);
        for key in 1..=3 {
            queues.push(key, 0);
            queues.push(key, 1);
        }
        sleep(MOMENT / 2).await;
        queues.remove(|key| *key == 2);
        until_empty(&queues).await;
        let mut done = log.lock().unwrap().clone();
        done.sort_unstable();
        assert_eq!(done, [(1, 0), (1, 1), (3, 0), (3, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_ends_when_the_work_cannot_be_done_any_more() {
        let queues = KeyedQueues::new(TaskTracker::new(), 1, |_: u32, _: u32| {
            std::future::ready(Next::Gone)
        });
        queues.push(1, 0);
        queues.push(1, 1);
        queues.tasks.close();
        queues.tasks.wait().await;
        assert_eq!(queues.waiting(), 2);
    }
}
