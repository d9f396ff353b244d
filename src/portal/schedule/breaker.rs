//! The circuit breaker: stops calls that the portal would refuse for a while.
//!
//! Page `b24restdocs: limits.md`: the running time of each method is counted over ten minutes. A
//! method that has used it up gets `OPERATION_TIME_LIMIT` until the oldest minute is forgotten;
//! every answer announces that moment (`operating_reset_at`). The whole portal is blocked when
//! Bitrix24's support has stopped the application (`OVERLOAD_LIMIT`), when the application may not
//! act there any more, or when the portal is stopped or not paid for. While a block lasts no call
//! is made: callers get the portal's refusal again.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::portal::Error;
use crate::portal::http::answer::{Answer, Time};

/// How long a method stays blocked when the portal gives no reset time: one minute, the portal's
/// own step.
const RESET_DEFAULT: Duration = Duration::from_secs(60);
/// Maximum time a method stays blocked: after ten minutes the portal has forgotten everything.
const RESET_MAX: Duration = Duration::from_secs(10 * 60);
/// Running time from which the reset time of a method is stored, in seconds.
const OPERATING_NOTABLE: f64 = 30.0;
/// How long a portal stays blocked after it stopped or rejected the application.
const REJECTED_FOR: Duration = Duration::from_secs(10 * 60);
/// How long a portal stays blocked when it is stopped or not paid for, or when the person whose
/// rights are used is dismissed: it does not announce the end of that.
const STOPPED_FOR: Duration = Duration::from_secs(60);

/// Number of calls in a row without an answer after which a portal counts as away. A single
/// connection may be reset for a reason of its own.
const AWAY_AFTER: u32 = 3;
/// Pause between two tries of a portal that is away; each is twice as long as the one before.
const PROBE_MIN: Duration = Duration::from_secs(1);
/// Longest such pause, and so the longest time that a portal is back before a waiting chat calls
/// it.
pub const PROBE_MAX: Duration = Duration::from_secs(15);

/// The blocks of a portal and of its methods.
#[derive(Debug, Default)]
pub(in crate::portal) struct Breaker {
    /// Calls without an answer since the last answer.
    unanswered: u32,
    /// When a portal that is away may be tried next; `None` while it is not away.
    probe_at: Option<Instant>,
    /// Whether a caller tries it now.
    is_probed: bool,
    /// Tries of a portal that is away, without an answer.
    tries: u32,
    portal: Option<Block>,
    methods: HashMap<String, Block>,
    /// When the running time of busy methods is forgotten.
    resets: HashMap<String, Instant>,
    /// The last transition that was returned, until a call succeeds.
    reported: Option<Transition>,
}

/// A change of a portal's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::portal) enum Transition {
    /// It cannot be reached.
    Unreachable,
    /// It is blocked from now on.
    Suspended,
    /// It accepts calls again.
    Resumed,
}

#[derive(Debug)]
struct Block {
    until: Instant,
    error: Error,
}

impl Breaker {
    /// Returns the refusal that a call would get, or `None` if it may be made.
    ///
    /// [`retry_after`](Error::retry_after) of the refusal is the time that the block still lasts.
    pub(in crate::portal) fn refusal(&mut self, method: &str, now: Instant) -> Option<Error> {
        self.portal.take_if(|block| block.until <= now);
        if let Some(block) = &self.portal {
            return Some(block.error.with_retry_after(method, block.until - now));
        }
        let block = self.methods.get(method)?;
        if block.until <= now {
            self.methods.remove(method);
            return None;
        }
        Some(block.error.with_retry_after(method, block.until - now))
    }

