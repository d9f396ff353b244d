//! What could not be done: dead letters, for an operator to look at, run again or drop.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Content, EventId, OrderingKey, QueuedCall, Time};

/// The number of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeadId(pub u64);

impl fmt::Display for DeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event that could not be handled, or a call that could not be made.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its number.
    pub id: DeadId,
    /// When it was given up.
    pub at: Time,
    /// The key that it comes from; for a call, its chat's.
    pub key: OrderingKey,
    /// What it is.
    pub what: DeadWhat,
    /// Why it was given up.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How the attempts before failed, oldest first. An attempt that ended the process left no word.
    pub history: Vec<Failure>,
    /// Whether its key waits until an operator decides about it.
    pub blocks: bool,
}

/// What a dead letter is.
#[derive(Clone, Debug)]
pub enum DeadWhat {
    /// An event.
    Event {
        /// Its number.
        id: EventId,
        /// When it came.
        at: Time,
        /// What it is.
        content: Content,
    },
    /// A call.
    Call(Arc<QueuedCall>),
}

/// One attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: Time,
    /// Why.
    pub error: String,
}
