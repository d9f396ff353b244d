//! The portal's rate limit, kept on our side: a leaky bucket per portal.
//!
//! Page `limits.md`: every request adds one; two leak out a second; above fifty the portal refuses with
//! `QUERY_LIMIT_EXCEEDED`. On the Enterprise plan it is five and two hundred and fifty, and a portal on a server of one's
//! own has no such limit. The portal counts by source address, so what others send from ours fills the bucket, too.
//!
//! All processes on one store share the bucket (`doctor` beside the running bots, say). A request leaks out in some part of
//! the portal's time, and each books that part in the store beforehand ([`Booking`]), a few at once. Two rules keep the
//! promise:
//!
//! - No two requests have the same part of the time, since the store gives each part once.
//! - A request is made while its part is ahead, and at most as far ahead as the bucket is deep.
//!
//! So whatever has been sent and has not leaked out has its part within the depth of the bucket from now on, and there are
//! no more such parts than the bucket holds. That is so at every moment, whoever comes and goes: a process that starts finds
//! booked what the others may send, one that dies leaves parts of the time that pass by themselves, and one that is alone
//! has all of it. There is nothing to renew, and nobody counts processes. At a full bucket they have turns, as they book;
//! bulk work of one leaves room for the answers of all.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::portal::Urgency;
use crate::store::{Booking, Time};

/// How long nobody calls after the first refusal for a full bucket; every further one doubles it.
const HOLD_MIN: Duration = Duration::from_millis(500);
/// The longest that nobody calls after such refusals, or for what a `Retry-After` says.
const HOLD_MAX: Duration = Duration::from_secs(60);
/// The part of the bucket, one in so many, that bulk work leaves free for answers to people.
const BULK_LEAVES: u32 = 4;
/// For how many requests a portal's time is booked at once, while the bucket has room: what is booked and not used is lost.
const BOOKED_MAX: u32 = 8;

/// The plan that portals are on, which decides how quickly they may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// A leaky bucket, as far as it is ours.
#[derive(Debug)]
pub(in crate::portal) struct Bucket {
    plan: Plan,
    /// The part of the portal's time that is booked and not used; the next request takes the beginning of it.
    booked: Range<Instant>,
    /// Until when nobody calls, after a refusal.
    held_until: Instant,
    /// Refusals since a request passed.
    refusals: u32,
}

impl Bucket {
    /// The bucket of a portal on this plan, empty.
    pub(in crate::portal) fn new(plan: Plan) -> Bucket {
        let now = Instant::now();
        Bucket {
            plan,
            booked: now..now,
            held_until: now,
            refusals: 0,
        }
    }

    /// When the portal takes one more request, as far as we know; a moment that is past means now.
    pub(in crate::portal) fn ready_at(&self, urgency: Urgency) -> Instant {
        let Some((holds, leak)) = self.plan.bucket() else {
            return self.held_until;
        };
        let holds = match urgency {
            Urgency::Answer => holds,
            Urgency::Bulk => holds - holds / BULK_LEAVES,
        };
        let full = leak * (holds - 1);
        let at = self.booked.start.checked_sub(full);
        at.map_or(self.held_until, |at| at.max(self.held_until))
    }

    /// Whether the time of one more request is booked. Without it none may be made.
    pub(in crate::portal) fn has_booked(&self, now: Instant) -> bool {
        let leak = self.plan.bucket().map(|(_, leak)| leak);
        leak.is_none_or(|leak| self.booked.start.max(now) + leak <= self.booked.end)
    }

    /// What to book for the next requests. A moment has two names: `now` is this process's, `time` that of all.
    pub(in crate::portal) fn booking(&self, now: Instant, time: Time) -> Option<Booking> {
        let (holds, leak) = self.plan.bucket()?;
        Some(Booking {
            from: time + self.booked.end.saturating_duration_since(now),
            each: leak,
            most: BOOKED_MAX,
            by: time + leak * holds,
        })
    }

    /// Takes over what is booked.
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

    /// The request that was just counted is not made.
    pub(in crate::portal) fn give_back(&mut self) {
        if let Some((_, leak)) = self.plan.bucket() {
            self.booked.start -= leak;
        }
    }

    /// A request has passed.
    pub(in crate::portal) fn passed(&mut self) {
        self.refusals = 0;
    }

    /// The portal says that the bucket is full, whatever we counted: nobody calls for a while, longer each time.
    pub(in crate::portal) fn refused(&mut self, now: Instant, retry_after: Option<Duration>) {
        if now < self.held_until {
            return; // of many that were under way together, one counts
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

    /// Until when the portal's time is booked, in a store that these buckets share.
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

    /// Lets a request pass, if one may.
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

    /// How many requests pass at once.
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
    async fn a_burst_passes_at_once_and_the_rest_at_the_plans_pace() {
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

    /// Three processes come, call as much as they may, and go without a word, at moments that look like chance; the
    /// portal's bucket is counted as the documentation has it.
    #[tokio::test(start_paused = true)]
    async fn processes_that_come_and_go_never_fill_the_bucket_together_and_waste_little() {
        const STEP: Duration = Duration::from_millis(50);
        let (holds, leak) = Plan::Standard.bucket().unwrap();
        let (start, mut shared) = (Instant::now(), Shared::default());
        let mut processes: [Option<Bucket>; 3] = [const { None }; 3];
        let (mut level, mut sent, mut chance) = (0.0_f64, [0_u32; 3], 7_u32);
        for step in 0..12_000 {
            let now = start + STEP * step;
            level = (level - STEP.as_secs_f64() / leak.as_secs_f64()).max(0.0);
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let whose = (chance >> 16) as usize % 3;
            match chance >> 24 {
                0..4 => processes[whose] = Some(Bucket::new(Plan::Standard)),
                4..8 => processes[whose] = None, // with all that it had booked
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
    async fn two_processes_at_a_full_bucket_have_turns_and_one_that_is_left_has_all() {
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
