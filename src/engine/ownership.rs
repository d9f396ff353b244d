//! What this process owns of the store: work runs only in partitions that it owns.
//!
//! A partition is taken up when the store says so: its waiting events and calls are read into the
//! queues, in order, while new events are deferred, and its portals are set up. It is given back
//! after the running work has ended, and dropped at once when it is lost: then the store refuses
//! what its work would write. With a store for one process there is one partition, which is owned
//! from the start to the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::quality::RandomState;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::background::NOTICE_INTERVAL;
use super::send::QueuedSend;
use super::{Engine, QueuedEvent, lock};
use crate::event::MemberId;
use crate::store::{
    Conversation, EventId, OrderingKey, OwnershipChange, OwnershipChanges, Partition, StoreError,
    StoreErrorKind,
};
use crate::tasks::TaskFailed;

/// How long the running work of a partition may take to end before the partition is given to
/// another process. Work that takes longer is cancelled, and the other process does it again.
pub const HAND_OVER_PATIENCE: Duration = Duration::from_secs(5);

/// Number of rows that are read from the store at a time.
const PAGE: usize = 1_000;

/// The partitions that this process owns.
pub(super) struct Owned {
    partitions: DashMap<Partition, Arc<Held>, RandomState>,
    /// How many partitions were gained, and how many of them are loaded or lost again.
    loads: watch::Sender<(u64, u64)>,
}

/// A partition that this process owns.
pub(super) struct Held {
    /// Cancelled when the partition is lost: the work in it ends.
    lost: CancellationToken,
    /// The running work; closed when no more may start.
    running: TaskTracker,
    /// Whether its pauses and broadcasts are in memory, which turns need.
    is_known: AtomicBool,
    /// Events that arrived while the older ones of the partition are read; `None` once those are in
    /// the queues. They come behind them.
    deferred: Mutex<Option<Deferred>>,
    /// Until when chats whose call was taken by an earlier owner wait for its request to end.
    settled_at: Option<Instant>,
}

/// Events that arrived while older ones are read.
#[derive(Default)]
struct Deferred {
    /// New events, which this process appended.
    new: Vec<(EventId, OrderingKey)>,
    /// Events from outside the engine, of any age.
    noticed: Vec<(EventId, OrderingKey)>,
}

/// Work in a partition that runs. The partition is not given back while this exists.
pub(super) struct Running {
    lost: CancellationToken,
    /// Whether turns may run: what they need is in memory.
    pub(super) is_known: bool,
    _running: TaskTrackerToken,
}

impl Running {
    /// Runs the work to its end. Returns `None` if the partition is lost before that.
    pub(super) async fn run<T>(self, work: impl Future<Output = T>) -> Option<T> {
        self.lost.run_until_cancelled(work).await
    }
}

impl Held {
    fn new(settles_in: Option<Duration>) -> Self {
        Self {
            lost: CancellationToken::new(),
            running: TaskTracker::new(),
            is_known: AtomicBool::new(false),
            deferred: Mutex::new(Some(Deferred::default())),
            settled_at: settles_in.map(|time| Instant::now() + time),
        }
    }

    /// Ends the deferring: the older events are in the queues, up to the event `last`. Queues the
    /// deferred events, in their order. New ones up to `last` were read with the others. One that
    /// was noticed may be queued twice: the second time it does not wait any more.
    fn loaded_up_to(&self, last: Option<EventId>, mut queue: impl FnMut(EventId, OrderingKey)) {
        let mut deferred = lock(&self.deferred); // held, so that later events come behind these
        let Deferred { new, noticed } = deferred.take().unwrap_or_default();
        let is_unread = |(id, _): &(EventId, OrderingKey)| last.is_none_or(|last| *id > last);
        let mut all: Vec<_> = new.into_iter().filter(is_unread).chain(noticed).collect();
        all.sort_by_key(|(id, _)| *id);
        all.into_iter().for_each(|(id, key)| queue(id, key));
    }
}

impl Owned {
    pub(super) fn new() -> Self {
        Self {
            partitions: DashMap::default(),
            loads: watch::Sender::new((0, 0)),
        }
    }

    /// Begins work in a partition. Returns `None` if this process does not own it, or is giving it
    /// back.
    pub(super) fn enter(&self, partition: Partition) -> Option<Running> {
        let held = self.partitions.get(&partition)?;
        (!held.running.is_closed()).then(|| Running {
            lost: held.lost.clone(),
            is_known: held.is_known.load(Ordering::Acquire),
            _running: held.running.token(),
        })
    }

