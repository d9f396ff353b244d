//! What a member does about the rows that it has read: a machine without a clock and without a
//! database.
//!
//! Every member increments its `beat` each [`RENEWAL`], and reads the rows of all members. A member
//! whose beat stands still is evicted by the others, who take its partitions. Nobody compares
//! clocks of two machines: what counts is how long this process has seen the same beat.
//!
//! [`TRUST`] is shorter than [`SILENCE`]. The one runs from the start of a renewal, the other from
//! the moment at which its result was seen, which is later. So when a member is evicted, it has
//! stopped trusting its ownership before.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::assignment::{Assignment, assign};
use super::instant::Instant;
use crate::store::Partition;
use crate::store::postgres::fence::PARTITIONS;

/// Interval between two renewals.
pub(super) const RENEWAL: Duration = Duration::from_millis(500);

/// How long a member trusts its ownership after the start of a good renewal.
pub(super) const TRUST: Duration = Duration::from_secs(3);

/// How long the beat of a member must stand still before it is evicted.
const SILENCE: Duration = Duration::from_secs(4);

/// Maximum time between two reads. After a longer one, all observations start again: the pause was
/// ours, or that of the database.
const READ_GAP: Duration = Duration::from_secs(2);

/// The beat from which on a member gets a share: it has lived for 10 seconds. A program that ends
/// again and again moves no partitions.
const STEADY: i64 = 20;

/// Maximum number of partitions that a member asks others for, in a second.
const MOVES: usize = 4;

/// How long a partition may have no owner before any member takes it, whoever should.
const UNCLAIMED: Duration = Duration::from_secs(3);

/// The state of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberState {
    Live,
    /// It is about to stop, and gains nothing.
    Leaving,
    /// It was evicted, and owns nothing, whatever the rows of the partitions say.
    Dead,
}

/// The row of a member.
#[derive(Clone, Debug)]
pub(super) struct MemberRow {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) beat: i64,
    pub(super) state: MemberState,
}

/// The row of a partition.
#[derive(Clone, Debug, Default)]
pub(super) struct PartitionRow {
    pub(super) owner: Option<Uuid>,
    pub(super) epoch: i64,
    pub(super) wanted: Option<Uuid>,
    /// The name of the member that an operator wants as the owner.
    pub(super) pinned: Option<String>,
}

/// The rows of all members, read after those of all partitions.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) members: Vec<MemberRow>,
    /// In the order of their numbers, without gaps.
    pub(super) partitions: Vec<PartitionRow>,
}

impl View {
    fn partitions(&self) -> impl Iterator<Item = (Partition, &PartitionRow)> {
        (0..=u8::MAX).map(Partition).zip(&self.partitions)
    }

    fn state(&self, member: Uuid) -> MemberState {
        let found = self.members.iter().find(|row| row.id == member);
        found.map_or(MemberState::Dead, |row| row.state) // removed
    }
}

/// What a member has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// This member was evicted or removed: it owns nothing, and joins again as another one.
    pub(super) is_out: bool,
    /// Partitions that this member owned and another one has.
    pub(super) lost: Vec<Partition>,
    /// Partitions that are this member's in the rows only, with their epochs: the answer to the
    /// take-up was lost.
    pub(super) found: Vec<(Partition, i64)>,
    /// Partitions that were released, and are still this member's in the rows, with their epochs.
    pub(super) unreleased: Vec<(Partition, i64)>,
    /// Own partitions that another member is to have. Each is here once.
    pub(super) wanted: Vec<Partition>,
    /// Members to evict, with the beat that stands still.
    pub(super) silent: Vec<(Uuid, i64)>,
    /// Partitions to take, which have no owner.
    pub(super) take: Vec<Partition>,
    /// No other member lives: the partitions are taken all at once.
    pub(super) is_alone: bool,
    /// Partitions of other members to ask for.
    pub(super) want: Vec<Partition>,
}

/// The memory of a member about the rows.
#[derive(Debug)]
pub(super) struct Lease {
    me: Uuid,
    /// The beat of each member, and since when this process has seen it.
    beats: HashMap<Uuid, (i64, Instant)>,
    last_read: Option<Instant>,
    /// Own partitions that were reported as wanted.
    reported: [bool; PARTITIONS],
    /// Partitions that were released, with their epochs. The rows may not say it yet.
    released: [Option<i64>; PARTITIONS],
    /// Since when this process has seen each partition without an owner.
    free: [Option<Instant>; PARTITIONS],
    /// The start of the current second of moves, and the number of moves in it.
    moves: (Option<Instant>, usize),
}

