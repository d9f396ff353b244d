//! The rate limit of REST calls: a leaky bucket.
//!
//! A real portal counts per source address. Here all calls are counted together, unless the other
//! reading of the documentation is selected.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::emulator::refusal::Refusal;

/// The leaky bucket of a tariff.
#[derive(Clone, Debug, Copy, PartialEq)]
pub struct Rate {
    /// Requests that leave the bucket each second.
    pub per_second: f64,
    /// Requests the bucket holds; the next is refused.
    pub burst: f64,
}

impl Rate {
    /// All tariffs but one: 2 per second, 50 at once.
    pub const STANDARD: Rate = Rate {
        per_second: 2.0,
        burst: 50.0,
    };
    /// The Enterprise tariff: 5 per second, 250 at once.
    pub const ENTERPRISE: Rate = Rate {
        per_second: 5.0,
        burst: 250.0,
    };
}

/// How the limit is counted and reported; the documentation describes two ways.
#[derive(Clone, Debug, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counting {
    /// All calls from one address are counted together and refused with 503
    /// (`b24restdocs: limits.md`).
    #[default]
    Together,
    /// Each application and each webhook is counted separately, and methods of v2 are refused with
    /// 429 (`b24restdocs: api-reference/chat-bots/chat-bots-v2/index.md`).
    ByApplication,
}

/// Numbers of requests that were accepted and refused.
#[derive(Clone, Debug, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct RateCounts {
    /// Requests received.
    pub requests: u64,
    /// Requests answered with `QUERY_LIMIT_EXCEEDED` because the bucket was full.
    pub refused: u64,
    /// The highest level of a bucket.
    pub peak: f64,
}

/// The rate limit in front of the REST interface.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: Option<Rate>,
    counting: Counting,
    /// Level of each bucket and the time it was computed; unknown callers share one bucket.
    buckets: HashMap<String, (f64, Instant)>,
    pub(crate) counts: RateCounts,
}

impl Limits {
    pub(crate) fn new(rate: Option<Rate>, counting: Counting) -> Self {
        Limits {
            rate,
            counting,
            buckets: HashMap::new(),
            counts: RateCounts::default(),
        }
    }

    /// Accepts or refuses a request. A planned refusal comes first and does not fill the bucket.
    ///
    /// `caller` is the caller, if known, and `method` the called method.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        planned: Option<Refusal>,
        caller: Option<String>,
        method: &str,
    ) -> Result<(), Refusal> {
        self.counts.requests += 1;
        if let Some(refusal) = planned {
            return Err(refusal);
        }
        let Some(rate) = self.rate else { return Ok(()) };
        let (key, status) = match self.counting {
            Counting::Together => (String::new(), 503),
            Counting::ByApplication => {
                let is_second = method.contains(".v2.");
                (
                    caller.unwrap_or_default(),
                    if is_second { 429 } else { 503 },
                )
            }
        };
        let (level, drained) = self.buckets.entry(key).or_insert((0.0, now));
        let passed = now.saturating_duration_since(*drained).as_secs_f64();
        *level = (*level - passed * rate.per_second).max(0.0);
        *drained = now;
        if *level >= rate.burst {
            self.counts.refused += 1;
            let refusal = Refusal::new("QUERY_LIMIT_EXCEEDED", "Too many requests");
            return Err(refusal.status(status));
        }
        *level += 1.0;
        self.counts.peak = self.counts.peak.max(*level);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::limit::*;
    use std::time::Duration;

    fn status(limits: &mut Limits, now: Instant, caller: &str, method: &str) -> u16 {
        let admitted = limits.admit(now, None, Some(caller.to_owned()), method);
        admitted.map_or_else(|refusal| refusal.http_status(), |()| 200)
    }

    #[test]
    fn the_bucket_holds_fifty_and_drains_two_a_second() {
        let mut limits = Limits::new(Some(Rate::STANDARD), Counting::Together);
        let begin = Instant::now();
        for caller in 0..50 {
            assert_eq!(
                status(&mut limits, begin, &caller.to_string(), "profile"),
                200
            );
        }
        let refused = limits.admit(begin, None, None, "profile").unwrap_err();
        assert_eq!(refused.code(), "QUERY_LIMIT_EXCEEDED");
        let later = begin + Duration::from_secs(1);
        let calls = [(); 3].map(|()| status(&mut limits, later, "a", "imbot.v2.bot.list"));
        assert_eq!(calls, [200, 200, 503]);
        assert_eq!((limits.counts.refused, limits.counts.peak), (2, 50.0));
    }

    #[test]
    fn counted_by_application_each_has_a_bucket_and_v2_gets_429() {
        let mut limits = Limits::new(Some(Rate::STANDARD), Counting::ByApplication);
        let now = Instant::now();
        for _ in 0..50 {
            assert_eq!(status(&mut limits, now, "a", "profile"), 200);
        }
        assert_eq!(status(&mut limits, now, "a", "imbot.v2.event.get"), 429);
        assert_eq!(status(&mut limits, now, "a", "profile"), 503);
        assert_eq!(status(&mut limits, now, "b", "imbot.v2.event.get"), 200);
    }

    #[test]
    fn a_planned_refusal_comes_first_and_does_not_fill_the_bucket() {
        let mut limits = Limits::new(Some(Rate::STANDARD), Counting::Together);
        let refusal = Refusal::new("OVERLOAD_LIMIT", "stop");
        let refused = limits.admit(Instant::now(), Some(refusal.clone()), None, "profile");
        assert_eq!(refused, Err(refusal));
        assert_eq!((limits.counts.requests, limits.counts.peak), (1, 0.0));
    }
}