    /// Returns a partition that this process owns.
    pub(super) fn held(&self, partition: Partition) -> Option<Arc<Held>> {
        self.partitions
            .get(&partition)
            .map(|held| Arc::clone(&held))
    }

    /// Returns true if this process owns a partition, and all older events are in the queues.
    pub(super) fn is_loaded(&self, partition: Partition) -> bool {
        let held = self.partitions.get(&partition);
        held.is_some_and(|held| lock(&held.deferred).is_none())
    }

    fn all(&self) -> Vec<(Partition, Arc<Held>)> {
        let all = self.partitions.iter();
        all.map(|held| (*held.key(), Arc::clone(&held))).collect()
    }

    /// Returns true if new work may start in a partition.
    pub(super) fn works_on(&self, partition: Partition) -> bool {
        let held = self.partitions.get(&partition);
        held.is_some_and(|held| !held.running.is_closed())
    }

    /// Returns the key of a new event if it may go into its queue now. Defers it while the older
    /// events of its partition are read; drops it if this process does not own the partition, since
    /// the store has it for the owner.
    pub(super) fn defer(
        &self,
        partition: Partition,
        id: EventId,
        key: OrderingKey,
    ) -> Option<OrderingKey> {
        let held = self.partitions.get(&partition)?;
        match &mut *lock(&held.deferred) {
            Some(deferred) => {
                deferred.new.push((id, key));
                None
            }
            None => Some(key),
        }
    }

    /// Returns how many events are deferred.
    pub(super) fn deferred(&self) -> usize {
        let held = self.partitions.iter();
        let len = |deferred: &Deferred| deferred.new.len() + deferred.noticed.len();
        held.map(|held| lock(&held.deferred).as_ref().map_or(0, len))
            .sum()
    }

    /// Waits until a partition was gained, and all that were gained are loaded or lost again.
    pub(super) fn until_loaded(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut loads = self.loads.subscribe();
        async move {
            let is_loaded = |(gained, loaded): &(u64, u64)| *gained > 0 && gained == loaded;
            let _ = loads.wait_for(is_loaded).await; // fails only without a sender
        }
    }

    /// Waits until a partition was gained.
    pub(super) async fn until_gained(&self) {
        let mut loads = self.loads.subscribe();
        let _ = loads.wait_for(|(gained, _)| *gained > 0).await; // fails only without a sender
    }

    /// Adds a partition, and returns it.
    fn gain(&self, partition: Partition, settles_in: Option<Duration>) -> Arc<Held> {
        let held = Arc::new(Held::new(settles_in));
        self.partitions.insert(partition, Arc::clone(&held));
        self.loads.send_modify(|(gained, _)| *gained += 1);
        held
    }

    fn note_loaded(&self) {
        self.loads.send_modify(|(_, loaded)| *loaded += 1);
    }

    fn remove(&self, partition: Partition) -> Option<Arc<Held>> {
        let (_, held) = self.partitions.remove(&partition)?;
        held.running.close();
        Some(held)
    }
}

impl Engine {
    /// Returns true if this process works on a portal.
    pub(super) fn works_on(&self, portal: &MemberId) -> bool {
        self.owned.works_on(self.options.store.partition(portal))
    }

    /// Runs work on a portal to its end. Returns `None` if this process does not own the portal's
    /// partition, or loses it before that.
    pub(super) async fn run_owned<T>(
        &self,
        portal: &MemberId,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let running = self.owned.enter(self.options.store.partition(portal))?;
        running.run(work).await
    }

    /// Takes up and drops partitions as the store says.
    pub(super) async fn follow_ownership(engine: Weak<Self>, mut changes: OwnershipChanges) {
        loop {
            let change = changes.next().await;
            let Some(engine) = engine.upgrade() else {
                return;
            };
            match change {
                OwnershipChange::Gained(partition) => engine.take_up(partition).await,
                OwnershipChange::Wanted(partition) => engine.hand_over_in_background(partition),
                OwnershipChange::Lost(partition) => engine.drop_partition(partition).await,
            }
        }
    }