impl Lease {
    pub(super) fn new(me: Uuid) -> Self {
        Self {
            me,
            beats: HashMap::new(),
            last_read: None,
            reported: [false; PARTITIONS],
            released: [None; PARTITIONS],
            free: [None; PARTITIONS],
            moves: (None, 0),
        }
    }

    /// A partition is not this member's any more, whatever the rows say until they are changed.
    pub(super) fn released(&mut self, partition: Partition, epoch: i64) {
        self.released[usize::from(partition.0)] = Some(epoch);
    }

    /// Decides what to do about rows that were read between `started` and `done`. `owned` returns
    /// the epochs of the partitions that this process takes for its own.
    pub(super) fn decide(
        &mut self,
        view: &View,
        owned: impl Fn(Partition) -> Option<i64>,
        started: Instant,
        done: Instant,
    ) -> Decision {
        let mut decision = Decision::default();
        let silent = self.silent(view, started, done);
        let own_state = view.state(self.me);
        if own_state == MemberState::Dead {
            decision.is_out = true;
            return decision;
        }
        self.compare(view, &owned, own_state, &mut decision);
        if own_state == MemberState::Live {
            let members = Members::new(self.me, view);
            decision.is_alone = members.is_alone;
            self.claim(view, &members, done, &mut decision);
            if members.is_steady {
                self.ask(view, &members, done, &mut decision);
            }
        }
        decision.silent = silent;
        decision
    }

    /// Returns the time until a member may have to be evicted, if its beat goes on to stand still.
    pub(super) fn silence_in(&self, now: Instant) -> Option<Duration> {
        let seen = self.beats.values().map(|(_, since)| since.after(SILENCE));
        seen.min().map(|end| end.since(now))
    }

    /// Returns the members whose beat stands still.
    fn silent(&mut self, view: &View, started: Instant, done: Instant) -> Vec<(Uuid, i64)> {
        let last_read = self.last_read.replace(done);
        if last_read.is_none_or(|last| started.since(last) > READ_GAP) {
            self.beats.clear();
        }
        self.beats
            .retain(|id, _| view.state(*id) != MemberState::Dead);
        let mut silent = Vec::new();
        for row in &view.members {
            if row.id == self.me || row.state == MemberState::Dead {
                continue;
            }
            let seen = self.beats.entry(row.id).or_insert((row.beat, done));
            if seen.0 != row.beat {
                *seen = (row.beat, done);
            } else if started.since(seen.1) >= SILENCE {
                silent.push((row.id, row.beat));
            }
        }
        silent
    }

    /// Compares the rows with what this process takes for its own.
    fn compare(
        &mut self,
        view: &View,
        owned: impl Fn(Partition) -> Option<i64>,
        own_state: MemberState,
        decision: &mut Decision,
    ) {
        for (partition, row) in view.partitions() {
            let index = usize::from(partition.0);
            let in_row = (row.owner == Some(self.me)).then_some(row.epoch);
            let epoch = in_row.filter(|epoch| self.released[index] != Some(*epoch));
            if epoch != in_row {
                decision.unreleased.push((partition, row.epoch));
            }
            let own = owned(partition);
            if own.is_some() && own != epoch {
                decision.lost.push(partition);
            }
            if let Some(epoch) = epoch
                && own != Some(epoch)
            {
                decision.found.push((partition, epoch));
            }
            if epoch.is_none() || own != epoch {
                self.reported[index] = false;
            }
            let is_wanted = own_state == MemberState::Leaving
                || row
                    .wanted
                    .is_some_and(|by| by != self.me && view.state(by) == MemberState::Live);
            if epoch.is_some() && is_wanted && !self.reported[index] {
                self.reported[index] = true;
                decision.wanted.push(partition);
            }
        }
    }

    /// Finds the partitions without an owner that this member has to take.
    fn claim(&mut self, view: &View, members: &Members<'_>, now: Instant, decision: &mut Decision) {
        for (partition, row) in view.partitions() {
            let free = &mut self.free[usize::from(partition.0)];
            if row
                .owner
                .is_some_and(|owner| view.state(owner) != MemberState::Dead)
            {
                *free = None;
                continue;
            }
            let since = *free.get_or_insert(now);
            let wanted = row.wanted.filter(|by| view.state(*by) == MemberState::Live);
            let next = wanted.or_else(|| members.assignment.of(partition));
            if members.is_alone || next == Some(self.me) || now.since(since) >= UNCLAIMED {
                decision.take.push(partition);
            }
        }
    }

