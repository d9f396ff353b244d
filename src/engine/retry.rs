//! How long to wait before something is tried again.

use std::time::Duration;

/// How often an event is tried before it rests among the dead letters. Default of `--attempts`.
pub const ATTEMPTS_MAX: u32 = 5;
/// The pause after the first failure; every further one is four times as long, up to [`PAUSE_MAX`].
pub const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
pub const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// The pause after so many failures of the event or call of this number.
///
/// It is between three quarters and all of the step, by the number: those who failed together do not come back together,
/// and the same life of the program has the same pauses.
pub(super) fn pause(number: u64, failures: u32) -> Duration {
    let step = PAUSE_MIN
        .saturating_mul(4u32.saturating_pow(failures.saturating_sub(1)))
        .min(PAUSE_MAX);
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32; // 2^64 divided by the golden ratio
    step.mul_f64(1.0 - 0.25 * spread as f64 / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use crate::engine::retry::*;

    #[test]
    fn pauses_grow_up_to_their_bound_and_differ() {
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
}
