//! Operating time: how long each method has run for each caller within ten minutes.
//!
//! Calls take no measurable time here, so only a test that adds some reaches the limit.

use std::collections::BTreeMap;

use crate::emulator::refusal::Refusal;

/// Seconds a method may run within the window.
const LIMIT_SECONDS: f64 = 420.0;

/// Seconds after which operating time is forgotten.
const WINDOW_SECONDS: i64 = 600;

/// Operating time by caller and method.
#[derive(Debug, Default)]
pub(crate) struct Operating(BTreeMap<(String, String), (f64, i64)>);

impl Operating {
    /// Adds seconds to a method.
    pub(crate) fn charge(&mut self, caller: &str, method: &str, seconds: f64, now: i64) {
        let (spent, reset) = self.spent(caller, method, now);
        self.0.insert(
            (caller.to_owned(), method.to_lowercase()),
            (spent + seconds, reset),
        );
    }

    /// Returns the seconds used and when they are forgotten: `operating` and `operating_reset_at`.
    pub(crate) fn spent(&self, caller: &str, method: &str, now: i64) -> (f64, i64) {
        let charged = self.0.get(&(caller.to_owned(), method.to_owned())).copied();
        charged
            .filter(|(_, reset)| *reset > now)
            .unwrap_or((0.0, now + WINDOW_SECONDS))
    }

    /// Refuses a method whose time is used up.
    pub(crate) fn check(&self, caller: &str, method: &str, now: i64) -> Result<(), Refusal> {
        let text = "Method is blocked due to operation time limit.";
        let refusal = || Refusal::new("OPERATION_TIME_LIMIT", text).status(429);
        if self.spent(caller, method, now).0 < LIMIT_SECONDS {
            Ok(())
        } else {
            Err(refusal())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::operating::*;

    #[test]
    fn a_method_without_operating_time_is_blocked_until_the_reset() {
        let mut operating = Operating::default();
        operating.charge("app", "imbot.message.add", 421.0, 0);
        assert_eq!(
            operating
                .check("app", "imbot.message.add", 599)
                .unwrap_err()
                .http_status(),
            429
        );
        assert!(operating.check("app", "profile", 599).is_ok());
        assert!(operating.check("app", "imbot.message.add", 600).is_ok());
    }
}