    /// Finds the partitions of other members that this one should have, a few in a second. Those
    /// that an operator moves, and those of members that stop, do not count.
    fn ask(&mut self, view: &View, members: &Members<'_>, now: Instant, decision: &mut Decision) {
        let (second, moves) = &mut self.moves;
        if second.is_none_or(|start| now.since(start) >= Duration::from_secs(1)) {
            (*second, *moves) = (Some(now), 0);
        }
        for (partition, row) in view.partitions() {
            let Some(owner) = row.owner.filter(|owner| *owner != self.me) else {
                continue;
            };
            let owner = view.state(owner);
            let is_mine = members.assignment.of(partition) == Some(self.me);
            if !is_mine || owner == MemberState::Dead || row.wanted == Some(self.me) {
                continue;
            }
            let is_limited = owner == MemberState::Live && members.pinned(row).is_none();
            if is_limited && *moves == MOVES {
                continue;
            }
            *moves += usize::from(is_limited);
            decision.want.push(partition);
        }
    }
}

/// The members that live, and what each should own.
struct Members<'a> {
    live: Vec<&'a MemberRow>,
    assignment: Assignment,
    is_alone: bool,
    /// Whether this member has lived for some time.
    is_steady: bool,
}

impl<'a> Members<'a> {
    fn new(me: Uuid, view: &'a View) -> Self {
        let live = view.members.iter();
        let live: Vec<_> = live.filter(|row| row.state == MemberState::Live).collect();
        let steady = live.iter().filter(|row| row.beat >= STEADY);
        let mut sharing: Vec<Uuid> = steady.map(|row| row.id).collect();
        let is_steady = sharing.contains(&me);
        if sharing.is_empty() {
            sharing = live.iter().map(|row| row.id).collect();
        }
        let mut members = Self {
            is_alone: live.iter().all(|row| row.id == me),
            is_steady,
            live,
            assignment: assign(&[], |_| None),
        };
        members.assignment = assign(&sharing, |partition| {
            members.pinned(&view.partitions[usize::from(partition.0)])
        });
        members
    }

    /// Returns the member to which an operator has moved a partition, if it lives.
    fn pinned(&self, row: &PartitionRow) -> Option<Uuid> {
        let name = row.pinned.as_ref()?;
        let named = self.live.iter().filter(|member| member.name == *name);
        named.map(|member| member.id).min()
    }
}

#[cfg(test)]
mod tests {
    use crate::store::postgres::members::lease::*;

    const ONE: Uuid = Uuid::from_u128(1);
    const TWO: Uuid = Uuid::from_u128(2);
    const THREE: Uuid = Uuid::from_u128(3);

    fn view(members: &[Uuid]) -> View {
        let row = |id: &Uuid| MemberRow {
            id: *id,
            name: id.as_u128().to_string(),
            beat: 100,
            state: MemberState::Live,
        };
        View {
            members: members.iter().map(row).collect(),
            partitions: vec![PartitionRow::default(); PARTITIONS],
        }
    }

    impl View {
        fn member(&mut self, id: Uuid) -> &mut MemberRow {
            self.members.iter_mut().find(|row| row.id == id).unwrap()
        }

        fn own_all(mut self, owner: Uuid) -> Self {
            self.partitions
                .iter_mut()
                .for_each(|row| row.owner = Some(owner));
            self
        }

        /// The partitions that a member owns as far as the rows are right.
        fn owned(&self, me: Uuid) -> impl Fn(Partition) -> Option<i64> + use<> {
            let partitions = self.partitions.clone();
            move |partition| {
                let row = &partitions[usize::from(partition.0)];
                (row.owner == Some(me)).then_some(row.epoch)
            }
        }

        /// Does what was decided, as the database would.
        fn apply(&mut self, me: Uuid, decision: &Decision) {
            for (id, beat) in &decision.silent {
                let row = self.member(*id);
                assert_eq!(row.beat, *beat);
                row.state = MemberState::Dead;
            }
            for partition in &decision.take {
                let row = &mut self.partitions[usize::from(partition.0)];
                *row = PartitionRow {
                    owner: Some(me),
                    epoch: row.epoch + 1,
                    wanted: None,
                    pinned: row.pinned.clone(),
                };
            }
            for partition in &decision.want {
                self.partitions[usize::from(partition.0)].wanted = Some(me);
            }
        }
    }

