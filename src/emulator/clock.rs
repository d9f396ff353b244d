//! The portal's clock: wall time that stands still when a test pauses tokio's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the time, counted on tokio's clock from the moment the portal was started.
#[derive(Clone, Debug, Copy)]
pub(crate) struct Clock {
    started_at: Timestamp,
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Clock {
            started_at: Timestamp::now(),
            origin: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or_default();
        self.started_at
            .checked_add(elapsed)
            .unwrap_or(self.started_at)
    }

    /// How long it is until a moment of this clock, in Unix milliseconds; nothing if it is over.
    pub(crate) fn until(&self, millis: i64) -> Duration {
        let left = u64::try_from(millis - self.millis()).unwrap_or(0);
        Duration::from_millis(left)
    }

    /// Unix seconds, as `ts` and `expires` carry them.
    pub(crate) fn unix(&self) -> i64 {
        self.now().as_second()
    }

    /// Unix milliseconds, as the web page reads them.
    pub(crate) fn millis(&self) -> i64 {
        self.now().as_millisecond()
    }
}

/// `2026-11-23T18:58:08+00:00`, as REST answers write dates.
pub(crate) fn iso(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `02/26/2026 09:27:30`, as the portal writes a date into a sentence.
pub(crate) fn in_text(millis: i64) -> String {
    timestamp(millis).strftime("%m/%d/%Y %H:%M:%S").to_string()
}

/// The moment a stored number of milliseconds names.
pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}
