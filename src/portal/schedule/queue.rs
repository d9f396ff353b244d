//! The calls that wait for one portal: who goes next, and who goes together.
//!
//! Answers to people go before bulk work, which still gets one turn in [`BULK_EVERY`]. Within each, lanes take turns: who
//! has a hundred calls waiting does not keep the others from their one. When the bucket is full, whoever's turn it is
//! takes along as many as a `batch` holds. There is no clock and no network in here.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::bucket::{Bucket, Plan};

/// The most calls that wait for one portal; a further one fails at once.
pub const LINE_MAX: usize = 20_000;
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
pub(in crate::portal) struct Place {
    pub(in crate::portal) urgency: Urgency,
    /// Whose turn it uses, such as a chat.
    pub(in crate::portal) lane: u64,
}

/// What to do now.
#[derive(Debug, PartialEq)]
pub(in crate::portal) enum Next<T> {
    /// Nobody waits.
    Nobody,
    /// Wait until then, or until somebody comes whose turn may be earlier.
    At(Instant),
    /// Book more of the portal's time first.
    Book,
    /// This one goes.
    Alone(T),
    /// These go in one batch.
    Together(Vec<T>),
}

/// The calls that wait for one portal.
#[derive(Debug)]
pub(in crate::portal) struct Line<T> {
    pub(in crate::portal) bucket: Bucket,
    answers: Lanes<T>,
    bulk: Lanes<T>,
    turns: u32,
}

impl<T> Line<T> {
    pub(in crate::portal) fn new(plan: Plan) -> Line<T> {
        Line {
            bucket: Bucket::new(plan),
            answers: Lanes::default(),
            bulk: Lanes::default(),
            turns: 0,
        }
    }

    pub(in crate::portal) fn len(&self) -> usize {
        self.answers.len + self.bulk.len
    }

    /// Lets a call pass that need not wait.
    pub(in crate::portal) fn pass(&mut self, urgency: Urgency, now: Instant) -> bool {
        let is_ready = self.bucket.ready_at(urgency) <= now && self.bucket.has_booked(now);
        let passes = self.len() == 0 && is_ready;
        if passes {
            self.bucket.take(now);
        }
        passes
    }

    /// Puts a call at the end of its lane; `size` is its length in a batch, if it may go in one.
    pub(in crate::portal) fn push(&mut self, place: Place, size: Option<usize>, call: T) {
        let lanes = match place.urgency {
            Urgency::Answer => &mut self.answers,
            Urgency::Bulk => &mut self.bulk,
        };
        lanes.push(place.lane, Waiting { size, call });
    }

