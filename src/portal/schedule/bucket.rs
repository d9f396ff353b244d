//! The portal's rate limit, kept on our side: a leaky bucket per portal.
//!
//! Page `b24restdocs: limits.md`: every request adds one; two leak out per second; above fifty the
//! portal refuses with `QUERY_LIMIT_EXCEEDED`. On the Enterprise plan the numbers are five and two
//! hundred and fifty, and a portal on its owner's server has no such limit. The portal counts by
//! source address, so calls of other programs from our address fill the bucket, too.
//!
//! All processes on one store share the bucket (for example `doctor` next to the running bots). A
//! request leaks out during a certain part of the portal's time, and a process books such parts in
//! the store beforehand ([`Booking`]), a few at once. Two rules keep the limit:
//!
//! - No two requests have the same part of the time, since the store gives out each part once.
//! - A request is made while its part is ahead, and at most as far ahead as the bucket is deep.
//!
//! So each request that was sent and has not leaked out has its part between now and the depth of
//! the bucket, and there are no more such parts than the bucket holds. This holds at every moment,
//! whichever processes start or stop: a process that starts finds booked what the others may send;
//! the parts of one that dies pass unused; a single process has all of it. Nothing has to be
//! renewed and no processes are counted. At a full bucket processes alternate, because they book in
//! turn; bulk work of one leaves room for the answers of all.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::portal::Urgency;
use crate::store::{Booking, Time};

/// How long no call is made after the first refusal for a full bucket; every further refusal
/// doubles it.
const HOLD_MIN: Duration = Duration::from_millis(500);
/// Maximum time without calls after such refusals, also if `Retry-After` says more.
const HOLD_MAX: Duration = Duration::from_secs(60);
/// Bulk work leaves one part in this many of the bucket free for answers to people.
const BULK_RESERVE: u32 = 4;
/// Visitors leave one part in this many of the bucket free for portal users.
const VISITOR_RESERVE: u32 = 8;
/// Maximum number of requests booked at once while the bucket has room. Unused bookings are lost.
const BOOKING_MAX: u32 = 8;

/// The plan of a portal, which decides how fast it may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// Two requests per second, fifty at once.
    #[default]
    Standard,
    /// Five requests per second, two hundred and fifty at once.
    Enterprise,
    /// No limit: the portal runs on its owner's server.
    OnPremise,
}

impl Plan {
    /// Returns how many requests we let into the bucket, and how long one takes to leak out.
    ///
    /// Two seconds' leak less than it holds: the portal drains it once per second and not evenly,
    /// and requests may arrive closer together than they were sent.
    fn bucket(self) -> Option<(u32, Duration)> {
        match self {
            Plan::Standard => Some((50 - 2 * 2, Duration::from_millis(500))),
            Plan::Enterprise => Some((250 - 2 * 5, Duration::from_millis(200))),
            Plan::OnPremise => None,
        }
    }
}

/// This process's view of the leaky bucket.
#[derive(Debug)]
pub(in crate::portal) struct Bucket {
    plan: Plan,
    /// The part of the portal's time that is booked and not used; the next request takes its
    /// beginning.
    booked: Range<Instant>,
    /// No call is made before this, after a refusal.
    held_until: Instant,
    /// Refusals since the last success.
    refusals: u32,
}

impl Bucket {
    /// An empty bucket for this plan.
    pub(in crate::portal) fn new(plan: Plan) -> Bucket {
        let now = Instant::now();
        Bucket {
            plan,
            booked: now..now,
            held_until: now,
            refusals: 0,
        }
    }

    /// Returns when the portal accepts one more request, as far as known; a moment in the past
    /// means now.
    pub(in crate::portal) fn ready_at(&self, urgency: Urgency) -> Instant {
        let Some((holds, leak)) = self.plan.bucket() else {
            return self.held_until;
        };
        let holds = match urgency {
            Urgency::Answer => holds,
            Urgency::Visitor => holds - holds / VISITOR_RESERVE,
            Urgency::Bulk => holds - holds / BULK_RESERVE,
        };
        let full = leak * (holds - 1);
        let at = self.booked.start.checked_sub(full);
        at.map_or(self.held_until, |at| at.max(self.held_until))
    }

