//! What has happened since the program began, for `/health` and the log.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Serialize, Serializer};

/// Counters of what an operator wants to know of. They begin at nothing with the program.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Attempts that failed.
    pub failed: Count,
    /// Events and calls that rest among the dead letters.
    pub dead: Count,
    /// Messages that may have been sent already when they were about to be sent.
    pub doubts: Count,
    /// Conversations that began anew, since their state could not be read.
    pub anew: Count,
    /// Events that could be written down nowhere, and so were refused and lost.
    pub refused: Count,
    /// Times that another process was found to poll for a bot of ours.
    pub rivals: Count,
}

/// One counter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// What it counts to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}
