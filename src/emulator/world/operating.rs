//! Operating time: how long each method has run for each caller within ten minutes.
//!
//! Calls here take no time worth counting, so only a test that charges some ever meets the limit.

use std::collections::BTreeMap;

use crate::emulator::refusal::Refusal;

/// Seconds a method may run within the window.
const LIMIT_SECONDS: f64 = 420.0;

/// After this many seconds a charge is forgotten.
const WINDOW_SECONDS: i64 = 600;

/// What was charged, by caller and method.
#[derive(Debug, Default)]
pub(crate) struct Operating(BTreeMap<(String, String), (f64, i64)>);

impl Operating {
    /// Charges a method with seconds it did not take.
    pub(crate) fn charge(&mut self, caller: &str, method: &str, seconds: f64, now: i64) {
        let (spent, reset) = self.spent(caller, method, now);
        self.0.insert(
            (caller.to_owned(), method.to_lowercase()),
            (spent + seconds, reset),
        );
    }

    /// The seconds spent and the moment they are forgotten: `operating` and `operating_reset_at`.
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
    fn a_method_whose_time_is_used_up_rests_until_the_reset() {
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