    /// Whether the time of one more request is booked. Without it no request may be made.
    pub(in crate::portal) fn has_booked(&self, now: Instant) -> bool {
        let leak = self.plan.bucket().map(|(_, leak)| leak);
        leak.is_none_or(|leak| self.booked.start.max(now) + leak <= self.booked.end)
    }

    /// Returns what to book for the next requests. `now` and `time` are the same moment, on the
    /// clock of this process and on the clock that all processes share.
    pub(in crate::portal) fn booking(&self, now: Instant, time: Time) -> Option<Booking> {
        let (holds, leak) = self.plan.bucket()?;
        Some(Booking {
            from: time + self.booked.end.saturating_duration_since(now),
            each: leak,
            most: BOOKING_MAX,
            by: time + leak * holds,
        })
    }

    /// Stores what is booked.
    pub(in crate::portal) fn book(&mut self, booked: &Range<Time>, now: Instant, time: Time) {
        let at = |moment: Time| now + moment.since(time);
        self.booked = at(booked.start)..at(booked.end);
    }

    /// Counts a request.
    pub(in crate::portal) fn take(&mut self, now: Instant) {
        if let Some((_, leak)) = self.plan.bucket() {
            self.booked.start = self.booked.start.max(now) + leak;
        }
    }

    /// Takes back the request that was counted last: it is not made.
    pub(in crate::portal) fn give_back(&mut self) {
        if let Some((_, leak)) = self.plan.bucket() {
            self.booked.start -= leak;
        }
    }

    /// Resets the count of refusals: a request succeeded.
    pub(in crate::portal) fn on_success(&mut self) {
        self.refusals = 0;
    }

