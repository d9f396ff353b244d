//! The portal's rate limit, kept on our side: a leaky bucket per portal.
//!
//! Page `limits.md`: every request adds one; two leak out a second; above fifty the portal refuses with
//! `QUERY_LIMIT_EXCEEDED`. On the Enterprise plan it is five and two hundred and fifty, and a portal on a server of one's
//! own has no such limit. The portal counts by source address, so what others send from ours fills the bucket, too.

use std::time::Duration;

use tokio::time::Instant;

use super::Urgency;

/// How long nobody calls after the first refusal for a full bucket; every further one doubles it.
const HOLD_MIN: Duration = Duration::from_millis(500);
/// The longest that nobody calls after such refusals, or for what a `Retry-After` says.
const HOLD_MAX: Duration = Duration::from_secs(60);
/// The part of the bucket, one in so many, that bulk work leaves free for answers to people.
const BULK_LEAVES: u32 = 4;

/// The plan that portals are on, which decides how quickly they may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Plan {
    /// Two requests a second, fifty at once.
    #[default]
    Standard,
    /// Five requests a second, two hundred and fifty at once.
    Enterprise,
    /// No limit: the portal runs on a server of its owner.
    OnPremise,
}

impl Plan {
    /// How many requests we let into the bucket, and how long one takes to leak out.
    ///
    /// Two seconds' leak fewer than it holds: the portal drains it once a second and not evenly, and requests may arrive
    /// closer together than they were sent.
    fn bucket(self) -> Option<(u32, Duration)> {
        match self {
            Plan::Standard => Some((50 - 2 * 2, Duration::from_millis(500))),
            Plan::Enterprise => Some((250 - 2 * 5, Duration::from_millis(200))),
            Plan::OnPremise => None,
        }
    }
}

/// A leaky bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    plan: Plan,
    /// When the bucket will be empty.
    empty_at: Instant,
    /// Until when nobody calls, after a refusal.
    held_until: Instant,
    /// Refusals since a request passed.
    refusals: u32,
}

impl Bucket {
    /// The bucket of a portal on this plan, empty.
    pub(super) fn new(plan: Plan) -> Bucket {
        let now = Instant::now();
        Bucket {
            plan,
            empty_at: now,
            held_until: now,
            refusals: 0,
        }
    }

    /// When the portal takes one more request; a moment that is past means now.
    pub(super) fn ready_at(&self, urgency: Urgency) -> Instant {
        let Some((holds, leak)) = self.plan.bucket() else {
            return self.held_until;
        };
        let holds = match urgency {
            Urgency::Answer => holds,
            Urgency::Bulk => holds - holds / BULK_LEAVES,
        };
        let full = leak * (holds - 1);
        self.empty_at
            .checked_sub(full)
            .map_or(self.held_until, |at| at.max(self.held_until))
    }

    /// Counts a request.
    pub(super) fn take(&mut self, now: Instant) {
        if let Some((_, leak)) = self.plan.bucket() {
            self.empty_at = self.empty_at.max(now) + leak;
        }
    }

    /// A request that was counted is not made.
    pub(super) fn give_back(&mut self) {
        if let Some((_, leak)) = self.plan.bucket() {
            self.empty_at = self.empty_at.checked_sub(leak).unwrap_or(self.empty_at);
        }
    }

    /// A request has passed.
    pub(super) fn passed(&mut self) {
        self.refusals = 0;
    }

    /// The portal says that the bucket is full, whatever we counted: nobody calls for a while, longer each time.
    pub(super) fn refused(&mut self, now: Instant, retry_after: Option<Duration>) {
        if now < self.held_until {
            return; // of many that were under way together, one counts
        }
        let hold = HOLD_MIN * 2u32.saturating_pow(self.refusals.min(16));
        self.refusals += 1;
        self.held_until = now + retry_after.unwrap_or(hold).min(HOLD_MAX);
        if let Some((holds, leak)) = self.plan.bucket() {
            self.empty_at = self.empty_at.max(now + leak * holds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: Urgency = Urgency::Answer;

    /// How many requests pass at once.
    fn burst(bucket: &mut Bucket, urgency: Urgency, now: Instant) -> u32 {
        let mut passed = 0;
        while passed < 1_000 && bucket.ready_at(urgency) <= now {
            bucket.take(now);
            passed += 1;
        }
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_plans_pace() {
        for (plan, holds, leak) in [
            (Plan::Standard, 46, Duration::from_millis(500)),
            (Plan::Enterprise, 240, Duration::from_millis(200)),
        ] {
            let (mut bucket, start) = (Bucket::new(plan), Instant::now());
            assert_eq!(burst(&mut bucket, ANSWER, start), holds, "{plan:?}");
            for n in 1..=10 {
                assert_eq!(bucket.ready_at(ANSWER), start + leak * n, "{plan:?}");
                bucket.take(start + leak * n);
            }
        }
        let mut free = Bucket::new(Plan::OnPremise);
        assert_eq!(burst(&mut free, ANSWER, Instant::now()), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_leaves_a_part_of_the_bucket_for_answers() {
        let (mut bucket, now) = (Bucket::new(Plan::Standard), Instant::now());
        assert_eq!(burst(&mut bucket, Urgency::Bulk, now), 35);
        assert_eq!(burst(&mut bucket, ANSWER, now), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_others_filled_is_full_and_each_further_refusal_waits_longer() {
        let (mut bucket, mut now) = (Bucket::new(Plan::Standard), Instant::now());
        for seconds in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let hold = Duration::from_secs_f64(seconds);
            bucket.refused(now, None);
            bucket.refused(now, None); // one that was under way with it
            assert_eq!(bucket.ready_at(ANSWER), now + hold);
            now += hold;
        }
        bucket.passed();
        bucket.refused(now, None);
        assert_eq!(bucket.ready_at(ANSWER), now + HOLD_MIN);
        bucket.take(now + HOLD_MIN);
        bucket.give_back();
        assert_eq!(burst(&mut bucket, ANSWER, now + HOLD_MIN), 1);
        now += HOLD_MIN;
        bucket.refused(now, Some(Duration::from_secs(7)));
        assert_eq!(bucket.ready_at(ANSWER), now + Duration::from_secs(7));
    }
}