    /// Decides at a moment, as if everything in the rows were known.
    fn decide(lease: &mut Lease, view: &View, ms: u64) -> Decision {
        let owned = view.owned(lease.me);
        lease.decide(view, owned, Instant::at(ms), Instant::at(ms))
    }

    #[test]
    fn a_member_alone_takes_everything_at_once() {
        let mut view = view(&[ONE]);
        view.member(ONE).beat = 0;
        let decision = decide(&mut Lease::new(ONE), &view, 0);
        assert!(decision.is_alone);
        assert_eq!(decision.take.len(), PARTITIONS);
    }

    #[test]
    fn members_that_start_together_share_everything() {
        let mut view = view(&[ONE, TWO]);
        view.member(ONE).beat = 0;
        view.member(TWO).beat = 0;
        let one = decide(&mut Lease::new(ONE), &view, 0);
        let two = decide(&mut Lease::new(TWO), &view, 0);
        assert!(!one.is_alone);
        assert_eq!((one.take.len(), two.take.len()), (128, 128));
        assert!(one.take.iter().all(|own| !two.take.contains(own)));
    }

    #[test]
    fn a_member_that_just_started_asks_for_nothing() {
        let mut view = view(&[ONE, TWO]).own_all(ONE);
        view.member(TWO).beat = STEADY - 1;
        let mut lease = Lease::new(TWO);
        for beat in [100, 5] {
            view.member(ONE).beat = beat;
            assert_eq!(decide(&mut lease, &view, 0), Decision::default());
        }
        view.member(TWO).beat = STEADY;
        assert_eq!(decide(&mut lease, &view, 500).want.len(), MOVES);
    }

    #[test]
    fn a_member_asks_for_its_share_in_steps() {
        let mut view = view(&[ONE, TWO]).own_all(ONE);
        let (mut lease, mut steps) = (Lease::new(TWO), Vec::new());
        for ms in (0..60_000).step_by(500) {
            view.member(ONE).beat += 1;
            let decision = decide(&mut lease, &view, ms);
            steps.push(decision.want.len());
            view.apply(TWO, &decision);
            if steps.iter().sum::<usize>() == 128 {
                break;
            }
        }
        let expected: Vec<_> = [MOVES, 0].into_iter().cycle().take(63).collect();
        assert_eq!(steps, expected);
        assert!(decide(&mut lease, &view, 100_000).want.is_empty());
    }

    #[test]
    fn a_partition_that_is_wanted_is_reported_once() {
        let mut view = view(&[ONE, TWO]).own_all(ONE);
        view.partitions[7].wanted = Some(TWO);
        view.partitions[8].wanted = Some(ONE);
        view.partitions[9].wanted = Some(THREE); // gone
        let mut lease = Lease::new(ONE);
        assert_eq!(decide(&mut lease, &view, 0).wanted, [Partition(7)]);
        assert!(decide(&mut lease, &view, 500).wanted.is_empty());
        lease.released(Partition(7), 0);
        let not_known = view.owned(ONE);
        let owned = |partition| not_known(partition).filter(|_| partition != Partition(7));
        let decision = lease.decide(&view, owned, Instant::at(600), Instant::at(600));
        let expected = Decision {
            unreleased: vec![(Partition(7), 0)],
            ..Decision::default()
        };
        assert_eq!(decision, expected, "the row is not changed yet");
    }

    #[test]
    fn a_released_partition_is_taken_by_the_one_that_wanted_it() {
        let mut view = view(&[ONE, TWO, THREE]).own_all(ONE);
        for wanted in [TWO, THREE] {
            view.partitions[7] = PartitionRow {
                owner: None,
                wanted: Some(wanted),
                ..PartitionRow::default()
            };
            for other in [ONE, TWO, THREE] {
                let taken = decide(&mut Lease::new(other), &view, 0).take;
                assert_eq!(taken.contains(&Partition(7)), other == wanted);
            }
        }
    }

