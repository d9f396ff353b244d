//! The limit that bites: the leaky bucket at the edge.
//!
//! A real portal counts per source address; here everything comes from one desk and is counted together.

use tokio::time::Instant;

use crate::emulator::refusal::Refusal;

/// The leaky bucket of a tariff.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// What the edge has let through and what it has refused.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// Requests that came.
    pub requests: u64,
    /// Those answered `QUERY_LIMIT_EXCEEDED` because the bucket was full.
    pub refused: u64,
    /// The highest the bucket has stood.
    pub peak: f64,
}

/// The edge in front of the REST interface.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: Option<Rate>,
    level: f64,
    drained: Instant,
    pub(crate) traffic: Traffic,
}

impl Limits {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Limits {
            rate,
            level: 0.0,
            drained: Instant::now(),
            traffic: Traffic::default(),
        }
    }

    /// Lets a request in, or says why not; a refusal that was planned comes first and does not fill the bucket.
    pub(crate) fn admit(&mut self, now: Instant, planned: Option<Refusal>) -> Result<(), Refusal> {
        self.traffic.requests += 1;
        if let Some(refusal) = planned {
            return Err(refusal);
        }
        let Some(rate) = self.rate else { return Ok(()) };
        let passed = now.saturating_duration_since(self.drained).as_secs_f64();
        self.level = (self.level - passed * rate.per_second).max(0.0);
        self.drained = now;
        if self.level >= rate.burst {
            self.traffic.refused += 1;
            return Err(Refusal::new("QUERY_LIMIT_EXCEEDED", "Too many requests").status(503));
        }
        self.level += 1.0;
        self.traffic.peak = self.traffic.peak.max(self.level);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_bucket_holds_fifty_and_drains_two_a_second() {
        let mut limits = Limits::new(Some(Rate::STANDARD));
        let begin = Instant::now();
        for _ in 0..50 {
            assert!(limits.admit(begin, None).is_ok());
        }
        assert_eq!(
            limits.admit(begin, None).unwrap_err().code(),
            "QUERY_LIMIT_EXCEEDED"
        );
        let later = begin + Duration::from_secs(1);
        assert!(limits.admit(later, None).is_ok() && limits.admit(later, None).is_ok());
        assert!(limits.admit(later, None).is_err());
        assert_eq!((limits.traffic.refused, limits.traffic.peak), (2, 50.0));
    }

    #[test]
    fn a_planned_refusal_comes_first_and_does_not_fill_the_bucket() {
        let mut limits = Limits::new(Some(Rate::STANDARD));
        let refusal = Refusal::new("OVERLOAD_LIMIT", "stop");
        let refused = limits.admit(Instant::now(), Some(refusal.clone()));
        assert_eq!(refused, Err(refusal));
        assert_eq!((limits.traffic.requests, limits.traffic.peak), (1, 0.0));
    }
}
