//! The calls that wait for one portal: which goes next, and which go together in a batch.
//!
//! Answers to portal users go before those to visitors, and both before bulk work. Visitors and
//! bulk work still get one permit each in [`SHARE_EVERY`]. Within each, keys alternate: a key with
//! a hundred waiting calls does not delay another key's only call. When the bucket is full, the
//! next call takes along as many others as a `batch` holds. This file uses neither clock nor
//! network.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::bucket::{Bucket, Plan};

/// Maximum number of calls that wait for one portal. A further call fails at once.
pub const QUEUE_MAX: usize = 20_000;
/// Maximum number of commands in one `batch` (page
/// `b24restdocs: settings/how-to-call-rest-api/batch.md`).
pub const BATCH_MAX: usize = 50;
/// Maximum size of the commands in one `batch`, in bytes.
pub(in crate::portal) const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// While more urgent calls wait, one permit in this many goes to visitors, and one to bulk work.
const SHARE_EVERY: u32 = 8;

/// How urgent a call is when the portal accepts no more calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Urgency {
    /// A user of the portal waits for the answer, so it goes first. The default.
    #[default]
    Answer,
    /// A visitor waits for the answer: somebody outside the portal, in a chat of an open channel.
    /// Anybody can be one, so portal users do not wait for visitors.
    Visitor,
    /// Nobody waits for the answer: polling, reconciling, hooks, exports. It leaves a part of the
    /// limit free.
    Bulk,
}

/// The place of a call in the queue.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::portal) struct Slot {
    pub(in crate::portal) urgency: Urgency,
    /// Calls with the same key keep their order; different keys alternate. Such as a chat.
    pub(in crate::portal) key: u64,
}

/// The next step of the task that serves the queue.
#[derive(Debug, PartialEq)]
pub(in crate::portal) enum Next<T> {
    /// The queue is empty.
    Empty,
    /// Wait until then, or until a more urgent call arrives.
    WaitUntil(Instant),
    /// Book more of the portal's time first.
    Book,
    /// Make this call.
    Single(T),
    /// Make these calls in one batch.
    Batch(Vec<T>),
}

/// The calls that wait for one portal.
#[derive(Debug)]
pub(in crate::portal) struct CallQueue<T> {
    pub(in crate::portal) bucket: Bucket,
    /// By urgency, the most urgent first.
    queues: [FairQueues<T>; 3],
    /// Permits granted so far.
    granted: u32,
}

impl<T> CallQueue<T> {
    pub(in crate::portal) fn new(plan: Plan) -> CallQueue<T> {
        CallQueue {
            bucket: Bucket::new(plan),
            queues: Default::default(),
            granted: 0,
        }
    }

    pub(in crate::portal) fn len(&self) -> usize {
        self.queues.iter().map(|queues| queues.len).sum()
    }

    /// Counts a call that need not wait, and returns whether there is one.
    pub(in crate::portal) fn try_acquire(&mut self, urgency: Urgency, now: Instant) -> bool {
        let is_ready = self.bucket.ready_at(urgency) <= now && self.bucket.has_booked(now);
        let passes = self.len() == 0 && is_ready;
        if passes {
            self.bucket.take(now);
        }
        passes
    }

    /// Appends a call to the queue of its key; `size` is its size in a batch, if it can be batched.
    pub(in crate::portal) fn push(&mut self, slot: Slot, size: Option<usize>, call: T) {
        self.queues[rank(slot.urgency)].push(slot.key, Queued { size, call });
    }

    /// Returns the next step, and counts the request it takes.
    pub(in crate::portal) fn next(&mut self, now: Instant) -> Next<T> {
        let waits = |urgency: &Urgency| self.queues[rank(*urgency)].len > 0;
        let Some(urgency) = URGENCIES.into_iter().find(waits) else {
            return Next::Empty;
        };
        let at = self.bucket.ready_at(urgency);
        if at > now {
            return Next::WaitUntil(at);
        }
        if !self.bucket.has_booked(now) {
            return Next::Book;
        }
        self.bucket.take(now);
        self.granted = self.granted.wrapping_add(1);
        let own_share = match self.granted % SHARE_EVERY {
            0 => Some(Urgency::Bulk),
            VISITORS_SHARE => Some(Urgency::Visitor),
            _ => None,
        };
        let mut order = own_share.into_iter().chain(URGENCIES);
        let Some(first) = order.find_map(|urgency| self.queues[rank(urgency)].pop()) else {
            return Next::Empty; // not reached: a queue was not empty above
        };
        let is_full = self.bucket.ready_at(urgency) > now;
        let Some(mut size) = first.size.filter(|_| is_full) else {
            return Next::Single(first.call);
        };
        let mut batch = vec![first.call];
        for queues in &mut self.queues {
            queues.fill_batch(&mut batch, &mut size);
        }
        match batch.len() {
            1 => Next::Single(batch.remove(0)),
            _ => Next::Batch(batch),
        }
    }
}