    /// Begins to work on a partition: reads what waits in it, in the background, and sets up its
    /// portals.
    async fn take_up(self: &Arc<Self>, partition: Partition) {
        self.drop_partition(partition).await; // if the store gives it once more
        let held = self.owned.gain(partition, self.options.store.send_limit());
        let (engine, lost) = (Arc::clone(self), held.lost.clone());
        let load = async move {
            let loaded = engine.load_with_retries(partition, &held);
            if let Some(Err(error)) = engine.stopped.run_until_cancelled(loaded).await {
                let cause = format!("cannot read the events of an earlier process: {error}");
                engine.watch.fail(TaskFailed::new("backlog", cause));
            }
        };
        let (engine, load) = (Arc::clone(self), lost.run_until_cancelled_owned(load));
        self.tasks.spawn(self.watch.watch("backlog", async move {
            load.await;
            engine.owned.note_loaded();
        }));
        self.reminders_changed.notify_one();
        self.set_up_gained(partition);
    }

    async fn load_with_retries(&self, partition: Partition, held: &Held) -> Result<(), StoreError> {
        loop {
            match self.load_partition(partition, held).await {
                Err(error) if error.kind() == StoreErrorKind::Unavailable => {
                    tracing::error!(%partition, %error, "the waiting events cannot be read; retrying");
                    sleep(NOTICE_INTERVAL).await;
                }
                loaded => return loaded,
            }
        }
    }

    /// Queues the calls and events of a partition that an earlier process left. Events that arrive
    /// meanwhile are deferred, so that the older ones of their chat come first.
    async fn load_partition(&self, partition: Partition, held: &Held) -> Result<(), StoreError> {
        let store = &self.options.store;
        self.load_pauses(partition).await?;
        self.load_broadcasts(partition).await?;
        held.is_known.store(true, Ordering::Release);
        for key in store.blocked().await? {
            if store.partition(key.portal()) == partition {
                self.events.block(key.clone());
                self.backlog.block(key);
            }
        }
        let (mut calls, mut last) = (Vec::new(), None);
        loop {
            let page = store.unsent(Some(partition), last, PAGE).await?;
            let Some(call) = page.last() else { break };
            last = Some(call.id);
            calls.extend(page);
        }
        // An event may be handled after one with a higher number.
        calls.sort_by_key(|call| (call.position, call.id));
        for call in calls {
            let queued = QueuedSend::new(call.id);
            let queued = match held.settled_at.filter(|_| call.is_taken) {
                Some(at) => queued.not_before(at),
                None => queued,
            };
            self.outbox.push(call.to, queued);
        }
        let mut last = None;
        loop {
            let events = store.waiting(Some(partition), last, PAGE).await?;
            let Some((id, _)) = events.last() else { break };
            last = Some(*id);
            for (id, key) in events {
                self.events.push(key, QueuedEvent::stored(id));
            }
        }
        held.loaded_up_to(last, |id, key| self.insert_stored(id, key));
        Ok(())
    }

    fn hand_over_in_background(self: &Arc<Self>, partition: Partition) {
        let engine = Arc::clone(self);
        self.tasks.spawn(self.watch.watch("hand-over", async move {
            engine.hand_over(partition).await;
        }));
    }