    #[test]
    fn a_partition_that_nobody_takes_is_taken_by_any_member() {
        let mut view = view(&[ONE, TWO]).own_all(ONE);
        view.partitions[7] = PartitionRow {
            owner: None,
            wanted: Some(TWO),
            ..PartitionRow::default()
        };
        let mut lease = Lease::new(ONE);
        for ms in [0, 1_000, 2_999] {
            assert!(decide(&mut lease, &view, ms).take.is_empty());
        }
        assert_eq!(decide(&mut lease, &view, 3_000).take, [Partition(7)]);
    }

    #[test]
    fn a_member_is_evicted_when_its_beat_stands_still() {
        let mut view = view(&[ONE, TWO, THREE]).own_all(THREE);
        let (mut one, mut two) = (Lease::new(ONE), Lease::new(TWO));
        let mut ms = 0;
        while ms < 4_000 {
            assert!(decide(&mut one, &view, ms).silent.is_empty(), "{ms}");
            assert!(decide(&mut two, &view, ms).silent.is_empty(), "{ms}");
            view.member(ONE).beat += 1;
            view.member(TWO).beat += 1;
            ms += 500;
        }
        let decision = decide(&mut one, &view, ms);
        assert_eq!(decision.silent, [(THREE, 100)]);
        assert!(decision.take.is_empty(), "its partitions are not free yet");
        view.apply(ONE, &decision);
        let (one, two) = (decide(&mut one, &view, ms), decide(&mut two, &view, ms));
        assert!(two.silent.is_empty());
        assert_eq!((one.take.len(), two.take.len()), (128, 128));
        assert!(one.take.iter().all(|own| !two.take.contains(own)));
    }

    #[test]
    fn the_next_eviction_is_known_before() {
        let view = view(&[ONE, TWO]);
        let mut lease = Lease::new(ONE);
        assert_eq!(lease.silence_in(Instant::at(0)), None);
        decide(&mut lease, &view, 100);
        decide(&mut lease, &view, 600);
        let left = lease.silence_in(Instant::at(3_900));
        assert_eq!(left, Some(Duration::from_millis(200)));
        assert_eq!(lease.silence_in(Instant::at(9_000)), Some(Duration::ZERO));
    }

    #[test]
    fn a_member_whose_beat_changes_is_not_evicted() {
        let mut view = view(&[ONE, TWO]);
        let mut lease = Lease::new(ONE);
        for ms in (0..60_000).step_by(500) {
            assert!(decide(&mut lease, &view, ms).silent.is_empty());
            if ms % 3_500 == 0 {
                view.member(TWO).beat += 1;
            }
        }
    }

    #[test]
    fn an_outage_of_the_database_evicts_nobody() {
        let view = view(&[ONE, TWO]).own_all(TWO);
        let mut lease = Lease::new(ONE);
        assert!(decide(&mut lease, &view, 0).silent.is_empty());
        // All beats stand still, and so does this process.
        for ms in [60_000, 60_500, 63_900] {
            assert!(decide(&mut lease, &view, ms).silent.is_empty(), "{ms}");
        }
        let mut lease = Lease::new(ONE);
        for ms in (0..30_000).step_by(2_001) {
            assert!(decide(&mut lease, &view, ms).silent.is_empty(), "{ms}");
        }
    }

    #[test]
    fn a_read_that_takes_long_evicts_nobody() {
        let view = view(&[ONE, TWO]).own_all(TWO);
        let mut lease = Lease::new(ONE);
        let owned = |_| None;
        let slow = lease.decide(&view, owned, Instant::at(0), Instant::at(3_000));
        assert!(slow.silent.is_empty());
        let next = lease.decide(&view, owned, Instant::at(4_500), Instant::at(9_000));
        assert!(next.silent.is_empty());
    }

    #[test]
    fn a_member_that_was_evicted_or_removed_is_out() {
        let mut view = view(&[ONE, TWO]).own_all(ONE);
        view.member(ONE).state = MemberState::Dead;
        let out = Decision {
            is_out: true,
            ..Decision::default()
        };
        assert_eq!(decide(&mut Lease::new(ONE), &view, 0), out);
        view.members.remove(0);
        assert_eq!(decide(&mut Lease::new(ONE), &view, 0), out);
    }

    #[test]
    fn what_another_member_has_is_lost() {
        let view = view(&[ONE, TWO]).own_all(TWO);
        let owned = |partition| (partition == Partition(5)).then_some(3);
        let decision = Lease::new(ONE).decide(&view, owned, Instant::at(0), Instant::at(0));
        assert_eq!(decision.lost, [Partition(5)]);
    }

