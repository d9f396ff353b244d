//! The limit that bites: the leaky bucket at the edge.
//!
//! A real portal counts per source address; here everything comes from one desk and is counted together, unless the
//! other reading of the documentation is asked for.

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

/// How the limit is counted and told; the documentation has it in two ways.
#[derive(Clone, Debug, Copy, Default, PartialEq, Eq)]
pub enum Counting {
    /// All that comes from one address is counted together and refused with 503 (limits.md).
    #[default]
    Together,
    /// Each application and each webhook is counted by itself, and methods of version 2 of the bot platform are refused
    /// with 429 (chat-bots-v2/index.md).
    ByApplication,
}

/// What the edge has let through and what it has refused.
#[derive(Clone, Debug, Copy, Default, PartialEq)]
pub struct RateCounts {
    /// Requests that came.
    pub requests: u64,
    /// Those answered `QUERY_LIMIT_EXCEEDED` because the bucket was full.
    pub refused: u64,
    /// The highest a bucket has stood.
    pub peak: f64,
}

/// The edge in front of the REST interface.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: Option<Rate>,
    counting: Counting,
    /// How full each bucket was, and when; of who is unknown there is one for all.
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

    /// Lets a request in, or says why not; a refusal that was planned comes first and does not fill the bucket.
    ///
    /// `caller` is who calls, if that is known, and `method` what.
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
    fn by_application_one_does_not_fill_the_bucket_of_another_and_version_2_says_429() {
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