    /// Records an answer. Returns the portal's transition, if the answer is one.
    pub(in crate::portal) fn record(
        &mut self,
        method: &str,
        answer: &Result<Answer, Error>,
        now: Instant,
    ) -> Option<Transition> {
        self.record_presence(answer, now);
        match answer {
            Ok(answer) => {
                self.record_time(method, answer.time, now);
                self.reported.take().map(|_| Transition::Resumed)
            }
            Err(error) if error.is("OPERATION_TIME_LIMIT") => {
                let known = self.resets.remove(method).filter(|at| *at > now);
                let announced = error.retry_after().map(|after| now + after);
                let until = announced.or(known).unwrap_or(now + RESET_DEFAULT);
                let block = Block {
                    until: until.min(now + RESET_MAX),
                    error: error.clone(),
                };
                self.methods.insert(method.to_owned(), block);
                None
            }
            Err(error) if error.is_unreachable() => self.report(Transition::Unreachable),
            Err(error) => {
                self.portal = Some(Block {
                    until: now + suspension(error)?,
                    error: error.clone(),
                });
                self.report(Transition::Suspended)
            }
        }
    }

    /// Records whether the portal answers.
    fn record_presence(&mut self, answer: &Result<Answer, Error>, now: Instant) {
        match answer {
            Err(error) if error.is_no_answer() => self.record_no_answer(now),
            Err(error) => {
                if let Some(time) = suspension(error) {
                    self.probe_at = Some(now + time);
                    self.is_probed = false;
                } else if error.is_answer() {
                    self.record_present();
                }
            }
            Ok(_) => self.record_present(),
        }
    }

    fn record_present(&mut self) {
        (self.unanswered, self.tries) = (0, 0);
        (self.probe_at, self.is_probed) = (None, false);
    }

    fn record_no_answer(&mut self, now: Instant) {
        self.unanswered = self.unanswered.saturating_add(1);
        let is_waited_for = self.probe_at.is_some_and(|at| at > now) && !self.is_probed;
        // Calls that were under way together fail together: that is one try.
        if self.unanswered < AWAY_AFTER || is_waited_for {
            return;
        }
        let pause = PROBE_MIN.saturating_mul(2u32.saturating_pow(self.tries));
        self.probe_at = Some(now + pause.min(PROBE_MAX));
        self.is_probed = false;
        self.tries = self.tries.saturating_add(1);
    }

    /// Returns true if the portal is away or blocked: one call at a time tries it, and the others
    /// wait.
    pub(in crate::portal) fn is_away(&self) -> bool {
        self.probe_at.is_some()
    }

    /// Returns when a caller that waits for the portal may try it: now, if the result is not in the
    /// future. Then the next one may try it after [`PROBE_MAX`], unless this one's outcome comes
    /// first.
    pub(in crate::portal) fn claim_probe(&mut self, now: Instant) -> Instant {
        let at = self.probe_at.unwrap_or(now);
        if self.is_away() && at <= now {
            self.probe_at = Some(now + PROBE_MAX);
            self.is_probed = true;
        }
        at
    }

    /// Returns the transition unless it is the last one returned.
    fn report(&mut self, transition: Transition) -> Option<Transition> {
        let before = self.reported.replace(transition);
        (before != Some(transition)).then_some(transition)
    }

    fn record_time(&mut self, method: &str, time: Time, now: Instant) {
        match time.reset_in {
            Some(reset_in) if time.operating >= OPERATING_NOTABLE => {
                self.resets.insert(method.to_owned(), now + reset_in);
            }
            _ => {
                self.resets.remove(method);
            }
        }
    }

