//! A store that forgets when the process ends: for tests and trials.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dashmap::DashMap;

use super::{
    Call, CallId, Conversation, EventId, Installation, NewEvent, QueuedCall, StateChange, Store,
    Stored, Turn,
};
use crate::event::{MemberId, MessageId};

/// How many occurrences are remembered at least, to tell repeats, and how many numbers of messages. Older ones are
/// forgotten first; up to twice as many are kept.
pub const SEEN_MAX: usize = 200_000;

/// A store that forgets when the process ends.
///
/// Conversations are kept as long as it lives; everything else has a bound.
#[derive(Debug, Default)]
pub struct Memory {
    last_event: AtomicU64,
    inbox: DashMap<EventId, NewEvent>,
    seen: Mutex<Recent<(MemberId, Arc<str>), ()>>,
    states: DashMap<Conversation, Bytes>,
    outbox: DashMap<CallId, Arc<QueuedCall>>,
    messages: Mutex<Recent<CallId, MessageId>>,
    portals: DashMap<MemberId, Installation>,
}

/// What came of late, in two generations: when the younger is full, the older is dropped.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Puts a value in, and tells whether there was none.
    fn put(&mut self, key: K, value: V) -> bool {
        if self.old.contains_key(&key) || self.young.insert(key, value).is_some() {
            return false;
        }
        if self.young.len() >= SEEN_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        true
    }
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Recent<K, V> {
        Recent {
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }
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

    fn append_one(&self, event: NewEvent) -> Option<EventId> {
        let occurrence = (event.portal.clone(), Arc::clone(&event.occurrence));
        if !lock(&self.seen).put(occurrence, ()) {
            return None;
        }
        let id = EventId(self.last_event.fetch_add(1, Ordering::Relaxed) + 1);
        self.inbox.insert(id, event);
        Some(id)
    }
}

impl Store for Memory {
    fn append(&self, events: Vec<NewEvent>) -> Stored<'_, Vec<Option<EventId>>> {
        let ids = events
            .into_iter()
            .map(|event| self.append_one(event))
            .collect();
        ready(ids)
    }

    fn waiting(&self) -> Stored<'_, Vec<(EventId, NewEvent)>> {
        let mut waiting: Vec<_> = self
            .inbox
            .iter()
            .map(|event| (*event.key(), event.value().clone()))
            .collect();
        waiting.sort_by_key(|(id, _)| *id);
        ready(waiting)
    }

    fn state(&self, key: &Conversation) -> Stored<'_, Option<Bytes>> {
        ready(self.states.get(key).map(|state| state.value().clone()))
    }

    fn commit(&self, turn: Turn) -> Stored<'_, ()> {
        if self.inbox.remove(&turn.event).is_none() {
            return ready(()); // done already: a replay changes nothing
        }
        match turn.state {
            Some((key, StateChange::Put(state))) => drop(self.states.insert(key, state)),
            Some((key, StateChange::Forget)) => drop(self.states.remove(&key)),
            Some((_, StateChange::Keep)) | None => {}
        }
        turn.calls
            .into_iter()
            .for_each(|call| drop(self.outbox.insert(call.id, call)));
        ready(())
    }

    fn unsent(&self) -> Stored<'_, Vec<Arc<QueuedCall>>> {
        let mut unsent: Vec<_> = self
            .outbox
            .iter()
            .map(|call| call.value().clone())
            .collect();
        unsent.sort_by_key(|call| call.id);
        ready(unsent)
    }

    fn sent(&self, call: CallId, message: Option<MessageId>) -> Stored<'_, ()> {
        let queued = self.outbox.remove(&call);
        let is_wanted = |queued: &(_, Arc<QueuedCall>)| {
            matches!(queued.1.call, Call::Say { remember: true, .. })
        };
        if let (true, Some(message)) = (queued.as_ref().is_some_and(is_wanted), message) {
            lock(&self.messages).put(call, message);
        }
        ready(())
    }

    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>> {
        ready(lock(&self.messages).get(&call).copied())
    }

    fn portals(&self) -> Stored<'_, Vec<Installation>> {
        ready(
            self.portals
                .iter()
                .map(|portal| portal.value().clone())
                .collect(),
        )
    }

    fn install(&self, installation: Installation) -> Stored<'_, ()> {
        self.portals
            .insert(installation.portal.clone(), installation);
        ready(())
    }

    fn uninstall(&self, portal: &MemberId) -> Stored<'_, ()> {
        self.portals.remove(portal);
        ready(())
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> Stored<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}
