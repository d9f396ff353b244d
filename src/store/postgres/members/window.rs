//! Which events of other processes are new: a machine without a database.
//!
//! Events become visible when their transactions commit, and not in the order of their numbers. So
//! a reader that only asks for numbers above the last one misses some. This one asks for all
//! numbers above `low`, and leaves out those that it knows. `low` only passes a number when that is
//! final, which means committed or gone for ever:
//!
//! 1. A full read takes a mark: the last number S of the sequence, and then a transaction id Y that
//!    is newer than all given so far.
//! 2. A transaction takes its id before its numbers. So one that uses a number up to S has an id
//!    below Y.
//! 3. When a later read finds that no transaction below Y runs, all numbers up to S are final, and
//!    the same read has seen them.
//!
//! (`pg_snapshot_xmax` would be too low for Y: running transactions may have ids above it.)
//!
//! A transaction that runs long, of any program, only makes the window larger. Quick reads, which
//! follow a wake-up, leave out numbers that were given at least a second ago.

use std::collections::HashMap;

use super::set::PartitionSet;
use crate::store::postgres::number::partition_of_event;
use crate::store::{EventId, Partition};

/// The largest number that has this value of the sequence.
fn last_of(sequence: u64) -> u64 {
    sequence.saturating_mul(256).saturating_add(255)
}

/// What a full read finds besides events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The last value of the sequence, read first.
    pub(super) sequence: u64,
    /// A transaction id that is newer than all given so far.
    pub(super) newest: u64,
    /// The oldest running transaction.
    pub(super) oldest: u64,
}

/// A read that was started.
#[derive(Debug)]
pub(super) struct Read {
    number: u64,
    is_full: bool,
    /// Whether all owned partitions were read.
    is_whole: bool,
    /// The changes of what is read that were made before.
    changes: u64,
    pub(super) partitions: PartitionSet,
    /// Events are read after this number.
    pub(super) after: u64,
}

/// A partition from its gain until what waits in it was loaded page by page.
#[derive(Clone, Copy, Debug)]
struct Loading {
    epoch: i64,
    reached: Option<EventId>,
}

/// The events that the engine knows, and those that may still come.
#[derive(Debug, Default)]
pub(super) struct Window {
    low: u64,
    /// The last value of the sequence at the full read before the last one.
    quick: u64,
    last_sequence: u64,
    mark: Option<Found>,
    /// Numbers above `low` that the engine knows, with the number of the last read that was started
    /// before.
    known: HashMap<u64, u64>,
    reads: u64,
    changes: u64,
    loading: HashMap<Partition, Loading>,
    /// The partitions that were loaded, with their epochs.
    loaded: HashMap<Partition, i64>,
}

impl Window {
    /// The engine is about to load what waits in a partition.
    pub(super) fn gained(&mut self, partition: Partition, epoch: i64) {
        self.changes += 1;
        self.loaded.remove(&partition);
        let reached = None;
        self.loading.insert(partition, Loading { epoch, reached });
    }

    pub(super) fn lost(&mut self, partition: Partition) {
        self.changes += 1;
        self.loaded.remove(&partition);
        self.loading.remove(&partition);
    }

    /// The engine gets a page of what waits in a partition. `epoch` is that of the partition when
    /// the page was asked for. Returns true if this was the last page: from now on, what comes is
    /// reported.
    pub(super) fn loaded(
        &mut self,
        partition: Partition,
        epoch: Option<i64>,
        after: Option<EventId>,
        page: &[EventId],
        is_last: bool,
    ) -> bool {
        let Some(loading) = self.loading.get_mut(&partition) else {
            // A page behind the last one, which may have events that came since.
            page.iter().for_each(|id| {
                know(&mut self.known, self.low, self.reads, *id);
            });
            return false;
        };
        let follows = after.is_none() || after == loading.reached;
        if Some(loading.epoch) != epoch || !follows {
            return false; // a page of an earlier load
        }
        loading.reached = page.last().copied().or(after);
        page.iter().for_each(|id| {
            know(&mut self.known, self.low, self.reads, *id);
        });
        if is_last {
            self.changes += 1;
            self.loading.remove(&partition);
            self.loaded.extend(epoch.map(|epoch| (partition, epoch)));
        }
        is_last
    }

