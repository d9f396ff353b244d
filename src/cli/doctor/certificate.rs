//! A certificate, as long as it is good: when it ends.

use std::time::Duration;

use super::check::{Check, span};
use crate::portal::Validity;
use crate::store::{Clock, Time};

/// So long before its end it is told, or when a quarter of its life is left, if that is less. Programs that renew
/// certificates do so before.
const LEFT_FEW: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The certificate of an address that was reached, and so is trusted.
pub(super) fn certificate(validity: Option<Validity>, fix: &str) -> Check {
    weigh(validity, fix, Clock::default().now())
}

fn weigh(validity: Option<Validity>, fix: &str, now: Time) -> Check {
    const NAME: &str = "certificate";
    let Some(Validity { from, until }) = validity else {
        return Check::ok(NAME, "this machine trusts it"); // there is a proxy between, say
    };
    let left = until.since(now);
    let detail = format!(
        "this machine trusts it; it ends in {}, at {until}",
        span(left)
    );
    match left <= LEFT_FEW.min(until.since(from) / 4) {
        true => Check::warning(NAME, detail, fix),
        false => Check::ok(NAME, detail),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::doctor::certificate::*;
    use crate::cli::doctor::check::CheckStatus;

    #[test]
    fn a_certificate_is_told_two_weeks_before_its_end_or_in_the_last_quarter_of_a_short_life() {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let from = Time(1_795_000_000_000);
        let status = |life: u32, day: u32| {
            let until = from + DAY * life;
            weigh(Some(Validity { from, until }), "renew it", from + DAY * day).status
        };
        for (life, day, expected) in [
            (90, 60, CheckStatus::Ok),
            (90, 75, CheckStatus::Ok),
            (90, 77, CheckStatus::Warning),
            (8, 5, CheckStatus::Ok),
            (8, 7, CheckStatus::Warning),
        ] {
            assert_eq!(status(life, day), expected, "day {day} of {life}");
        }
        assert_eq!(weigh(None, "", from).status, CheckStatus::Ok);
    }
}
