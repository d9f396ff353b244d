//! What the portal has closed for a while: a method that ran too long, or the whole of it.
//!
//! Page `limits.md`: the running time of each method is counted over ten minutes; who has used it up gets
//! `OPERATION_TIME_LIMIT` until the oldest minute is forgotten, which every answer tells beforehand
//! (`operating_reset_at`). A portal is closed when Bitrix24's support has stopped the application (`OVERLOAD_LIMIT`), when
//! the application may not act there any more, or when the portal is stopped or not paid for. Nobody calls while it is closed: callers get the portal's words back.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::portal::Error;
use crate::portal::http::answer::{Answer, Time};

/// For how long a method is closed of which nobody told when it opens: a minute is the portal's own step.
const RESET_DEFAULT: Duration = Duration::from_secs(60);
/// The longest that a method is closed: after ten minutes everything is forgotten.
const RESET_MAX: Duration = Duration::from_secs(10 * 60);
/// From this running time on it is remembered when a method's is forgotten, in seconds.
const OPERATING_NOTABLE: f64 = 30.0;
/// For how long a portal is closed that has stopped the application or dismissed it.
const CLOSED: Duration = Duration::from_secs(10 * 60);
/// The same for one that is stopped or not paid for: nobody tells us when that is mended.
const AWAY: Duration = Duration::from_secs(60);

/// What is closed, and until when.
#[derive(Debug, Default)]
pub(in crate::portal) struct Breaker {
    portal: Option<Closed>,
    methods: HashMap<String, Closed>,
    /// When the running time of busy methods is forgotten.
    resets: HashMap<String, Instant>,
    /// What was told of the portal, until a call passes.
    told: Option<Transition>,
}

/// What has become of a portal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::portal) enum Transition {
    /// It cannot be reached.
    Unreachable,
    /// It is closed from now on.
    Suspended,
    /// It takes calls again.
    Resumed,
}

#[derive(Debug)]
struct Closed {
    until: Instant,
    error: Error,
}

impl Breaker {
    /// The refusal that a call would get.
    ///
    /// Its [`retry_after`](Error::retry_after) tells when that ends.
    pub(in crate::portal) fn closed(&mut self, method: &str, now: Instant) -> Option<Error> {
        self.portal.take_if(|closed| closed.until <= now);
        if let Some(closed) = &self.portal {
            return Some(closed.error.until(method, closed.until - now));
        }
        let closed = self.methods.get(method)?;
        if closed.until <= now {
            self.methods.remove(method);
            return None;
        }
        Some(closed.error.until(method, closed.until - now))
    }

    /// Learns from what a portal answered. Tells if that is news of the portal itself.
    pub(in crate::portal) fn learn(
        &mut self,
        method: &str,
        answer: &Result<Answer, Error>,
        now: Instant,
    ) -> Option<Transition> {
        match answer {
            Ok(answer) => {
                self.note(method, answer.time, now);
                self.told.take().map(|_| Transition::Resumed)
            }
            Err(error) if error.is("OPERATION_TIME_LIMIT") => {
                let reset = self.resets.remove(method).filter(|at| *at > now);
                let told = error.retry_after().map(|after| now + after);
                let until = told.or(reset).unwrap_or(now + RESET_DEFAULT);
                let closed = Closed {
                    until: until.min(now + RESET_MAX),
                    error: error.clone(),
                };
                self.methods.insert(method.to_owned(), closed);
                None
            }
            Err(error) if error.is_away() => self.tell(Transition::Unreachable),
            Err(error) => {
                self.portal = Some(Closed {
                    until: now + closes(error)?,
                    error: error.clone(),
                });
                self.tell(Transition::Suspended)
            }
        }
    }

    /// A state of the portal, if it is not told yet.
    fn tell(&mut self, news: Transition) -> Option<Transition> {
        let before = self.told.replace(news);
        (before != Some(news)).then_some(news)
    }

    fn note(&mut self, method: &str, time: Time, now: Instant) {
        match time.reset_in {
            Some(reset_in) if time.operating >= OPERATING_NOTABLE => {
                self.resets.insert(method.to_owned(), now + reset_in);
            }
            _ => drop(self.resets.remove(method)),
        }
    }

    /// Opens what is closed: the application has new proof of itself.
    pub(in crate::portal) fn open(&mut self) {
        *self = Breaker::default();
    }
}

/// For how long a refusal is one of all calls. `INVALID_CREDENTIALS` may be one of a single method that the person may not
/// call.
fn closes(error: &Error) -> Option<Duration> {
    let is_dismissed = error.is_access_revoked() && !error.is("INVALID_CREDENTIALS");
    if error.is_portal_closed() {
        Some(AWAY)
    } else {
        (error.is_blocked() || is_dismissed).then_some(CLOSED)
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
    async fn a_method_out_of_time_is_closed_until_the_portal_forgets_and_others_are_not() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        breaker.learn("slow", &busy(419.0, 200), now);
        assert!(breaker.closed("slow", now).is_none());
        breaker.learn("slow", &refused("OPERATION_TIME_LIMIT"), now);
        breaker.learn("unknown", &refused("OPERATION_TIME_LIMIT"), now);
        for (method, seconds) in [("slow", 200), ("unknown", 60)] {
            let error = breaker.closed(method, now).unwrap();
            assert!(error.is_rate_limited() && error.was_not_run());
            assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
            let then = now + Duration::from_secs(seconds);
            assert!(breaker.closed(method, then).is_none(), "{method}");
        }
        assert!(breaker.closed("other", now).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_portal_that_has_stopped_the_application_is_not_called_for_a_while() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let news = breaker.learn("m", &refused("OVERLOAD_LIMIT"), now);
        assert_eq!(news, Some(Transition::Suspended));
        assert!(breaker.closed("other", now).unwrap().is_blocked());
        assert!(breaker.closed("other", now + CLOSED).is_none());
        let news = breaker.learn("m", &refused("PORTAL_DELETED"), now + CLOSED);
        assert_eq!(news, None, "told once");
        let later = now + CLOSED + AWAY;
        assert!(breaker.closed("other", later).is_none(), "asked again");
        assert_eq!(
            breaker.learn("m", &busy(0.0, 0), later),
            Some(Transition::Resumed)
        );
        breaker.learn("m", &refused("invalid_grant"), now);
        breaker.open();
        assert!(breaker.closed("m", now).is_none());
    }

    #[tokio::test]
    async fn a_portal_that_is_not_reached_is_told_at_the_first_try_and_when_it_is_back() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let nobody = reqwest::get("http://127.0.0.1:9/").await.unwrap_err(); // the port of discarding
        let away = Err(Error::unreachable("m", nobody));
        assert_eq!(
            breaker.learn("m", &away, now),
            Some(Transition::Unreachable)
        );
        assert_eq!(breaker.learn("m", &away, now), None, "told once");
        assert!(breaker.closed("m", now).is_none());
        assert_eq!(
            breaker.learn("m", &busy(0.0, 0), now),
            Some(Transition::Resumed)
        );
        assert_eq!(breaker.learn("m", &busy(0.0, 0), now), None);
    }
}
