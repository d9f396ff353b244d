//! Counters for the operator's address and the log.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Serialize, Serializer};

/// What an operator should know about, counted from zero since the program started.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Attempts that failed.
    pub failed: Count,
    /// Events and calls that became dead letters.
    pub dead: Count,
    /// Messages that may have been sent already when they were about to be sent.
    pub uncertain: Count,
    /// Conversations that start again from the default, because their state could not be read.
    pub state_resets: Count,
    /// Turns that middleware ended before the bot got them.
    pub without_bot: Count,
    /// Events that could not be stored, and so were refused and lost.
    pub refused: Count,
    /// Events that were refused because they are not proven to be from a portal that the
    /// application is installed on.
    pub unproven: Count,
    /// Presses of buttons that did not count: forged, expired, for another person, or the second of
    /// a button that counts once.
    pub refused_presses: Count,
    /// Events that were completed without their handler, because the bot is paused in their chat.
    pub paused: Count,
    /// Times that another program, with a store of its own, was found to poll for a bot of this
    /// program.
    pub competing_polls: Count,
}

/// One counter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Returns the current value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds one.
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}
