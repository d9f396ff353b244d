//! The portal's clock: wall time that stops when a test pauses tokio's clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall time, measured on tokio's clock from the start of the portal.
#[derive(Clone, Debug, Copy)]
pub(crate) struct Clock {
    started_at: Timestamp,
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::start_at(Timestamp::now())
    }

    /// Returns a clock that shows this time now.
    pub(crate) fn start_at(started_at: Timestamp) -> Self {
        Clock {
            started_at,
            origin: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or_default();
        self.started_at
            .checked_add(elapsed)
            .unwrap_or(self.started_at)
    }

    /// Returns the time left until a moment in Unix milliseconds; zero if it has passed.
    pub(crate) fn until(&self, millis: i64) -> Duration {
        let left = u64::try_from(millis - self.millis()).unwrap_or(0);
        Duration::from_millis(left)
    }

    /// Returns Unix seconds, as in `ts` and `expires`.
    pub(crate) fn unix(&self) -> i64 {
        self.now().as_second()
    }

    /// Returns Unix milliseconds, as the web page reads them.
    pub(crate) fn millis(&self) -> i64 {
        self.now().as_millisecond()
    }
}

/// Returns a date as REST answers have it: `2026-11-23T18:58:08+00:00`.
pub(crate) fn iso(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// Returns a date as the portal writes it in a sentence: `02/26/2026 09:27:30`.
pub(crate) fn in_text(millis: i64) -> String {
    timestamp(millis).strftime("%m/%d/%Y %H:%M:%S").to_string()
}

/// Converts stored Unix milliseconds.
pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}
