//! How long to wait before a retry.

use std::time::Duration;

/// Number of attempts at an event before it becomes a dead letter. Default of `--attempts`.
pub const ATTEMPTS_MAX: u32 = 5;
/// Pause after the first failure. Each further pause is four times as long, up to [`PAUSE_MAX`].
pub const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause between two attempts.
pub const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// A pause longer than this is announced to the user, once per event.
pub const DELAY_ANNOUNCED_AFTER: Duration = Duration::from_secs(5);

/// Whether the pause after this many failures is the first that is announced.
pub(super) fn announces_delay(failures: u32) -> bool {
    let is_long = |failures: u32| step(failures) > DELAY_ANNOUNCED_AFTER;
    is_long(failures) && (failures <= 1 || !is_long(failures - 1))
}

/// Returns the longest pause after this many failures.
fn step(failures: u32) -> Duration {
    PAUSE_MIN
        .saturating_mul(4u32.saturating_pow(failures.saturating_sub(1)))
        .min(PAUSE_MAX)
}

/// Returns a part of `time` that depends on the id, so that what waited for one thing does not
/// start at one moment.
pub(super) fn spread(number: u64, time: Duration) -> Duration {
    time.mul_f64(fraction(number))
}

/// Returns a number between 0 and 1 that depends on the id.
fn fraction(number: u64) -> f64 {
    let hashed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32; // 2^64 divided by the golden ratio
    hashed as f64 / f64::from(u32::MAX)
}

/// Returns the pause after this many failures of the event or call with this id.
///
/// It is between three quarters of the step and the whole step, depending on the id: what failed
/// together is not retried together, and the pauses of one id are always the same.
pub(super) fn pause(number: u64, failures: u32) -> Duration {
    step(failures).mul_f64(1.0 - 0.25 * fraction(number))
}

#[cfg(test)]
mod tests {
    use crate::engine::retry::*;

    #[test]
    fn pauses_grow_up_to_their_maximum_and_differ_by_id() {
        for (failures, whole) in [
            (1, 1),
            (2, 4),
            (3, 16),
            (4, 64),
            (5, 256),
            (6, 300),
            (40, 300),
        ] {
            let whole = Duration::from_secs(whole);
            let pauses: Vec<Duration> = (0..50).map(|number| pause(number, failures)).collect();
            assert!(
                pauses
                    .iter()
                    .all(|pause| *pause <= whole && *pause >= whole.mul_f64(0.749))
            );
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }

    #[test]
    fn one_long_pause_is_announced() {
        let announced: Vec<u32> = (1..20)
            .filter(|failures| announces_delay(*failures))
            .collect();
        assert_eq!(announced, [3]);
    }
}
