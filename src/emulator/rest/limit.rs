//! The limits that bite: the leaky bucket at the edge, and refusals a test has asked for.
//!
//! A real portal counts per source address; here everything comes from one desk and is counted together.

use std::collections::VecDeque;

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
    planned: VecDeque<Refusal>,
    /// Of how many calls the answer is still to be swallowed.
    swallowed: usize,
    pub(crate) traffic: Traffic,
}

impl Limits {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Limits {
            rate,
            level: 0.0,
            drained: Instant::now(),
            planned: VecDeque::new(),
            swallowed: 0,
            traffic: Traffic::default(),
        }
    }

    /// Plans to refuse the next calls in this way.
    pub(crate) fn refuse(&mut self, times: usize, refusal: &Refusal) {
        self.planned
            .extend(std::iter::repeat_n(refusal.clone(), times));
    }

    /// Plans to run the next calls and swallow their answers.
    pub(crate) fn swallow(&mut self, answers: usize) {
        self.swallowed += answers;
    }

    /// Whether the answer of a call that was run is swallowed.
    pub(crate) fn is_swallowed(&mut self) -> bool {
        let is_swallowed = self.swallowed > 0;
        self.swallowed -= usize::from(is_swallowed);
        is_swallowed
    }

    /// Lets a request in, or says why not.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Refusal> {
        self.traffic.requests += 1;
        if let Some(refusal) = self.planned.pop_front() {
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
            assert!(limits.admit(begin).is_ok());
        }
        assert_eq!(
            limits.admit(begin).unwrap_err().code(),
            "QUERY_LIMIT_EXCEEDED"
        );
        let later = begin + Duration::from_secs(1);
        assert!(limits.admit(later).is_ok() && limits.admit(later).is_ok());
        assert!(limits.admit(later).is_err());
        assert_eq!((limits.traffic.refused, limits.traffic.peak), (2, 50.0));
    }

    #[test]
    fn planned_refusals_come_first_and_end() {
        let mut limits = Limits::new(None);
        limits.refuse(2, &Refusal::new("OVERLOAD_LIMIT", "stop").status(503));
        let outcomes: Vec<bool> = (0..3)
            .map(|_| limits.admit(Instant::now()).is_ok())
            .collect();
        assert_eq!(outcomes, [false, false, true]);
    }
}
