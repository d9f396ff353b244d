//! The expected content of a store, by its contract alone.
//!
//! A worker is a task that does one step after another in chats of its own. After a power failure,
//! the store must contain every step that a worker has reported as done, and the step that it had
//! begun either whole or not at all.

use serde::{Deserialize, Serialize};

use crate::random::mix;

pub(crate) const WORKERS: usize = 4;
pub(crate) const CHATS: usize = 3;

/// The number of an event whose step did not end, so its number is unknown.
pub(crate) const UNKNOWN: u64 = u64::MAX;

/// The expected content: one part for each worker.
pub(crate) type World = Vec<Worker>;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Worker {
    /// Number of hours that have passed for this worker.
    pub(crate) hours: u64,
    /// The last delivery.
    pub(crate) last_delivery: Option<(Vec<usize>, Body)>,
    /// The number in the tokens of its portal.
    pub(crate) token: Option<u64>,
    pub(crate) chats: [Chat; CHATS],
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Chat {
    pub(crate) state: Option<State>,
    /// Number of quarantined states.
    pub(crate) quarantined: usize,
    pub(crate) waiting: Vec<Event>,
    pub(crate) calls: Vec<Call>,
    /// The ids of messages, by call.
    pub(crate) messages: Vec<(CallKey, u64)>,
    /// Reminders, and the hours when they are due.
    pub(crate) reminders: Vec<(CallKey, u64)>,
    pub(crate) dead: Vec<Dead>,
}

/// The number of a call or reminder.
pub(crate) type CallKey = (u64, u16);

/// The state of a chat: the number of turns, a hash chain over their events in order, and the size
/// of a filler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) turns: u64,
    pub(crate) chain: u64,
    pub(crate) fill: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) kind: EventKind,
    pub(crate) attempts: u32,
    pub(crate) failures: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum EventKind {
    Delivered { body: Body, part: u16 },
    Reminder(CallKey),
}

/// A body, which is generated from a number and a length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) number: u64,
    pub(crate) length: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) kind: CallKind,
    pub(crate) is_taken: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum CallKind {
    Say { text: String, remember: bool },
    Edit { of: CallKey, text: String },
    Delete { of: CallKey },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Dead {
    Event { event: Event, blocks: bool },
    Call(Call),
}

impl State {
    /// Returns the state after a turn.
    pub(crate) fn after(before: Option<&Self>, event: u64, fill: usize) -> Self {
        let (turns, chain) = before.map_or((0, 0), |state| (state.turns, state.chain));
        Self {
            turns: turns + 1,
            chain: mix(chain ^ event),
            fill,
        }
    }
}

impl Chat {
    /// Inserts a waiting event, ordered by number.
    pub(crate) fn insert_event(&mut self, id: u64, kind: EventKind) {
        let position = self.waiting.partition_point(|event| event.id <= id);
        let event = Event {
            id,
            kind,
            attempts: 0,
            failures: 0,
        };
        self.waiting.insert(position, event);
    }

    pub(crate) fn queue(&mut self, call: Call) {
        let position = self.calls.partition_point(|other| other.key < call.key);
        self.calls.insert(position, call);
    }

    /// Replaces unknown numbers of events by those found in the store.
    fn resolve_unknown(&mut self, found: &Self) {
        for (own, found) in self.waiting.iter_mut().zip(&found.waiting) {
            if own.id == UNKNOWN {
                own.id = found.id;
            }
        }
    }
}

impl Worker {
    /// Returns true if the store contains what this worker expects. Resolves unknown numbers.
    pub(crate) fn matches(&mut self, found: &Self) -> bool {
        // These two cannot be read from a store.
        (self.hours, self.last_delivery) = (found.hours, found.last_delivery.clone());
        for (own, found) in self.chats.iter_mut().zip(&found.chats) {
            own.resolve_unknown(found);
        }
        self == found
    }

    /// Returns the highest known number of an event.
    pub(crate) fn last_event(&self) -> u64 {
        let ids = self.chats.iter().flat_map(|chat| &chat.waiting);
        ids.map(|event| event.id).max().unwrap_or_default()
    }
}
