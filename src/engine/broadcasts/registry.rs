//! The broadcasts of the portals that this process owns, in memory: what the steps of a job share
//! with the turns in its chats and with the sender.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::quality::RandomState;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::record::{ChatResult, Control, Record};
use super::{GATHER, STALE_AFTER};
use crate::engine::lock;
use crate::event::DialogId;
use crate::handler::BroadcastNames;
use crate::store::{Conversation, EventId};

/// The broadcasts of the portals that this process owns.
#[derive(Default)]
pub(in crate::engine) struct Broadcasts {
    names: BroadcastNames,
    /// Those that are not finished.
    jobs: DashMap<Conversation, Arc<Job>, RandomState>,
    /// The chats whose message is committed and not settled, by the event of their turn.
    waiting: Mutex<HashMap<EventId, ChatOfJob>>,
    /// How many there are, so that nothing is locked while nothing is broadcast.
    count: AtomicUsize,
}

/// A chat that a broadcast goes to.
#[derive(Clone)]
pub(super) struct ChatOfJob {
    pub(super) job: Arc<Job>,
    pub(super) dialog: DialogId,
}

impl ChatOfJob {
    /// Reports what became of this chat.
    pub(super) fn report(&self, result: ChatResult) {
        self.job.report(self.dialog.clone(), result);
    }
}

/// A broadcast that is not finished.
pub(super) struct Job {
    pub(super) key: Conversation,
    /// The parameters of the message.
    pub(super) params: Arc<Map<String, Value>>,
    /// The event of the job, when it has made its first step.
    pub(super) event: OnceLock<EventId>,
    control: Mutex<Option<Control>>,
    /// What the job has not counted yet.
    results: Mutex<Vec<(DialogId, ChatResult)>>,
    /// When each outstanding chat was last asked or looked for.
    asked: Mutex<HashMap<DialogId, Instant>>,
    /// The chats that come next, as they were listed.
    pub(super) next: Mutex<VecDeque<DialogId>>,
    /// What the message about the progress shows, and since when.
    pub(super) shown: Mutex<Option<(Instant, String)>>,
    changed: Notify,
}

impl Job {
    fn new(key: Conversation, record: &Record, control: Option<Control>) -> Self {
        Self {
            key,
            params: Arc::new(record.order.params.clone()),
            event: record.event.map(OnceLock::from).unwrap_or_default(),
            control: Mutex::new(control),
            results: Mutex::default(),
            asked: Mutex::default(),
            next: Mutex::default(),
            shown: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(super) fn control(&self) -> Option<Control> {
        *lock(&self.control)
    }

    pub(super) fn set_control(&self, control: Option<Control>) {
        *lock(&self.control) = control;
        self.changed.notify_one();
    }

    pub(super) fn report(&self, dialog: DialogId, result: ChatResult) {
        lock(&self.results).push((dialog, result));
        self.changed.notify_one();
    }

    /// Takes the results that are not counted.
    pub(super) fn take_results(&self) -> Vec<(DialogId, ChatResult)> {
        let results = std::mem::take(&mut *lock(&self.results));
        let mut asked = lock(&self.asked);
        for (dialog, _) in &results {
            asked.remove(dialog);
        }
        results
    }

    /// Notes that a chat is asked, or looked for, now.
    pub(super) fn note_asked(&self, dialog: &DialogId) {
        lock(&self.asked).insert(dialog.clone(), Instant::now());
    }

    /// Returns true if a chat was asked long ago, or by an earlier process.
    pub(super) fn is_stale(&self, dialog: &DialogId) -> bool {
        let asked = lock(&self.asked);
        let at = asked.get(dialog);
        at.is_none_or(|at| at.elapsed() >= STALE_AFTER)
    }

    /// Waits for results or an operator's decision, at most for this time.
    pub(super) async fn until_changed(&self, limit: Duration) {
        if timeout(limit, self.changed.notified()).await.is_ok() {
            sleep(GATHER).await;
        }
    }
}

impl Broadcasts {
    /// Returns the names, for turns.
    pub(in crate::engine) fn names(&self) -> &BroadcastNames {
        &self.names
    }

    pub(super) fn get(&self, key: &Conversation) -> Option<Arc<Job>> {
        self.jobs.get(key).map(|job| Arc::clone(&job))
    }

    /// Adds a job, unless it is known, and returns it.
    pub(super) fn add(
        &self,
        key: &Conversation,
        record: &Record,
        control: Option<Control>,
    ) -> Arc<Job> {
        self.names.insert(key, false);
        let new = || Arc::new(Job::new(key.clone(), record, control));
        let job = self.jobs.entry(key.clone()).or_insert_with(new);
        Arc::clone(&job)
    }

    /// Removes a job that is finished.
    pub(super) fn finish(&self, key: &Conversation) {
        self.names.insert(key, true);
        self.remove_jobs(|other| other == key);
    }

    /// Forgets broadcasts, with their names.
    pub(in crate::engine) fn forget(&self, is_gone: impl Fn(&Conversation) -> bool) {
        self.names.remove(&is_gone);
        self.remove_jobs(is_gone);
    }

    /// Forgets a broadcast whose job is gone, because it was forgotten in the store.
    pub(in crate::engine) fn forget_running(&self, key: &Conversation) {
        if key.broadcast().is_some() && self.jobs.contains_key(key) {
            self.forget(|other| other == key);
        }
    }

    fn remove_jobs(&self, is_gone: impl Fn(&Conversation) -> bool) {
        self.jobs.retain(|key, _| !is_gone(key));
        let mut waiting = lock(&self.waiting);
        waiting.retain(|_, chat| !is_gone(&chat.job.key));
        self.count.store(waiting.len(), Ordering::Release);
    }

    /// Notes that a chat waits for its message to be settled.
    pub(super) fn wait_for(&self, event: EventId, chat: ChatOfJob) {
        let mut waiting = lock(&self.waiting);
        waiting.insert(event, chat);
        self.count.store(waiting.len(), Ordering::Release);
    }

    /// Returns the chat of a broadcast that waits for the message of this event.
    pub(super) fn waiting_for(&self, event: EventId) -> Option<ChatOfJob> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        lock(&self.waiting).get(&event).cloned()
    }

    /// Returns true if the message of this event is one of a broadcast.
    pub(in crate::engine) fn has(&self, event: EventId) -> bool {
        self.waiting_for(event).is_some()
    }

    pub(super) fn settled(&self, event: EventId) {
        let mut waiting = lock(&self.waiting);
        waiting.remove(&event);
        self.count.store(waiting.len(), Ordering::Release);
    }
}
