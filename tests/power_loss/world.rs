//! What a store should hold: a witness that knows the contract and nothing of the engine.
//!
//! A hand is a task that does one step after another in chats of its own. So when the power fails, every step that it
//! told to have ended is in the store, and of the one that it had begun all or nothing.

use serde::{Deserialize, Serialize};

use crate::random::mix;

pub(crate) const HANDS: usize = 4;
pub(crate) const CHATS: usize = 3;

/// The number of an event that was not told.
pub(crate) const UNTOLD: u64 = u64::MAX;

/// All hands.
pub(crate) type World = Vec<Hand>;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hand {
    /// How many hours have passed for it.
    pub(crate) hours: u64,
    /// The last delivery.
    pub(crate) heard: Option<(Vec<usize>, Body)>,
    /// The number in the tokens of its portal.
    pub(crate) token: Option<u64>,
    pub(crate) chats: [Chat; CHATS],
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Chat {
    pub(crate) state: Option<State>,
    pub(crate) aside: usize,
    pub(crate) waiting: Vec<Event>,
    pub(crate) calls: Vec<Call>,
    /// The numbers of messages, by call.
    pub(crate) messages: Vec<(CallKey, u64)>,
    /// Reminders by number, and the hour when they are due.
    pub(crate) reminders: Vec<(CallKey, u64)>,
    pub(crate) dead: Vec<Dead>,
}

/// The number of a call or reminder.
pub(crate) type CallKey = (u64, u16);

/// What a chat remembers: how many turns it had, a chain over them in their order, and how much fills pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) turns: u64,
    pub(crate) chain: u64,
    pub(crate) fill: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) what: ChatEventKind,
    pub(crate) attempts: u32,
    pub(crate) failures: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ChatEventKind {
    Heard { body: Body, part: u16 },
    Reminder(CallKey),
}

/// A body by the number and the length that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) number: u64,
    pub(crate) length: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) what: Said,
    pub(crate) taken: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Said {
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
    /// The state after a turn.
    pub(crate) fn after(before: Option<&State>, event: u64, fill: usize) -> State {
        let (turns, chain) = before.map_or((0, 0), |state| (state.turns, state.chain));
        State {
            turns: turns + 1,
            chain: mix(chain ^ event),
            fill,
        }
    }
}

impl Chat {
    /// Puts an event to its place: by its number.
    pub(crate) fn wait(&mut self, id: u64, what: ChatEventKind) {
        let place = self.waiting.partition_point(|event| event.id <= id);
        let event = Event {
            id,
            what,
            attempts: 0,
            failures: 0,
        };
        self.waiting.insert(place, event);
    }

    pub(crate) fn queue(&mut self, call: Call) {
        let place = self.calls.partition_point(|other| other.key < call.key);
        self.calls.insert(place, call);
    }

    /// Takes the numbers that a store gave for those that were not told.
    fn learn(&mut self, found: &Chat) {
        for (own, found) in self.waiting.iter_mut().zip(&found.waiting) {
            if own.id == UNTOLD {
                own.id = found.id;
            }
        }
    }
}

impl Hand {
    /// Whether a store holds what this hand expects. Numbers that were not told are learnt.
    pub(crate) fn fits(&mut self, found: &Hand) -> bool {
        // The store has no clock, and does not tell what it has seen.
        (self.hours, self.heard) = (found.hours, found.heard.clone());
        for (own, found) in self.chats.iter_mut().zip(&found.chats) {
            own.learn(found);
        }
        self == found
    }

    /// The highest number of an event that this hand was told of.
    pub(crate) fn last_event(&self) -> u64 {
        let ids = self.chats.iter().flat_map(|chat| &chat.waiting);
        ids.map(|event| event.id).max().unwrap_or_default()
    }
}