    /// The engine knows an event that was appended here, or reported otherwise. Returns false if it
    /// was known.
    pub(super) fn know(&mut self, id: EventId) -> bool {
        know(&mut self.known, self.low, self.reads, id)
    }

    /// Starts a read of those of the selected partitions that are owned and loaded.
    pub(super) fn start(
        &mut self,
        is_full: bool,
        selected: &PartitionSet,
        owned: &[(Partition, i64)],
    ) -> Read {
        self.reads += 1;
        let loaded =
            |(partition, epoch): &&(Partition, i64)| self.loaded.get(partition) == Some(epoch);
        let partitions = owned.iter().filter(loaded).map(|(partition, _)| *partition);
        let all: PartitionSet = partitions.collect();
        let partitions = all.iter().filter(|partition| selected.contains(*partition));
        Read {
            number: self.reads,
            is_full,
            is_whole: is_full && all.iter().count() == owned.len(),
            changes: self.changes,
            partitions: partitions.collect(),
            after: if is_full {
                self.low
            } else {
                self.low.max(last_of(self.quick))
            },
        }
    }

    /// Returns true if one of the events is not known.
    pub(super) fn has_new(&self, mut events: impl Iterator<Item = EventId>) -> bool {
        events.any(|id| !self.known.contains_key(&id.0))
    }

    /// Ends a read. Returns those of the events that are new.
    pub(super) fn finish<T>(
        &mut self,
        read: &Read,
        found: Option<Found>,
        events: Vec<(EventId, T)>,
    ) -> Vec<(EventId, T)> {
        let mut new = Vec::new();
        for (id, item) in events {
            let is_loaded = self.loaded.contains_key(&partition_of_event(id));
            if is_loaded && self.known.insert(id.0, read.number).is_none() {
                new.push((id, item));
            }
        }
        if read.is_full {
            // A known event that is not found any more is done: its number never comes again.
            self.known.retain(|id, reads| {
                let partition = partition_of_event(EventId(*id));
                *reads >= read.number || !read.partitions.contains(partition)
            });
        }
        if let Some(found) = found {
            self.advance(read, found);
        }
        new
    }

    fn advance(&mut self, read: &Read, found: Found) {
        if found.sequence < self.last_sequence {
            // The server was replaced by a copy that is behind: numbers are given again.
            let (loading, loaded) = (
                std::mem::take(&mut self.loading),
                std::mem::take(&mut self.loaded),
            );
            *self = Self {
                reads: self.reads,
                changes: self.changes + 1,
                loading,
                loaded,
                ..Self::default()
            };
        }
        self.quick = self.last_sequence;
        self.last_sequence = found.sequence;
        if let Some(mark) = self.mark
            && found.oldest >= mark.newest
            && read.is_whole
            && read.changes == self.changes
        {
            self.low = self.low.max(last_of(mark.sequence));
            let low = self.low;
            self.known.retain(|id, _| *id > low);
            self.mark = None;
        }
        self.mark.get_or_insert(found);
    }
}

