//! A clock that goes on while the machine is suspended, where the system has one: a process that
//! was suspended must not trust a lease that has ended meanwhile. `std::time::Instant` stands still
//! on Linux then.

use std::time::Duration;

/// A moment on this machine's clock, as the time since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store::postgres) struct Instant(Duration);

impl Instant {
    /// The current moment.
    #[cfg(target_os = "linux")]
    pub(in crate::store::postgres) fn now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // The time since the start of the machine is not negative.
        Self(now.try_into().unwrap_or_default())
    }

    /// The current moment.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::store::postgres) fn now() -> Self {
        use std::sync::LazyLock;
        static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
        Self(START.elapsed())
    }

    /// The moment that is `time` later.
    pub(in crate::store::postgres) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// Returns the time from an earlier moment until this one. Zero if that is not earlier.
    pub(in crate::store::postgres) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
impl Instant {
    /// The moment of a test, in milliseconds.
    pub(super) fn at(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }
}
