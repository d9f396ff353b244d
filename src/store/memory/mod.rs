//! A store that forgets when the process ends: for tests and trials.

mod recent;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use foldhash::quality::RandomState;
use uuid::Uuid;

use super::{
    Arrived, Call, CallId, Conversation, DeadId, DeadLetter, EventId, Failure, InboxEvent,
    Installation, NewReminder, Notice, Occurrence, OrderingKey, QueuedCall, ReminderChange,
    ReminderId, StoredState, Time,
};
use crate::event::{MemberId, MessageId};

use recent::Recent;

pub use recent::SEEN_MAX;

/// The most events that wait; more are refused.
pub const WAITING_MAX: usize = 100_000;
/// The most dead letters that are kept; older ones are dropped first.
const DEAD_MAX: usize = 10_000;

/// A store that forgets when the process ends.
///
/// Conversations and what waits are kept as long as it lives; what is kept of the past has a bound.
#[derive(Debug, Default)]
pub struct Memory {
    last_event: AtomicU64,
    last_came: Mutex<Option<Time>>,
    inbox: DashMap<EventId, Waiting, RandomState>,
    seen: Mutex<Recent<Occurrence, ()>>,
    states: DashMap<Conversation, State, RandomState>,
    outbox: DashMap<CallId, Queued, RandomState>,
    messages: Mutex<Recent<CallId, MessageId>>,
    reminders: Mutex<Reminders>,
    portals: DashMap<MemberId, Installation, RandomState>,
    /// Who renews a portal's tokens, and until when.
    claims: DashMap<MemberId, (Uuid, Time)>,
    /// Until when each portal's time is booked.
    booked: DashMap<MemberId, Time>,
    addresses: Mutex<Vec<String>>,
    notes: DashMap<(MemberId, String), String>,
    arrived: Mutex<Vec<Arrived>>,
    dead: Mutex<Dead>,
    notices: Mutex<Vec<Notice>>,
}

#[derive(Clone, Debug)]
struct Waiting {
    event: InboxEvent,
    attempts: u32,
    history: Vec<Failure>,
}

#[derive(Debug)]
struct State {
    stored: StoredState,
    at: Time,
}

#[derive(Debug)]
struct Queued {
    call: Arc<QueuedCall>,
    is_taken: bool,
}

#[derive(Debug, Default)]
struct Reminders {
    waiting: BTreeMap<(Time, ReminderId), NewReminder>,
    due: HashMap<ReminderId, Time>,
}

#[derive(Debug, Default)]
struct Dead {
    last: u64,
    letters: BTreeMap<DeadId, DeadLetter>,
}

/// A panic while the lock was held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// How many conversations have a state.
    pub fn conversations(&self) -> usize {
        self.states.len()
    }

    fn put_in(&self, event: InboxEvent) -> EventId {
        let id = EventId(self.last_event.fetch_add(1, Ordering::Relaxed) + 1);
        let waiting = Waiting {
            event,
            attempts: 0,
            history: Vec::new(),
        };
        self.inbox.insert(id, waiting);
        id
    }

    fn dead_letter(&self, letter: DeadLetter) {
        let mut dead = lock(&self.dead);
        dead.last += 1;
        let id = DeadId(dead.last);
        dead.letters.insert(id, DeadLetter { id, ..letter });
        if dead.letters.len() > DEAD_MAX {
            dead.letters.pop_first();
        }
    }

    /// Queues a call, or makes the change in the message that it is for, if that is not on its way yet.
    fn queue(&self, call: Arc<QueuedCall>) {
        let target = call.call.target();
        let waiting = target.and_then(|target| self.outbox.get_mut(&target));
        match waiting.filter(|queued| !queued.is_taken) {
            Some(mut queued) => match &call.call {
                Call::Edit { params, .. } => Arc::make_mut(&mut queued.call).call.change(params),
                _ => {
                    drop(queued);
                    target.map(|target| self.outbox.remove(&target));
                }
            },
            None => {
                let queued = Queued {
                    call,
                    is_taken: false,
                };
                self.outbox.insert(queued.call.id, queued);
            }
        }
    }

    fn remind(&self, change: ReminderChange) {
        let mut reminders = lock(&self.reminders);
        match change {
            ReminderChange::Set(new) => {
                let key = (new.reminder.due, new.reminder.id);
                reminders.due.insert(key.1, key.0);
                reminders.waiting.insert(key, new);
            }
            ReminderChange::Cancel(id) => {
                if let Some(due) = reminders.due.remove(&id) {
                    reminders.waiting.remove(&(due, id));
                }
            }
        }
    }

    /// Forgets what is stored of some conversations, and tells how many things that were.
    fn forget_all(&self, is_meant: impl Fn(&Conversation) -> bool) -> u64 {
        let of_lane = |key: &OrderingKey| matches!(key, OrderingKey::Chat(key) if is_meant(key));
        let mut forgotten = 0;
        let mut keep = |is_meant: bool| {
            forgotten += u64::from(is_meant);
            !is_meant
        };
        self.states.retain(|key, _| keep(is_meant(key)));
        self.inbox
            .retain(|_, waiting| keep(of_lane(&waiting.event.key)));
        let mut messages = Vec::new();
        self.outbox.retain(|id, queued| {
            let is_meant = is_meant(&queued.call.to);
            messages.extend(is_meant.then_some(*id));
            keep(is_meant)
        });
        lock(&self.messages).retain(|id| !messages.contains(id));
        lock(&self.dead)
            .letters
            .retain(|_, letter| keep(of_lane(&letter.key)));
        let mut reminders = lock(&self.reminders);
        reminders.waiting.retain(|_, new| keep(is_meant(&new.to)));
        let Reminders { waiting, due } = &mut *reminders;
        due.retain(|id, due| waiting.contains_key(&(*due, *id)));
        forgotten
    }
}
