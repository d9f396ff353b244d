//! A store that forgets when the process ends: for tests and trials.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dashmap::DashMap;

use super::{
    Call, CallId, Conversation, EventId, Installation, NewEvent, QueuedCall, StateChange, Store,
    Stored, Turn,
};
use crate::event::{MemberId, MessageId};

/// How many occurrences are remembered at least, to tell repeats. Older ones are forgotten first; up to twice as many
/// are kept.
pub const SEEN_MAX: usize = 200_000;

/// A store that forgets when the process ends.
#[derive(Debug, Default)]
pub struct Memory {
    last_event: AtomicU64,
    inbox: DashMap<EventId, NewEvent>,
    seen: Mutex<Seen>,
    states: DashMap<Conversation, Bytes>,
    outbox: DashMap<CallId, Arc<QueuedCall>>,
    messages: DashMap<CallId, MessageId>,
    portals: DashMap<MemberId, Installation>,
}

/// The occurrences of late, in two generations: when the younger is full, the older is dropped.
#[derive(Debug, Default)]
struct Seen {
    young: HashSet<(MemberId, Arc<str>)>,
    old: HashSet<(MemberId, Arc<str>)>,
}

impl Seen {
    /// Whether this is the first time.
    fn first(&mut self, portal: &MemberId, occurrence: &Arc<str>) -> bool {
        let key = (portal.clone(), Arc::clone(occurrence));
        if self.old.contains(&key) || !self.young.insert(key) {
            return false;
        }
        if self.young.len() >= SEEN_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        true
    }
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
        let mut seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !seen.first(&event.portal, &event.occurrence) {
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
            self.messages.insert(call, message);
        }
        ready(())
    }

    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>> {
        ready(self.messages.get(&call).map(|message| *message))
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