    #[test]
    fn what_was_taken_although_the_answer_was_lost_is_found() {
        let mut view = view(&[ONE]).own_all(ONE);
        view.partitions[5].epoch = 4;
        let mut lease = Lease::new(ONE);
        let owned = |partition| Some(if partition == Partition(5) { 3 } else { 0 });
        let decision = lease.decide(&view, owned, Instant::at(0), Instant::at(0));
        assert_eq!(decision.lost, [Partition(5)], "the epoch is another");
        assert_eq!(decision.found, [(Partition(5), 4)]);
        lease.released(Partition(6), 0);
        let owned = |partition| view.owned(ONE)(partition).filter(|_| partition.0 != 6);
        let decision = lease.decide(&view, owned, Instant::at(0), Instant::at(0));
        assert!(decision.found.is_empty(), "a released one is not found");
    }

    #[test]
    fn a_member_that_stops_gains_nothing_and_its_partitions_are_wanted() {
        let mut view = view(&[ONE, TWO]).own_all(ONE);
        view.partitions[3].owner = None;
        view.member(ONE).state = MemberState::Leaving;
        let mut lease = Lease::new(ONE);
        let decision = decide(&mut lease, &view, 0);
        assert_eq!(decision.wanted.len(), PARTITIONS - 1);
        assert!(decision.take.is_empty());
        assert!(decide(&mut lease, &view, 500).wanted.is_empty());
        let other = decide(&mut Lease::new(TWO), &view, 0);
        assert_eq!(other.want.len(), PARTITIONS - 1, "all at once");
        assert_eq!(other.take, [Partition(3)]);
    }

    #[test]
    fn a_pinned_partition_is_asked_for_at_once_and_stays() {
        let mut view = view(&[ONE, TWO]);
        for number in 0..=u8::MAX {
            let owner = Members::new(ONE, &view).assignment.of(Partition(number));
            view.partitions[usize::from(number)].owner = owner;
        }
        let of_one: Vec<_> = (0..PARTITIONS)
            .filter(|index| view.partitions[*index].owner == Some(ONE))
            .collect();
        for index in &of_one[..40] {
            view.partitions[*index].pinned = Some("2".to_owned());
        }
        let want = decide(&mut Lease::new(TWO), &view, 0).want;
        assert!(
            of_one[..40]
                .iter()
                .all(|index| want.iter().any(|own| usize::from(own.0) == *index))
        );
        for partition in want {
            view.partitions[usize::from(partition.0)].owner = Some(TWO);
        }
        let back = decide(&mut Lease::new(ONE), &view, 0).want;
        assert!(
            back.iter()
                .all(|own| view.partitions[usize::from(own.0)].pinned.is_none())
        );
    }

    #[test]
    fn any_order_of_events_leads_to_fair_shares_of_the_live() {
        for seed in 0..8_u64 {
            let mut random = seed;
            let mut next = |below: u64| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (random >> 33) % below
            };
            let mut view = view(&[]);
            let mut leases: Vec<Lease> = Vec::new();
            let mut born = 0;
            for step in 0..400 {
                let ms = step * 500;
                match next(40) {
                    0 if leases.len() < 5 && step < 250 => {
                        born += 1;
                        let id = Uuid::from_u128(u128::from(seed) << 64 | born);
                        leases.push(Lease::new(id));
                        view.members.push(MemberRow {
                            id,
                            name: born.to_string(),
                            beat: 0,
                            state: MemberState::Live,
                        });
                    }
                    1 if leases.len() > 1 && step < 250 => {
                        leases.swap_remove(usize::try_from(next(leases.len() as u64)).unwrap());
                    }
                    _ => {}
                }
                for lease in &mut leases {
                    view.member(lease.me).beat += 1;
                    let decision = decide(lease, &view, ms);
                    assert!(!decision.is_out && decision.lost.is_empty());
                    for partition in &decision.wanted {
                        view.partitions[usize::from(partition.0)].owner = None;
                    }
                    view.apply(lease.me, &decision);
                }
            }
            let share = PARTITIONS.div_ceil(leases.len().max(1));
            for lease in &leases {
                let own = view.partitions.iter();
                let own = own.filter(|row| row.owner == Some(lease.me)).count();
                assert!(own <= share && own + leases.len() >= PARTITIONS / leases.len());
            }
        }
    }
}