    /// Gives a partition back: no more work starts in it, and when the running work has ended, the
    /// store gives it to another process.
    pub(super) async fn hand_over(self: &Arc<Self>, partition: Partition) {
        let Some(held) = self.owned.held(partition) else {
            return;
        };
        held.running.close();
        if timeout(HAND_OVER_PATIENCE, held.running.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                %partition,
                "running work is cancelled, because another process takes over; it is done again there"
            );
        }
        self.drop_partition(partition).await;
        let store = &self.options.store;
        while store.owns(partition)
            && let Err(error) = store.release(partition).await
        {
            tracing::warn!(%partition, %error, "a partition cannot be given to another process now; retrying");
            sleep(NOTICE_INTERVAL).await;
        }
    }

    /// Gives all partitions back, each when the running work in it has ended. No work starts any
    /// more.
    pub(super) async fn give_back_all(&self) {
        let store = &self.options.store;
        store.leave();
        let give_back = async |(partition, held): (Partition, Arc<Held>)| {
            held.running.close();
            held.running.wait().await;
            if let Err(error) = store.release(partition).await {
                tracing::debug!(%partition, %error, "a partition is given up when the store is closed");
            }
        };
        let all = self.owned.all().into_iter().map(give_back);
        futures_util::future::join_all(all).await;
    }

    /// Ends all work in a partition, and empties its queues. When it returns, nothing runs there.
    async fn drop_partition(&self, partition: Partition) {
        let Some(held) = self.owned.remove(partition) else {
            return;
        };
        held.lost.cancel();
        held.running.wait().await;
        let store = &self.options.store;
        self.events
            .remove(|key| store.partition(key.portal()) == partition);
        self.outbox
            .remove(|to| store.partition(&to.portal) == partition);
        self.setups
            .remove(|portal| store.partition(portal) == partition);
        self.backlog
            .forget_blocked(|key| store.partition(key.portal()) == partition);
        let is_of_it = |key: &Conversation| store.partition(&key.portal) == partition;
        self.pauses.forget(is_of_it);
        self.broadcasts.forget(is_of_it);
        self.known_chats.forget(is_of_it);
        for entry in &self.connectors {
            entry.leave(|portal| store.partition(portal) == partition);
        }
    }

    /// Queues an event that entered the store from outside this engine.
    pub(super) fn queue_noticed(self: &Arc<Self>, id: EventId, key: OrderingKey) {
        let partition = self.options.store.partition(key.portal());
        let Some(held) = self.owned.held(partition) else {
            return; // the owner gets it
        };
        if let Some(deferred) = &mut *lock(&held.deferred) {
            deferred.noticed.push((id, key));
            return;
        }
        self.note_queued(&key, id, None);
        self.insert_stored(id, key);
    }

    /// Puts an event into its queue, behind those with lower numbers.
    fn insert_stored(&self, id: EventId, key: OrderingKey) {
        self.events
            .insert(key, QueuedEvent::stored(id), |other| other.id < id);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::ownership::*;

    const ONE: Partition = Partition(1);

    fn key(portal: &str) -> OrderingKey {
        OrderingKey::Application(MemberId::new(portal))
    }

    fn load(held: &Held, last: Option<EventId>) -> Vec<u64> {
        let mut queued = Vec::new();
        held.loaded_up_to(last, |id, _| queued.push(id.0));
        queued
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_deferred_until_the_older_ones_are_queued() {
        let owned = Owned::new();
        let held = owned.gain(ONE, None);
        for id in 4..=6 {
            assert_eq!(owned.defer(ONE, EventId(id), key("m1")), None);
        }
        assert_eq!(owned.deferred(), 3);
        let wait = timeout(Duration::from_secs(1), owned.until_loaded());
        assert!(wait.await.is_err());
        assert_eq!(
            load(&held, Some(EventId(4))),
            [5, 6],
            "4 was read with the older ones"
        );
        owned.note_loaded();
        owned.until_loaded().await;
        assert_eq!(owned.deferred(), 0);
        assert_eq!(owned.defer(ONE, EventId(7), key("m1")), Some(key("m1")));
    }

    #[test]
    fn all_deferred_events_are_queued_if_nothing_was_left() {
        let owned = Owned::new();
        let held = owned.gain(ONE, None);
        owned.defer(ONE, EventId(1), key("m1"));
        assert_eq!(load(&held, None), [1]);
    }

    #[test]
    fn a_noticed_event_is_queued_in_its_order_whatever_was_read() {
        let owned = Owned::new();
        let held = owned.gain(ONE, None);
        owned.defer(ONE, EventId(9), key("m1"));
        if let Some(deferred) = &mut *lock(&held.deferred) {
            deferred.noticed.push((EventId(2), key("m1")));
        }
        assert_eq!(load(&held, Some(EventId(7))), [2, 9]);
    }

    #[test]
    fn an_event_of_another_partition_is_left_to_its_owner() {
        let owned = Owned::new();
        owned.gain(ONE, None);
        assert_eq!(owned.defer(Partition(2), EventId(1), key("m2")), None);
        assert_eq!(owned.deferred(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_when_its_partition_is_lost_and_none_starts_when_it_is_given_back() {
        let owned = Owned::new();
        assert!(owned.enter(ONE).is_none());
        let held = owned.gain(ONE, None);
        let running = owned.enter(ONE).unwrap();
        held.running.close();
        assert!(owned.enter(ONE).is_none() && !owned.works_on(ONE));
        let wait = timeout(Duration::from_secs(1), held.running.wait());
        assert!(wait.await.is_err(), "the work runs");
        let removed = owned.remove(ONE).unwrap();
        removed.lost.cancel();
        let work = sleep(Duration::from_secs(60));
        assert_eq!(running.run(work).await, None);
        removed.running.wait().await;
    }
}
