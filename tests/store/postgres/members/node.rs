//! A process on the store, as far as its ownership goes: it loads what it gains, releases what
//! others want, and reads its notices, as the engine does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use imbot::event::MemberId;
use imbot::store::{
    EventId, Inbox, Notice, Ownership, OwnershipChange, OwnershipChanges, Partition, Postgres,
    StoreErrorKind, Turns, Upkeep,
};
use tokio::task::JoinHandle;

use crate::support::postgres::Schema;

/// Longest time that a test waits for something. Reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(100);

/// Number of events that are loaded at once.
const PAGE: usize = 3;

/// A process on the store.
pub(crate) struct Node {
    pub(crate) store: Arc<Postgres>,
    seen: Arc<Mutex<Seen>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a process has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The partitions that it owns.
    pub(crate) owned: BTreeSet<u8>,
    /// All changes.
    pub(crate) changes: Vec<OwnershipChange>,
    /// Events that it loaded or had a notice of, in this order.
    pub(crate) events: Vec<EventId>,
    /// Other notices, but for portals.
    pub(crate) others: Vec<Notice>,
    /// Portals whose installation has changed.
    pub(crate) portals: Vec<MemberId>,
}

impl Node {
    /// Opens the store and joins.
    pub(crate) fn start(schema: &Schema<'_>, name: &str) -> Self {
        Self::on(schema.try_open().unwrap(), name)
    }

    /// Joins with a store that is open.
    pub(crate) fn on(store: Postgres, name: &str) -> Self {
        let store = Arc::new(store.with_name(name));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let changes = store.join();
        let tasks = vec![
            tokio::spawn(follow(Arc::clone(&store), changes, Arc::clone(&seen))),
            tokio::spawn(read(Arc::clone(&store), Arc::clone(&seen))),
        ];
        Self { store, seen, tasks }
    }

    /// Opens the store and joins. Returns when it owns everything.
    pub(crate) async fn first(schema: &Schema<'_>, name: &str) -> Self {
        Self::start(schema, name).owns_everything().await
    }

    /// Starts two processes, `one` and `two`. Returns when both have joined, and the first owns
    /// everything.
    pub(crate) async fn pair(schema: &Schema<'_>) -> (Self, Self) {
        let one = Self::first(schema, "one").await;
        let two = Self::start(schema, "two");
        Self::are_members(schema, 2).await;
        (one, two)
    }

    /// Waits until so many processes have joined.
    pub(crate) async fn are_members(schema: &Schema<'_>, count: usize) {
        let count = count.to_string();
        let are_there = async || schema.sql("SELECT count(*) FROM member") == count;
        assert!(eventually(are_there).await, "{count} processes");
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until this process has seen something.
    pub(crate) async fn until(&self, has_seen: impl Fn(&Seen) -> bool) {
        let is_there = eventually(async || has_seen(&self.seen())).await;
        assert!(is_there, "{:?}", self.seen());
    }

    /// Waits until this process owns everything.
    pub(crate) async fn owns_everything(self) -> Self {
        self.until(|seen| seen.owned.len() == 256).await;
        self
    }

    /// Returns true if this process has lost a partition, without being asked for it.
    pub(crate) fn has_lost(&self) -> bool {
        let is_lost = |change: &OwnershipChange| matches!(change, OwnershipChange::Lost(_));
        self.seen().changes.iter().any(is_lost)
    }

    /// Lets others know that the process has started 10 seconds ago.
    pub(crate) fn is_steady(schema: &Schema<'_>) {
        schema.sql("UPDATE member SET beat = beat + 1000 WHERE state = 'live'");
    }

    /// Ends the process without leaving.
    pub(crate) async fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        assert!(Arc::into_inner(self.store).is_some(), "the store is in use");
    }
}

/// Waits until something is true. Returns false if it is not true after a long time.
pub(crate) async fn eventually(is_true: impl AsyncFn() -> bool) -> bool {
    let wait = async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.is_ok()
}

/// Follows the changes of what a process owns.
async fn follow(store: Arc<Postgres>, mut changes: OwnershipChanges, seen: Arc<Mutex<Seen>>) {
    loop {
        let change = changes.next().await;
        seen.lock().unwrap().changes.push(change);
        match change {
            OwnershipChange::Gained(partition) => {
                let events = load(&store, partition).await;
                let mut seen = seen.lock().unwrap();
                seen.events.extend(events);
                assert!(seen.owned.insert(partition.0), "gained twice");
            }
            OwnershipChange::Wanted(partition) => {
                seen.lock().unwrap().owned.remove(&partition.0);
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.release(partition).await.unwrap() });
            }
            OwnershipChange::Lost(partition) => {
                seen.lock().unwrap().owned.remove(&partition.0);
            }
        }
    }
}

/// Loads what waits in a partition.
async fn load(store: &Postgres, partition: Partition) -> Vec<EventId> {
    let (mut events, mut after) = (Vec::new(), None);
    loop {
        let page = store.waiting(Some(partition), after, PAGE).await.unwrap();
        events.extend(page.iter().map(|(id, _)| *id));
        after = page.last().map(|(id, _)| *id);
        if page.len() < PAGE {
            return events;
        }
    }
}

/// Reads the notices of a process when there may be some.
async fn read(store: Arc<Postgres>, seen: Arc<Mutex<Seen>>) {
    loop {
        store.until_notices().await;
        let Ok(notices) = store.notices().await else {
            continue; // the database is away
        };
        let mut seen = seen.lock().unwrap();
        for notice in notices {
            match notice {
                Notice::Event(id, _) => seen.events.push(id),
                Notice::Portal(portal) => seen.portals.push(portal),
                other => seen.others.push(other),
            }
        }
    }
}

/// Returns true if this process may begin a turn of the event.
pub(crate) async fn may_begin(store: &Postgres, event: EventId) -> bool {
    match store.begin(event, None).await {
        Ok(started) => started.is_some(),
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::NotOwner, "{error}");
            false
        }
    }
}
