//! Removes what is too old from the store, and renews tokens before they are.
//!
//! Ages are measured by the system's clock, which may be wrong, for example at the start of a
//! machine. If it is ahead, everything looks old: the keys by which repeats are recognised, dead
//! letters, conversations. So what is stored ages at most a day in an hour in which the program
//! runs, counted from the last event that was stored.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::Engine;
use crate::store::Time;

/// Interval at which the store removes what is too old.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// How many times as fast as time passes stored data ages at most: a day in an hour.
const AGEING_MAX: u32 = 24;

/// The time by which ages are measured: that of the system's clock, unless it is too far ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    time: Time,
    /// When `time` was determined, on a clock that does not jump.
    at: Instant,
}

impl Ages {
    /// Begins with the time of the last event, which an earlier process may have stored.
    pub(super) fn new(clock: Time, last_event: Option<Time>, at: Instant) -> Self {
        let time = last_event.map_or(clock, |last| last.min(clock));
        Self { time, at }
    }

    /// Returns the time by which ages are measured now.
    fn measure(&mut self, clock: Time, now: Instant) -> Time {
        let latest = self.time + (now - self.at) * AGEING_MAX;
        *self = Self {
            time: clock.min(latest),
            at: now,
        };
        self.time
    }
}

/// Sweeps the store every ten minutes.
pub(super) async fn sweep(engine: Weak<Engine>, mut ages: Ages) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(engine) = engine.upgrade() else {
            return;
        };
        let (clock, limits) = (engine.options.clock.now(), engine.options.limits);
        let now = ages.measure(clock, Instant::now());
        match engine.options.store.sweep(now, limits).await {
            Ok(swept) => tracing::debug!(?swept, "swept"),
            Err(error) => tracing::error!(%error, "the store cannot be swept"),
        }
        let own = async {
            engine.sweep_pauses(clock).await?;
            engine.sweep_broadcasts(now).await
        };
        if let Err(error) = own.await {
            tracing::error!(%error, "old broadcasts and pauses cannot be removed now; retrying");
        }
        for portal in engine.registry.portals() {
            if engine.works_on(portal.id()) {
                portal.renew_old_tokens(clock).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::background::sweep::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn stored_data_ages_as_the_clock_says_but_at_most_a_day_in_an_hour() {
        let (last_event, mut now) = (Time(1_771_940_028_000), Instant::now());
        let mut ages = Ages::new(last_event + 30 * DAY, Some(last_event), now);
        let mut after = |clock: Time| {
            now += HOUR;
            ages.measure(clock, now)
        };
        for hours in 1..=30 {
            let ahead = last_event + 30 * DAY + HOUR * hours;
            assert_eq!(after(ahead), last_event + DAY * hours, "catches up");
        }
        let set_back = last_event + 2 * DAY;
        assert_eq!(after(set_back), set_back);
        assert_eq!(after(set_back + HOUR), set_back + HOUR);
        assert_eq!(after(set_back + 40 * DAY), set_back + HOUR + DAY);
    }

    #[test]
    fn ages_in_a_store_without_events_are_those_of_the_clock() {
        let (clock, now) = (Time(1_771_940_028_000), Instant::now());
        assert_eq!(Ages::new(clock, None, now).measure(clock, now), clock);
        let late = Ages::new(clock, Some(clock + DAY), now).measure(clock, now);
        assert_eq!(
            late, clock,
            "the last event may be from a clock that was ahead"
        );
    }
}
