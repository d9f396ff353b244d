//! The memory store: it loses everything when the process ends, for tests and trials.

mod recent;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use dashmap::DashMap;
use foldhash::quality::RandomState;
use uuid::Uuid;

use super::{
    Arrived, Call, CallId, Conversation, DeadId, DeadLetter, EventId, Failure, InboxEvent,
    Installation, NewReminder, Notice, Occurrence, OrderingKey, Quarantined, QueuedCall, REPLACED,
    RESTORED, ReminderChange, ReminderId, Secret, StateChange, StoredState, Time,
};
use crate::event::{MemberId, MessageId};

use recent::Recent;

pub use recent::SEEN_MAX;

/// Maximum number of waiting events. Appending more fails.
pub const WAITING_MAX: usize = 100_000;

/// Maximum number of quarantined states of a conversation. The oldest are dropped first.
const QUARANTINED_MAX: usize = 10;

/// Maximum number of dead letters. The oldest are dropped first.
const DEAD_MAX: usize = 10_000;

/// A store in memory, which loses everything when the process ends.
///
/// Conversations and waiting items are kept as long as the store exists. Dead letters, occurrences
/// and ids of messages have a bound.
#[derive(Debug, Default)]
pub struct Memory {
    last_event: AtomicU64,
    last_arrival: Mutex<Option<Time>>,
    inbox: DashMap<EventId, Waiting, RandomState>,
    seen: Mutex<Recent<Occurrence, ()>>,
    states: DashMap<Conversation, State, RandomState>,
    /// The quarantined states, oldest first.
    quarantined: Mutex<HashMap<Conversation, Vec<Quarantined>>>,
    secret: OnceLock<Secret>,
    outbox: DashMap<CallId, Queued, RandomState>,
    messages: Mutex<Recent<CallId, MessageId>>,
    reminders: Mutex<Reminders>,
    portals: DashMap<MemberId, Installation, RandomState>,
    /// The holder of each portal's claim, and its end.
    claims: DashMap<MemberId, (Uuid, Time)>,
    /// The end of each portal's booked time.
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

impl Reminders {
    fn set(&mut self, new: NewReminder) {
        self.set_due(new.reminder.due, new);
    }

    /// Sets a reminder that is due at another time than it says.
    fn set_due(&mut self, due: Time, new: NewReminder) {
        let id = new.reminder.id;
        self.due.insert(id, due);
        self.waiting.insert((due, id), new);
    }
}

#[derive(Debug, Default)]
struct Dead {
    last: u64,
    letters: BTreeMap<DeadId, DeadLetter>,
}

/// Locks a mutex, also after a panic: no change under these locks can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of conversations with a state.
    pub fn conversations(&self) -> usize {
        let states = self.states.iter();
        states.filter(|row| row.key().as_part().is_none()).count()
    }

    fn insert_event(&self, event: InboxEvent) -> EventId {
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

    /// Queues a call. If it changes a waiting message that is not taken, changes that message
    /// instead.
    fn queue(&self, call: Arc<QueuedCall>) {
        let target = call.call.target();
        let waiting = target.and_then(|target| self.outbox.get_mut(&target));
        match waiting.filter(|queued| !queued.is_taken) {
            Some(mut queued) => match &call.call {
                Call::Edit { params, .. } => Arc::make_mut(&mut queued.call).call.change(params),
                _ => {
                    drop(queued); // it locks the map
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

    fn change_reminder(&self, change: ReminderChange) {
        let mut reminders = lock(&self.reminders);
        match change {
            ReminderChange::Set(new) => reminders.set(new),
            ReminderChange::Repeat(reminder) => {
                let Some(before) = reminders.due.get(&reminder.id).copied() else {
                    return; // it was cancelled
                };
                if let Some(set) = reminders.waiting.remove(&(before, reminder.id)) {
                    reminders.set(NewReminder { reminder, ..set });
                }
            }
            ReminderChange::Cancel(id) => {
                if let Some(due) = reminders.due.remove(&id) {
                    reminders.waiting.remove(&(due, id));
                }
            }
        }
    }

    /// Quarantines the state of a conversation, if it has one.
    fn quarantine(&self, key: &Conversation, at: Time, reason: String) {
        let Some(state) = self.states.get(key).map(|state| state.stored.clone()) else {
            return;
        };
        let mut quarantined = lock(&self.quarantined);
        let states = quarantined.entry(key.clone()).or_default();
        if states.len() >= QUARANTINED_MAX {
            states.remove(0);
        }
        states.push(Quarantined { at, state, reason });
    }

    /// Restores the newest quarantined state of a conversation, and with `is_one_of_all` only if it
    /// was not replaced itself.
    fn restore_one(&self, key: &Conversation, is_one_of_all: bool, at: Time) -> bool {
        let state = {
            let mut quarantined = lock(&self.quarantined);
            let states = quarantined.get_mut(key).into_iter().flatten();
            let newest = states
                .rev()
                .find(|state| !state.reason.starts_with(RESTORED));
            let Some(newest) = newest.filter(|it| !is_one_of_all || it.reason != REPLACED) else {
                return false;
            };
            newest.reason.insert_str(0, RESTORED);
            newest.state.clone()
        };
        self.quarantine(key, at, REPLACED.to_owned());
        self.change_state(key.clone(), StateChange::Put(state), at);
        true
    }

    fn change_state(&self, key: Conversation, change: StateChange, at: Time) {
        match change {
            StateChange::Put(stored) => {
                self.states.insert(key, State { stored, at });
            }
            StateChange::Forget => {
                self.states.remove(&key);
            }
            StateChange::Keep => {
                if let Some(mut state) = self.states.get_mut(&key) {
                    state.at = at;
                }
            }
        }
    }

    /// Removes everything of the selected conversations. Returns the number of removed items.
    fn forget_all(&self, selects: impl Fn(&Conversation) -> bool) -> u64 {
        let selects_key = |key: &OrderingKey| matches!(key, OrderingKey::Chat(key) if selects(key));
        let mut removed = 0;
        let mut keep = |is_selected: bool| {
            removed += u64::from(is_selected);
            !is_selected
        };
        self.states.retain(|key, _| keep(selects(key)));
        lock(&self.quarantined).retain(|key, states| states.iter().all(|_| keep(selects(key))));
        self.inbox
            .retain(|_, waiting| keep(selects_key(&waiting.event.key)));
        let mut messages = Vec::new();
        self.outbox.retain(|id, queued| {
            let is_selected = selects(&queued.call.to);
            messages.extend(is_selected.then_some(*id));
            keep(is_selected)
        });
        lock(&self.messages).retain(|id| !messages.contains(id));
        lock(&self.dead)
            .letters
            .retain(|_, letter| keep(selects_key(&letter.key)));
        let mut reminders = lock(&self.reminders);
        reminders.waiting.retain(|_, new| keep(selects(&new.to)));
        let Reminders { waiting, due } = &mut *reminders;
        due.retain(|id, due| waiting.contains_key(&(*due, *id)));
        removed
    }
}