/// All kinds of urgency, the most urgent first.
const URGENCIES: [Urgency; 3] = [Urgency::Answer, Urgency::Visitor, Urgency::Bulk];
/// The permit in [`SHARE_EVERY`] that is the visitors' share.
const VISITORS_SHARE: u32 = SHARE_EVERY / 2;

/// Returns the place of an urgency in [`URGENCIES`].
fn rank(urgency: Urgency) -> usize {
    match urgency {
        Urgency::Answer => 0,
        Urgency::Visitor => 1,
        Urgency::Bulk => 2,
    }
}

#[derive(Debug)]
struct Queued<T> {
    size: Option<usize>,
    call: T,
}

/// One queue per key, served in rotation. A key is in the rotation while it has calls.
#[derive(Debug)]
struct FairQueues<T> {
    queues: HashMap<u64, VecDeque<Queued<T>>>,
    rotation: VecDeque<u64>,
    len: usize,
}

impl<T> Default for FairQueues<T> {
    fn default() -> FairQueues<T> {
        FairQueues {
            queues: HashMap::new(),
            rotation: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> FairQueues<T> {
    fn push(&mut self, key: u64, call: Queued<T>) {
        let calls = self.queues.entry(key).or_default();
        if calls.is_empty() {
            self.rotation.push_back(key);
        }
        calls.push_back(call);
        self.len += 1;
    }

    /// Takes the first call of the next key.
    fn pop(&mut self) -> Option<Queued<T>> {
        self.pop_if(|_| true)
    }

    /// Takes the first call of the next key if it is wanted; otherwise only moves the key to the
    /// end.
    fn pop_if(&mut self, is_wanted: impl FnOnce(&Queued<T>) -> bool) -> Option<Queued<T>> {
        let key = self.rotation.pop_front()?;
        let calls = self.queues.get_mut(&key)?;
        let call = match calls.front() {
            Some(first) if is_wanted(first) => calls.pop_front(),
            _ => None,
        };
        if calls.is_empty() {
            self.queues.remove(&key);
        } else {
            self.rotation.push_back(key);
        }
        self.len -= usize::from(call.is_some());
        call
    }

    /// Fills a batch, one call per key and round, until it is full or no key's first call fits.
    fn fill_batch(&mut self, batch: &mut Vec<T>, size: &mut usize) {
        let mut skipped = 0;
        while batch.len() < BATCH_MAX && skipped < self.rotation.len() {
            let room = BATCH_BYTES_MAX.saturating_sub(*size);
            let fits = |call: &Queued<T>| call.size.is_some_and(|size| size <= room);
            match self.pop_if(fits) {
                Some(call) => {
                    skipped = 0;
                    *size += call.size.unwrap_or_default();
                    batch.push(call.call);
                }
                None => skipped += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::portal::schedule::queue::*;
    use crate::store::Time;

    const fn slot(urgency: Urgency, key: u64) -> Slot {
        Slot { urgency, key }
    }

    /// Fills the bucket as far as this urgency may.
    fn fill(queue: &mut CallQueue<u64>, urgency: Urgency, now: Instant) {
        while queue.bucket.ready_at(urgency) <= now {
            if !queue.try_acquire(urgency, now) {
                book(queue, now);
            }
        }
    }

    /// Books time for this queue alone.
    fn book(queue: &mut CallQueue<u64>, now: Instant) {
        let time = Time(1_795_000_000_000);
        let booking = queue.bucket.booking(now, time).unwrap();
        let booked = booking.after(booking.from);
        queue.bucket.book(&booked, now, time);
    }

    /// A queue in front of a full bucket.
    fn full() -> (CallQueue<u64>, Instant) {
        let (mut queue, now) = (CallQueue::new(Plan::Standard), Instant::now());
        fill(&mut queue, Urgency::Answer, now);
        (queue, now)
    }

    /// Returns the next step, booking the time it needs.
    fn next(queue: &mut CallQueue<u64>, now: Instant) -> Next<u64> {
        loop {
            match queue.next(now) {
                Next::Book => book(queue, now),
                next => return next,
            }
        }
    }

    /// Returns the next steps, half a second apart.
    fn steps(queue: &mut CallQueue<u64>, mut now: Instant, steps: usize) -> Vec<Next<u64>> {
        let step = |_| {
            now += Duration::from_millis(500);
            next(queue, now)
        };
        (0..steps).map(step).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn keys_alternate_and_each_keeps_its_order() {
        let (mut queue, now) = full();
        for call in 0..3 {
            queue.push(slot(Urgency::Answer, 1), None, 10 + call);
        }
        queue.push(slot(Urgency::Answer, 2), None, 20);
        queue.push(slot(Urgency::Answer, 3), None, 30);
        assert_eq!(
            queue.next(now),
            Next::WaitUntil(now + Duration::from_millis(500))
        );
        let order = [10, 20, 30, 11, 12].map(Next::Single);
        assert_eq!(steps(&mut queue, now, 5), order);
        assert_eq!(queue.next(now + Duration::from_secs(9)), Next::Empty);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_go_before_bulk_work_and_bulk_work_still_gets_its_share() {
        let (mut queue, now) = full();
        queue.push(slot(Urgency::Bulk, 0), None, 1_000);
        for call in 0..20 {
            queue.push(slot(Urgency::Answer, call), None, call);
        }
        let went = steps(&mut queue, now, SHARE_EVERY as usize);
        assert_eq!(went[0], Next::Single(0));
        assert_eq!(went[SHARE_EVERY as usize - 1], Next::Single(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn portal_users_go_before_visitors_and_both_before_bulk_work_and_nobody_starves() {
        let (mut queue, now) = full();
        for call in 0..20 {
            queue.push(slot(Urgency::Bulk, call), None, 2_000 + call);
            queue.push(slot(Urgency::Visitor, call), None, 1_000 + call);
        }
        for call in 0..10 {
            queue.push(slot(Urgency::Answer, call), None, call);
        }
        let went = steps(&mut queue, now, 24);
        let singles: Vec<u64> = went
            .into_iter()
            .filter_map(|next| match next {
                Next::Single(call) => Some(call),
                _ => None,
            })
            .collect();
        let kinds: String = singles
            .iter()
            .map(|call| match call {
                0..1_000 => 'p',
                1_000..2_000 => 'v',
                _ => 'b',
            })
            .collect();
        // Once no portal user waits, visitors wait until their reserve is free: fewer calls go.
        assert_eq!(kinds, "pppvpppbpppvpvvbvvv");
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_full_bucket_calls_that_can_be_batched_go_in_one_batch() {
        let (mut queue, now) = full();
        for call in 0..60 {
            let size = (call % 10 != 9).then_some(100); // every tenth cannot be batched
            queue.push(slot(Urgency::Answer, call), size, call);
        }
        queue.push(slot(Urgency::Bulk, 0), Some(100), 1_000);
        queue.push(slot(Urgency::Bulk, 0), Some(BATCH_BYTES_MAX), 1_001); // it does not fit
        let [Next::Batch(first), Next::Batch(second), rest @ ..] = &steps(&mut queue, now, 10)[..]
        else {
            panic!()
        };
        assert_eq!(first.len(), BATCH_MAX);
        assert!(first.iter().all(|call| call % 10 != 9));
        assert_eq!(second, &[55, 56, 57, 58, 1_000]);
        assert_eq!(rest[0], Next::Single(59));
        assert_eq!(rest[5], Next::Single(1_001)); // the eighth permit is for bulk work
        assert_eq!(queue.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_is_batched_once_its_part_of_the_bucket_is_full() {
        let (mut queue, now) = (CallQueue::new(Plan::Standard), Instant::now());
        fill(&mut queue, Urgency::Bulk, now);
        for call in 0..3 {
            queue.push(slot(Urgency::Bulk, call), Some(100), call);
        }
        assert!(matches!(queue.next(now), Next::WaitUntil(_)));
        let went = steps(&mut queue, now, 2);
        assert_eq!(went, [Next::Batch(vec![0, 1, 2]), Next::Empty]);
        assert_eq!(queue.bucket.ready_at(Urgency::Answer).max(now), now);
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_bucket_has_room_every_call_goes_alone() {
        let (mut queue, now) = full();
        for call in 0..3 {
            queue.push(slot(Urgency::Answer, call), Some(100), call);
        }
        let later = now + Duration::from_secs(60);
        let went: Vec<_> = (0..4).map(|_| next(&mut queue, later)).collect();
        let alone = [0, 1, 2].map(Next::Single);
        assert_eq!(went[..3], alone);
        assert_eq!(went[3], Next::Empty);
    }
}
