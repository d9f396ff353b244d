//! The calls that wait for one portal: who goes next, and who goes together.
//!
//! Answers to people go before bulk work, which still gets one turn in [`BULK_EVERY`]. Within each, lanes take turns: who
//! has a hundred calls waiting does not keep the others from their one. When the bucket is full, whoever's turn it is
//! takes along as many as a `batch` holds. There is no clock and no network in here.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::bucket::{Bucket, Plan};

/// The most calls that wait for one portal; a further one fails at once.
pub const QUEUE_MAX: usize = 20_000;
/// The most commands that the portal takes in one `batch` (page `batch.md`).
pub const BATCH_MAX: usize = 50;
/// The most bytes of commands that are sent in one `batch`.
pub(in crate::portal) const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// While answers wait, one turn in so many is for bulk work.
const BULK_EVERY: u32 = 8;

/// What a call waits for when the portal takes no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits for it, so it goes first. The default.
    #[default]
    Answer,
    /// Nobody waits for it: polling, keeping in step, hooks, exports. It leaves a part of the limit free.
    Bulk,
}

/// Where a call stands in the line.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::portal) struct Slot {
    pub(in crate::portal) urgency: Urgency,
    /// Whose turn it uses, such as a chat.
    pub(in crate::portal) key: u64,
}

/// What to do now.
#[derive(Debug, PartialEq)]
pub(in crate::portal) enum Next<T> {
    /// Nobody waits.
    Empty,
    /// Wait until then, or until somebody comes whose turn may be earlier.
    WaitUntil(Instant),
    /// Book more of the portal's time first.
    Book,
    /// This one goes.
    Single(T),
    /// These go in one batch.
    Batch(Vec<T>),
}

/// The calls that wait for one portal.
#[derive(Debug)]
pub(in crate::portal) struct CallQueue<T> {
    pub(in crate::portal) bucket: Bucket,
    answers: FairQueues<T>,
    bulk: FairQueues<T>,
    turns: u32,
}

impl<T> CallQueue<T> {
    pub(in crate::portal) fn new(plan: Plan) -> CallQueue<T> {
        CallQueue {
            bucket: Bucket::new(plan),
            answers: FairQueues::default(),
            bulk: FairQueues::default(),
            turns: 0,
        }
    }

    pub(in crate::portal) fn len(&self) -> usize {
        self.answers.len + self.bulk.len
    }

    /// Lets a call pass that need not wait.
    pub(in crate::portal) fn try_acquire(&mut self, urgency: Urgency, now: Instant) -> bool {
        let is_ready = self.bucket.ready_at(urgency) <= now && self.bucket.has_booked(now);
        let passes = self.len() == 0 && is_ready;
        if passes {
            self.bucket.take(now);
        }
        passes
    }

    /// Puts a call at the end of its lane; `size` is its length in a batch, if it may go in one.
    pub(in crate::portal) fn push(&mut self, slot: Slot, size: Option<usize>, call: T) {
        let queues = match slot.urgency {
            Urgency::Answer => &mut self.answers,
            Urgency::Bulk => &mut self.bulk,
        };
        queues.push(slot.key, Waiting { size, call });
    }

    /// Who goes now.
    pub(in crate::portal) fn next(&mut self, now: Instant) -> Next<T> {
        let urgency = match (self.answers.len, self.bulk.len) {
            (0, 0) => return Next::Empty,
            (0, _) => Urgency::Bulk,
            _ => Urgency::Answer,
        };
        let at = self.bucket.ready_at(urgency);
        if at > now {
            return Next::WaitUntil(at);
        }
        if !self.bucket.has_booked(now) {
            return Next::Book;
        }
        self.bucket.take(now);
        self.turns = self.turns.wrapping_add(1);
        let mut order = [&mut self.answers, &mut self.bulk];
        if self.turns.is_multiple_of(BULK_EVERY) {
            order.reverse();
        }
        let Some(first) = order.iter_mut().find_map(|queues| queues.pop()) else {
            return Next::Empty; // somebody waits, as was seen above
        };
        let is_full = self.bucket.ready_at(urgency) > now;
        let Some(mut size) = first.size.filter(|_| is_full) else {
            return Next::Single(first.call);
        };
        let mut together = vec![first.call];
        for queues in order {
            queues.take_along(&mut together, &mut size);
        }
        match together.len() {
            1 => Next::Single(together.remove(0)),
            _ => Next::Batch(together),
        }
    }
}

#[derive(Debug)]
struct Waiting<T> {
    size: Option<usize>,
    call: T,
}

/// Lanes that take turns. A lane is in the ring as long as somebody waits in it.
#[derive(Debug)]
struct FairQueues<T> {
    queues: HashMap<u64, VecDeque<Waiting<T>>>,
    ring: VecDeque<u64>,
    len: usize,
}

