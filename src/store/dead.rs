//! Dead letters: failed events and calls, which an operator can inspect, retry or drop.

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

/// An event that could not be handled, or a call that could not be sent.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The number of this dead letter.
    pub id: DeadId,
    /// The time when it became a dead letter.
    pub at: Time,
    /// The ordering key of the event, or of the call's chat.
    pub key: OrderingKey,
    /// The event or call.
    pub what: DeadWhat,
    /// The last error.
    pub error: String,
    /// The number of attempts.
    pub attempts: u32,
    /// The failures of earlier attempts, oldest first. An attempt that ended the process is
    /// missing.
    pub history: Vec<Failure>,
    /// Whether the queue of its key is blocked until an operator decides.
    pub blocks: bool,
}

/// The content of a dead letter.
#[derive(Clone, Debug)]
pub enum DeadWhat {
    /// An event.
    Event {
        /// The number of the event.
        id: EventId,
        /// The time of its arrival.
        at: Time,
        /// The content of the event.
        content: Content,
    },
    /// A call.
    Call(Arc<QueuedCall>),
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The time of the failure.
    pub at: Time,
    /// The error.
    pub error: String,
}
