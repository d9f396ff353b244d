//! Checks when a valid certificate expires.

use std::time::Duration;

use super::check::{Check, span};
use crate::portal::Validity;
use crate::store::{Clock, Time};

/// Remaining validity from which on to warn, unless a quarter of the whole validity is less.
/// Programs that renew certificates do so earlier.
const EXPIRY_WARNING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Checks the certificate of an address that was reached, so it is trusted.
pub(super) fn certificate(validity: Option<Validity>, fix: &str) -> Check {
    certificate_at(validity, fix, Clock::default().now())
}

fn certificate_at(validity: Option<Validity>, fix: &str, now: Time) -> Check {
    const NAME: &str = "certificate";
    let Some(Validity { from, until }) = validity else {
        return Check::ok(NAME, "this machine trusts it"); // for example behind a proxy
    };
    let left = until.since(now);
    let detail = format!(
        "this machine trusts it; it expires in {}, at {until}",
        span(left)
    );
    if left <= EXPIRY_WARNING.min(until.since(from) / 4) {
        Check::warning(NAME, detail, fix)
    } else {
        Check::ok(NAME, detail)
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::doctor::certificate::*;
    use crate::cli::doctor::check::CheckStatus;

    #[test]
    fn a_warning_begins_two_weeks_before_the_expiry_or_in_the_last_quarter_of_a_short_validity() {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let from = Time(1_795_000_000_000);
        let status = |life: u32, day: u32| {
            let until = from + DAY * life;
            certificate_at(Some(Validity { from, until }), "renew it", from + DAY * day).status
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
        assert_eq!(certificate_at(None, "", from).status, CheckStatus::Ok);
    }
}