    /// Removes all blocks: the application has new tokens.
    pub(in crate::portal) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Returns how long a refusal applies to all calls; `None` if it applies to one call only.
/// `INVALID_CREDENTIALS` may concern a single method that the user may not call.
pub(in crate::portal) fn suspension(error: &Error) -> Option<Duration> {
    let is_rejected = error.is_access_revoked() && !error.is("INVALID_CREDENTIALS");
    if error.is_portal_closed() || error.is_user_gone() {
        Some(STOPPED_FOR)
    } else {
        (error.is_blocked() || is_rejected).then_some(REJECTED_FOR)
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::schedule::breaker::*;

    fn refused(code: &str) -> Result<Answer, Error> {
        Err(Error::refused("m", code, "", 429, None))
    }

    fn busy(operating: f64, reset_in: u64) -> Result<Answer, Error> {
        let reset_in = Some(Duration::from_secs(reset_in));
        Ok(Answer {
            time: Time {
                operating,
                reset_in,
            },
            ..Answer::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_method_that_used_up_its_running_time_is_blocked_and_until_its_reset() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        breaker.record("slow", &busy(419.0, 200), now);
        assert!(breaker.refusal("slow", now).is_none());
        breaker.record("slow", &refused("OPERATION_TIME_LIMIT"), now);
        breaker.record("unknown", &refused("OPERATION_TIME_LIMIT"), now);
        for (method, seconds) in [("slow", 200), ("unknown", 60)] {
            let error = breaker.refusal(method, now).unwrap();
            assert!(error.is_rate_limited() && error.was_not_run());
            assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
            let then = now + Duration::from_secs(seconds);
            assert!(breaker.refusal(method, then).is_none(), "{method}");
        }
        assert!(breaker.refusal("other", now).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_portal_that_stopped_the_application_is_not_called_for_ten_minutes() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let transition = breaker.record("m", &refused("OVERLOAD_LIMIT"), now);
        assert_eq!(transition, Some(Transition::Suspended));
        assert!(breaker.refusal("other", now).unwrap().is_blocked());
        assert!(breaker.refusal("other", now + REJECTED_FOR).is_none());
        let transition = breaker.record("m", &refused("PORTAL_DELETED"), now + REJECTED_FOR);
        assert_eq!(transition, None, "reported once");
        let later = now + REJECTED_FOR + STOPPED_FOR;
        assert!(breaker.refusal("other", later).is_none(), "called again");
        assert_eq!(
            breaker.record("m", &busy(0.0, 0), later),
            Some(Transition::Resumed)
        );
        breaker.record("m", &refused("invalid_grant"), now);
        breaker.reset();
        assert!(breaker.refusal("m", now).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_portal_that_is_away_is_tried_by_one_caller_at_a_time_with_growing_pauses() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        let lost = || Err(Error::not_json("m", 502, "<html>".to_owned()));
        breaker.record("m", &lost(), now);
        breaker.record("m", &busy(0.0, 0), now);
        for _ in 0..2 {
            breaker.record("m", &lost(), now);
        }
        assert!(!breaker.is_away(), "a connection may be lost now and then");
        for _ in 0..50 {
            breaker.record("m", &lost(), now); // these were under way together
        }
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert!(breaker.is_away());
            let at = breaker.claim_probe(now);
            pauses.push((at - now).as_secs());
            now = at;
            assert_eq!(breaker.claim_probe(now), now, "this caller tries it");
            assert_eq!(breaker.claim_probe(now), now + PROBE_MAX, "others wait");
            breaker.record("m", &lost(), now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 15, 15]);
        breaker.record("m", &refused("ACCESS_DENIED"), now);
        assert!(!breaker.is_away(), "a refusal is an answer");
    }

    #[tokio::test]
    async fn an_unreachable_portal_is_reported_once_and_again_when_it_is_back() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let refused_connection = reqwest::get("http://127.0.0.1:9/").await.unwrap_err(); // the discard port
        let unreachable = Err(Error::unreachable("m", refused_connection));
        assert_eq!(
            breaker.record("m", &unreachable, now),
            Some(Transition::Unreachable)
        );
        assert_eq!(
            breaker.record("m", &unreachable, now),
            None,
            "reported once"
        );
        assert!(breaker.refusal("m", now).is_none());
        assert_eq!(
            breaker.record("m", &busy(0.0, 0), now),
            Some(Transition::Resumed)
        );
        assert_eq!(breaker.record("m", &busy(0.0, 0), now), None);
    }
}