    /// Stops calls for a while, longer each time: the portal's bucket is full, whatever was counted
    /// here.
    pub(in crate::portal) fn on_refusal(&mut self, now: Instant, retry_after: Option<Duration>) {
        if now < self.held_until {
            return; // of several requests in flight, only the first refusal counts
        }
        let hold = HOLD_MIN * 2u32.saturating_pow(self.refusals.min(16));
        self.refusals += 1;
        self.held_until = now + retry_after.unwrap_or(hold).min(HOLD_MAX);
        if let Some((holds, leak)) = self.plan.bucket() {
            let end = self.booked.end.max(now + leak * holds);
            self.booked = end..end;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::portal::schedule::bucket::*;

    const ANSWER: Urgency = Urgency::Answer;

    /// The moment until which the portal's time is booked, in a store that these buckets share.
    #[derive(Default)]
    struct Shared(Time);

    impl Shared {
        fn book(&mut self, bucket: &mut Bucket, start: Instant, now: Instant) {
            let time = Time(1_795_000_000_000) + (now - start);
            let Some(booking) = bucket.booking(now, time) else {
                return;
            };
            let booked = booking.after(self.0);
            self.0 = booked.end;
            bucket.book(&booked, now, time);
        }
    }

    /// Makes a request if one may be made, and returns whether it was.
    fn pass(bucket: &mut Bucket, shared: &mut Shared, start: Instant, now: Instant) -> bool {
        if bucket.ready_at(ANSWER) <= now && !bucket.has_booked(now) {
            shared.book(bucket, start, now);
        }
        let passes = bucket.ready_at(ANSWER) <= now && bucket.has_booked(now);
        if passes {
            bucket.take(now);
        }
        passes
    }

    /// Returns how many requests may be made at once.
    fn burst(bucket: &mut Bucket, urgency: Urgency, now: Instant) -> u32 {
        let (mut passed, mut alone) = (0, Shared::default());
        while passed < 1_000 && bucket.ready_at(urgency) <= now {
            if bucket.has_booked(now) {
                bucket.take(now);
                passed += 1;
            } else {
                alone.book(bucket, now, now);
            }
        }
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_later_requests_at_the_rate_of_the_plan() {
        for (plan, holds, leak) in [
            (Plan::Standard, 46, Duration::from_millis(500)),
            (Plan::Enterprise, 240, Duration::from_millis(200)),
        ] {
            let (mut bucket, start) = (Bucket::new(plan), Instant::now());
            assert_eq!(burst(&mut bucket, ANSWER, start), holds, "{plan:?}");
            for n in 1..=10 {
                assert_eq!(bucket.ready_at(ANSWER), start + leak * n, "{plan:?}");
                assert_eq!(burst(&mut bucket, ANSWER, start + leak * n), 1, "{plan:?}");
            }
        }
        let mut free = Bucket::new(Plan::OnPremise);
        assert_eq!(burst(&mut free, ANSWER, Instant::now()), 1_000);
    }

    /// Three processes start, call as much as they may, and stop without notice, at pseudorandom
    /// moments; the portal's bucket is counted as documented.
    #[tokio::test(start_paused = true)]
    async fn processes_that_start_and_stop_never_exceed_the_limit_together_and_waste_little() {
        const STEP: Duration = Duration::from_millis(50);
        let (holds, leak) = Plan::Standard.bucket().unwrap();
        let (start, mut shared) = (Instant::now(), Shared::default());
        let mut processes: [Option<Bucket>; 3] = [const { None }; 3];
        let (mut level, mut sent, mut random) = (0.0_f64, [0_u32; 3], 7_u32);
        for step in 0..12_000 {
            let now = start + STEP * step;
            level = (level - STEP.as_secs_f64() / leak.as_secs_f64()).max(0.0);
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let which = (random >> 16) as usize % 3;
            match random >> 24 {
                0..4 => processes[which] = Some(Bucket::new(Plan::Standard)),
                4..8 => processes[which] = None, // with its unused bookings
                _ => {}
            }
            for (number, bucket) in processes.iter_mut().enumerate() {
                let Some(bucket) = bucket else { continue };
                while pass(bucket, &mut shared, start, now) {
                    level += 1.0;
                    sent[number] += 1;
                }
            }
            assert!(level <= f64::from(holds) + 1e-6, "{level} at {step}");
        }
        let all: u32 = sent.iter().sum();
        assert!(sent.iter().all(|own| *own > all / 6), "{sent:?}");
        assert!(all > 1_000, "{all} in ten minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn two_processes_share_a_full_bucket_evenly_and_a_single_one_has_all_of_it() {
        let (start, mut shared) = (Instant::now(), Shared::default());
        let mut both = [Plan::Standard, Plan::Standard].map(Bucket::new);
        while both
            .iter_mut()
            .any(|own| pass(own, &mut shared, start, start))
        {}
        let mut seconds = |processes: &mut [Bucket], seconds: Range<u32>| {
            let mut sent = [0; 2];
            for tenth in seconds.start * 10..seconds.end * 10 {
                let now = start + Duration::from_millis(100) * tenth;
                for (own, sent) in processes.iter_mut().zip(&mut sent) {
                    *sent += u32::from(pass(own, &mut shared, start, now));
                }
            }
            sent
        };
        let together = seconds(&mut both, 1..61);
        assert!(
            together.iter().all(|own| (58..=62).contains(own)),
            "{together:?}"
        );
        let alone = seconds(&mut both[1..], 61..121)[0];
        assert!((117..=122).contains(&alone), "{alone}");
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_leaves_a_quarter_of_the_bucket_for_answers() {
        let (mut bucket, now) = (Bucket::new(Plan::Standard), Instant::now());
        assert_eq!(burst(&mut bucket, Urgency::Bulk, now), 35);
        assert_eq!(burst(&mut bucket, ANSWER, now), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn each_refusal_of_a_bucket_that_others_filled_stops_calls_for_longer() {
        let (mut bucket, mut now) = (Bucket::new(Plan::Standard), Instant::now());
        for seconds in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let hold = Duration::from_secs_f64(seconds);
            bucket.on_refusal(now, None);
            bucket.on_refusal(now, None); // of a request in flight at the same time
            assert_eq!(bucket.ready_at(ANSWER), now + hold);
            now += hold;
        }
        bucket.on_success();
        bucket.on_refusal(now, None);
        assert_eq!(bucket.ready_at(ANSWER), now + HOLD_MIN);
        bucket.take(now + HOLD_MIN);
        bucket.give_back();
        assert_eq!(burst(&mut bucket, ANSWER, now + HOLD_MIN), 1);
        now += HOLD_MIN;
        bucket.on_refusal(now, Some(Duration::from_secs(7)));
        assert_eq!(bucket.ready_at(ANSWER), now + Duration::from_secs(7));
    }
}