fn know(known: &mut HashMap<u64, u64>, low: u64, reads: u64, id: EventId) -> bool {
    id.0 > low && known.insert(id.0, reads).is_none()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crate::store::postgres::members::window::*;

    const P: Partition = Partition(7);

    fn id(sequence: u64) -> EventId {
        EventId(sequence * 256 + 7)
    }

    fn found(sequence: u64, newest: u64, oldest: u64) -> Found {
        Found {
            sequence,
            newest,
            oldest,
        }
    }

    /// A window with one partition, which is loaded.
    fn window() -> Window {
        let mut window = Window::default();
        window.gained(P, 1);
        assert!(window.loaded(P, Some(1), None, &[], true));
        window
    }

    fn full(window: &mut Window, found: Found, events: &[u64]) -> Vec<u64> {
        let read = window.start(true, &PartitionSet::ALL, &[(P, 1)]);
        finish(window, &read, Some(found), events)
    }

    fn finish(window: &mut Window, read: &Read, found: Option<Found>, events: &[u64]) -> Vec<u64> {
        let events = events.iter().map(|sequence| id(*sequence));
        let events = events.filter(|id| id.0 > read.after).map(|id| (id, ()));
        let new = window.finish(read, found, events.collect());
        new.into_iter().map(|(id, ())| id.0 / 256).collect()
    }

    #[test]
    fn an_event_that_becomes_visible_late_is_reported_once() {
        let mut window = window();
        assert_eq!(full(&mut window, found(9, 100, 90), &[8, 9]), [8, 9]);
        assert_eq!(full(&mut window, found(9, 101, 90), &[7, 8, 9]), [7]);
        assert_eq!(window.low, 0, "transaction 90 is older than the mark");
        assert_eq!(full(&mut window, found(9, 102, 100), &[7, 8, 9]), [0; 0]);
        assert_eq!(window.low, last_of(9), "all numbers up to 9 are final");
        assert!(window.known.is_empty());
    }

    #[test]
    fn a_transaction_above_the_mark_does_not_hold_it() {
        let mut window = window();
        full(&mut window, found(9, 100, 100), &[]);
        full(&mut window, found(12, 120, 110), &[11]);
        assert_eq!(window.low, last_of(9));
        assert_eq!(full(&mut window, found(12, 121, 110), &[10, 11]), [10]);
    }

    #[test]
    fn what_was_appended_here_is_not_reported() {
        let mut window = window();
        assert!(window.know(id(5)));
        assert!(!window.know(id(5)));
        assert_eq!(full(&mut window, found(6, 100, 100), &[5, 6]), [6]);
    }

    #[test]
    fn what_was_loaded_is_not_reported_and_what_came_later_is() {
        let mut window = Window::default();
        window.gained(P, 1);
        let read = window.start(true, &PartitionSet::ALL, &[(P, 1)]);
        assert!(read.partitions.is_empty(), "it is not loaded yet");
        finish(&mut window, &read, Some(found(4, 100, 100)), &[]);
        assert!(!window.loaded(P, Some(1), None, &[id(1), id(2)], false));
        assert!(
            !window.loaded(P, Some(1), Some(id(1)), &[], true),
            "of another load"
        );
        assert!(window.loaded(P, Some(1), Some(id(2)), &[id(4)], true));
        let read = window.start(true, &PartitionSet::ALL, &[(P, 1)]);
        let new = finish(
            &mut window,
            &read,
            Some(found(5, 101, 101)),
            &[1, 2, 3, 4, 5],
        );
        assert_eq!(new, [3, 5]);
    }

    #[test]
    fn nothing_is_passed_while_a_partition_is_not_read() {
        let mut window = window();
        full(&mut window, found(9, 100, 100), &[]);
        // Another partition is gained while a read is under way.
        let read = window.start(true, &PartitionSet::ALL, &[(P, 1)]);
        window.gained(Partition(8), 1);
        finish(&mut window, &read, Some(found(9, 101, 101)), &[]);
        assert_eq!(window.low, 0);
        // It is being loaded.
        let read = window.start(true, &PartitionSet::ALL, &[(P, 1), (Partition(8), 1)]);
        finish(&mut window, &read, Some(found(9, 102, 102)), &[]);
        assert_eq!(window.low, 0);
        // Its load ends while a read is under way.
        let read = window.start(true, &PartitionSet::ALL, &[(P, 1), (Partition(8), 1)]);
        window.loaded(Partition(8), Some(1), None, &[], true);
        finish(&mut window, &read, Some(found(9, 103, 103)), &[]);
        assert_eq!(window.low, 0);
        let read = window.start(true, &PartitionSet::ALL, &[(P, 1), (Partition(8), 1)]);
        finish(&mut window, &read, Some(found(9, 104, 104)), &[]);
        assert_eq!(window.low, last_of(9));
    }

    #[test]
    fn a_quick_read_leaves_out_old_numbers_and_a_full_read_finds_them() {
        let mut window = window();
        full(&mut window, found(9, 100, 50), &[]);
        full(&mut window, found(20, 101, 50), &[]);
        let read = window.start(false, &PartitionSet::ALL, &[(P, 1)]);
        assert_eq!(read.after, last_of(9));
        assert_eq!(finish(&mut window, &read, None, &[5, 10, 21]), [10, 21]);
        assert_eq!(full(&mut window, found(21, 102, 50), &[5, 10, 21]), [5]);
    }

    #[test]
    fn the_known_events_are_those_that_wait() {
        let mut window = window();
        for sequence in 1..1_000 {
            window.know(id(sequence));
            // A transaction runs all the time, so the window only grows.
            full(
                &mut window,
                found(sequence, 100 + sequence, 50),
                &[sequence],
            );
        }
        assert!(window.known.len() <= 2, "{}", window.known.len());
    }

    #[test]
    fn numbers_that_are_given_again_are_reported() {
        let mut window = window();
        full(&mut window, found(90, 100, 100), &[90]);
        full(&mut window, found(90, 101, 101), &[90]);
        assert_eq!(window.low, last_of(90));
        full(&mut window, found(40, 60, 60), &[]);
        assert_eq!(full(&mut window, found(41, 61, 61), &[41]), [41]);
    }

    /// Simulates appends of several transactions that commit in any order, or not at all, while
    /// partitions come and go, and the engine finishes events.
    #[test]
    fn every_event_is_reported_or_loaded_once_in_any_order() {
        for seed in 0..200_u64 {
            let mut random = seed;
            let mut next = |below: u64| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) % below
            };
            let mut window = Window::default();
            let mut epoch = 0;
            let mut owned = false;
            let (mut sequence, mut xid) = (0, 10);
            // Running transactions with their numbers, and visible events.
            let mut running: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            let mut visible: BTreeSet<u64> = BTreeSet::new();
            let mut done: BTreeSet<u64> = BTreeSet::new();
            // What the engine has since the last gain.
            let mut has: BTreeSet<u64> = BTreeSet::new();
            for step in 0..600 {
                match next(12) {
                    0..=2 => {
                        xid += 1;
                        running.insert(xid, Vec::new());
                    }
                    3 | 4 => {
                        let nth = usize::try_from(next(4)).unwrap();
                        if let Some(numbers) = running.values_mut().nth(nth) {
                            sequence += 1;
                            numbers.push(sequence);
                        }
                    }
                    5 | 6 => {
                        let nth = usize::try_from(next(4)).unwrap();
                        if let Some(xid) = running.keys().nth(nth).copied() {
                            let numbers = running.remove(&xid).unwrap();
                            if next(5) > 0 {
                                visible.extend(numbers);
                            }
                        }
                    }
                    7 if next(6) == 0 => {
                        if owned {
                            window.lost(P);
                            has.clear();
                        } else {
                            epoch += 1;
                            window.gained(P, epoch);
                            let mut after = None;
                            loop {
                                let page: Vec<EventId> = visible
                                    .iter()
                                    .filter(|number| !done.contains(number))
                                    .map(|number| id(*number))
                                    .filter(|id| after.is_none_or(|after| *id > after))
                                    .take(3)
                                    .collect();
                                let is_last = page.len() < 3;
                                window.loaded(P, Some(epoch), after, &page, is_last);
                                for id in &page {
                                    assert!(has.insert(id.0 / 256));
                                }
                                after = page.last().copied().or(after);
                                if is_last {
                                    break;
                                }
                            }
                        }
                        owned = !owned;
                    }
                    8 => {
                        let nth = usize::try_from(next(3)).unwrap();
                        done.extend(has.iter().nth(nth).copied());
                    }
                    _ => {
                        let is_full = next(2) == 0;
                        let own: &[_] = if owned { &[(P, epoch)] } else { &[] };
                        let read = window.start(is_full, &PartitionSet::ALL, own);
                        let found = is_full.then(|| {
                            xid += 1;
                            found(sequence, xid, running.keys().next().copied().unwrap_or(xid))
                        });
                        let events: Vec<u64> = visible.difference(&done).copied().collect();
                        let events = if owned { events } else { Vec::new() };
                        for number in finish(&mut window, &read, found, &events) {
                            assert!(
                                has.insert(number),
                                "seed {seed}, step {step}: {number} twice"
                            );
                        }
                    }
                }
            }
            if owned {
                for _ in 0..3 {
                    let read = window.start(true, &PartitionSet::ALL, &[(P, epoch)]);
                    xid += 1;
                    let events: Vec<u64> = visible.difference(&done).copied().collect();
                    let found = found(sequence, xid, running.keys().next().copied().unwrap_or(xid));
                    for number in finish(&mut window, &read, Some(found), &events) {
                        assert!(has.insert(number));
                    }
                }
                let waiting: BTreeSet<u64> = visible.difference(&done).copied().collect();
                assert!(waiting.is_subset(&has), "seed {seed}: {waiting:?} {has:?}");
            }
        }
    }
}