impl<T> Default for FairQueues<T> {
    fn default() -> FairQueues<T> {
        FairQueues {
            queues: HashMap::new(),
            ring: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> FairQueues<T> {
    fn push(&mut self, key: u64, call: Waiting<T>) {
        let calls = self.queues.entry(key).or_default();
        if calls.is_empty() {
            self.ring.push_back(key);
        }
        calls.push_back(call);
        self.len += 1;
    }

    /// The first of the lane whose turn it is.
    fn pop(&mut self) -> Option<Waiting<T>> {
        self.pop_if(|_| true)
    }

    /// The same, if it is as wanted; else the lane has had its turn.
    fn pop_if(&mut self, is_wanted: impl FnOnce(&Waiting<T>) -> bool) -> Option<Waiting<T>> {
        let key = self.ring.pop_front()?;
        let calls = self.queues.get_mut(&key)?;
        let call = match calls.front() {
            Some(first) if is_wanted(first) => calls.pop_front(),
            _ => None,
        };
        if calls.is_empty() {
            self.queues.remove(&key);
        } else {
            self.ring.push_back(key);
        }
        self.len -= usize::from(call.is_some());
        call
    }

    /// Fills a batch, a lane at a time, until it is full or no lane's first call fits.
    fn take_along(&mut self, together: &mut Vec<T>, size: &mut usize) {
        let mut refusing = 0;
        while together.len() < BATCH_MAX && refusing < self.ring.len() {
            let room = BATCH_BYTES_MAX.saturating_sub(*size);
            let fits = |call: &Waiting<T>| call.size.is_some_and(|size| size <= room);
            match self.pop_if(fits) {
                Some(call) => {
                    refusing = 0;
                    *size += call.size.unwrap_or_default();
                    together.push(call.call);
                }
                None => refusing += 1,
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

    /// Books as much as one likes, for this line alone.
    fn book(queue: &mut CallQueue<u64>, now: Instant) {
        let time = Time(1_795_000_000_000);
        let booking = queue.bucket.booking(now, time).unwrap();
        let booked = booking.after(booking.from);
        queue.bucket.book(&booked, now, time);
    }

    /// A line in front of a full bucket.
    fn full() -> (CallQueue<u64>, Instant) {
        let (mut queue, now) = (CallQueue::new(Plan::Standard), Instant::now());
        fill(&mut queue, Urgency::Answer, now);
        (queue, now)
    }

    /// Who goes now, with all the time booked that it takes.
    fn next(queue: &mut CallQueue<u64>, now: Instant) -> Next<u64> {
        loop {
            match queue.next(now) {
                Next::Book => book(queue, now),
                next => return next,
            }
        }
    }

    /// Who goes in the next turns, half a second apart.
    fn turns(queue: &mut CallQueue<u64>, mut now: Instant, turns: usize) -> Vec<Next<u64>> {
        let turn = |_| {
            now += Duration::from_millis(500);
            next(queue, now)
        };
        (0..turns).map(turn).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_take_turns_and_each_keeps_its_order() {
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
        assert_eq!(turns(&mut queue, now, 5), order);
        assert_eq!(queue.next(now + Duration::from_secs(9)), Next::Empty);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_go_before_bulk_work_which_is_not_starved() {
        let (mut queue, now) = full();
        queue.push(slot(Urgency::Bulk, 0), None, 1_000);
        for call in 0..20 {
            queue.push(slot(Urgency::Answer, call), None, call);
        }
        let went = turns(&mut queue, now, BULK_EVERY as usize);
        assert_eq!(went[0], Next::Single(0));
        assert_eq!(went[BULK_EVERY as usize - 1], Next::Single(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_full_bucket_those_who_may_go_together() {
        let (mut queue, now) = full();
        for call in 0..60 {
            let size = (call % 10 != 9).then_some(100); // every tenth may not
            queue.push(slot(Urgency::Answer, call), size, call);
        }
        queue.push(slot(Urgency::Bulk, 0), Some(100), 1_000);
        queue.push(slot(Urgency::Bulk, 0), Some(BATCH_BYTES_MAX), 1_001); // it does not fit
        let [Next::Batch(first), Next::Batch(second), rest @ ..] = &turns(&mut queue, now, 10)[..]
        else {
            panic!()
        };
        assert_eq!(first.len(), BATCH_MAX);
        assert!(first.iter().all(|call| call % 10 != 9));
        assert_eq!(second, &[55, 56, 57, 58, 1_000]);
        assert_eq!(rest[0], Next::Single(59));
        assert_eq!(rest[5], Next::Single(1_001)); // the eighth turn is for bulk work
        assert_eq!(queue.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_goes_together_at_the_part_of_the_bucket_that_it_may_fill() {
        let (mut queue, now) = (CallQueue::new(Plan::Standard), Instant::now());
        fill(&mut queue, Urgency::Bulk, now);
        for call in 0..3 {
            queue.push(slot(Urgency::Bulk, call), Some(100), call);
        }
        assert!(matches!(queue.next(now), Next::WaitUntil(_)));
        let went = turns(&mut queue, now, 2);
        assert_eq!(went, [Next::Batch(vec![0, 1, 2]), Next::Empty]);
        assert_eq!(queue.bucket.ready_at(Urgency::Answer).max(now), now);
    }

    #[tokio::test(start_paused = true)]
    async fn while_there_is_room_everybody_goes_alone() {
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