    /// Who goes now.
    pub(in crate::portal) fn next(&mut self, now: Instant) -> Next<T> {
        let urgency = match (self.answers.len, self.bulk.len) {
            (0, 0) => return Next::Nobody,
            (0, _) => Urgency::Bulk,
            _ => Urgency::Answer,
        };
        let at = self.bucket.ready_at(urgency);
        if at > now {
            return Next::At(at);
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
        let Some(first) = order.iter_mut().find_map(|lanes| lanes.pop()) else {
            return Next::Nobody; // somebody waits, as was seen above
        };
        let is_full = self.bucket.ready_at(urgency) > now;
        let Some(mut size) = first.size.filter(|_| is_full) else {
            return Next::Alone(first.call);
        };
        let mut together = vec![first.call];
        for lanes in order {
            lanes.take_along(&mut together, &mut size);
        }
        match together.len() {
            1 => Next::Alone(together.remove(0)),
            _ => Next::Together(together),
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
struct Lanes<T> {
    lanes: HashMap<u64, VecDeque<Waiting<T>>>,
    ring: VecDeque<u64>,
    len: usize,
}

impl<T> Default for Lanes<T> {
    fn default() -> Lanes<T> {
        Lanes {
            lanes: HashMap::new(),
            ring: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> Lanes<T> {
    fn push(&mut self, lane: u64, call: Waiting<T>) {
        let calls = self.lanes.entry(lane).or_default();
        if calls.is_empty() {
            self.ring.push_back(lane);
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
        let lane = self.ring.pop_front()?;
        let calls = self.lanes.get_mut(&lane)?;
        let call = match calls.front() {
            Some(first) if is_wanted(first) => calls.pop_front(),
            _ => None,
        };
        if calls.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.ring.push_back(lane);
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

    const fn place(urgency: Urgency, lane: u64) -> Place {
        Place { urgency, lane }
    }

    /// Fills the bucket as far as this urgency may.
    fn fill(line: &mut Line<u64>, urgency: Urgency, now: Instant) {
        while line.bucket.ready_at(urgency) <= now {
            if !line.pass(urgency, now) {
                book(line, now);
            }
        }
    }

    /// Books as much as one likes, for this line alone.
    fn book(line: &mut Line<u64>, now: Instant) {
        let time = Time(1_795_000_000_000);
        let booking = line.bucket.booking(now, time).unwrap();
        let booked = booking.after(booking.from);
        line.bucket.book(&booked, now, time);
    }

    /// A line in front of a full bucket.
    fn full() -> (Line<u64>, Instant) {
        let (mut line, now) = (Line::new(Plan::Standard), Instant::now());
        fill(&mut line, Urgency::Answer, now);
        (line, now)
    }

    /// Who goes now, with all the time booked that it takes.
    fn next(line: &mut Line<u64>, now: Instant) -> Next<u64> {
        loop {
            match line.next(now) {
                Next::Book => book(line, now),
                next => return next,
            }
        }
    }

    /// Who goes in the next turns, half a second apart.
    fn turns(line: &mut Line<u64>, mut now: Instant, turns: usize) -> Vec<Next<u64>> {
        let turn = |_| {
            now += Duration::from_millis(500);
            next(line, now)
        };
        (0..turns).map(turn).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_take_turns_and_each_keeps_its_order() {
        let (mut line, now) = full();
        for call in 0..3 {
            line.push(place(Urgency::Answer, 1), None, 10 + call);
        }
        line.push(place(Urgency::Answer, 2), None, 20);
        line.push(place(Urgency::Answer, 3), None, 30);
        assert_eq!(line.next(now), Next::At(now + Duration::from_millis(500)));
        let order = [10, 20, 30, 11, 12].map(Next::Alone);
        assert_eq!(turns(&mut line, now, 5), order);
        assert_eq!(line.next(now + Duration::from_secs(9)), Next::Nobody);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_go_before_bulk_work_which_is_not_starved() {
        let (mut line, now) = full();
        line.push(place(Urgency::Bulk, 0), None, 1_000);
        for call in 0..20 {
            line.push(place(Urgency::Answer, call), None, call);
        }
        let went = turns(&mut line, now, BULK_EVERY as usize);
        assert_eq!(went[0], Next::Alone(0));
        assert_eq!(went[BULK_EVERY as usize - 1], Next::Alone(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_full_bucket_those_who_may_go_together() {
        let (mut line, now) = full();
        for call in 0..60 {
            let size = (call % 10 != 9).then_some(100); // every tenth may not
            line.push(place(Urgency::Answer, call), size, call);
        }
        line.push(place(Urgency::Bulk, 0), Some(100), 1_000);
        line.push(place(Urgency::Bulk, 0), Some(BATCH_BYTES_MAX), 1_001); // it does not fit
        let [Next::Together(first), Next::Together(second), rest @ ..] =
            &turns(&mut line, now, 10)[..]
        else {
            panic!()
        };
        assert_eq!(first.len(), BATCH_MAX);
        assert!(first.iter().all(|call| call % 10 != 9));
        assert_eq!(second, &[55, 56, 57, 58, 1_000]);
        assert_eq!(rest[0], Next::Alone(59));
        assert_eq!(rest[5], Next::Alone(1_001)); // the eighth turn is for bulk work
        assert_eq!(line.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_goes_together_at_the_part_of_the_bucket_that_it_may_fill() {
        let (mut line, now) = (Line::new(Plan::Standard), Instant::now());
        fill(&mut line, Urgency::Bulk, now);
        for call in 0..3 {
            line.push(place(Urgency::Bulk, call), Some(100), call);
        }
        assert!(matches!(line.next(now), Next::At(_)));
        let went = turns(&mut line, now, 2);
        assert_eq!(went, [Next::Together(vec![0, 1, 2]), Next::Nobody]);
        assert_eq!(line.bucket.ready_at(Urgency::Answer).max(now), now);
    }

    #[tokio::test(start_paused = true)]
    async fn while_there_is_room_everybody_goes_alone() {
        let (mut line, now) = full();
        for call in 0..3 {
            line.push(place(Urgency::Answer, call), Some(100), call);
        }
        let later = now + Duration::from_secs(60);
        let went: Vec<_> = (0..4).map(|_| next(&mut line, later)).collect();
        let alone = [0, 1, 2].map(Next::Alone);
        assert_eq!(went[..3], alone);
        assert_eq!(went[3], Next::Nobody);
    }
}
