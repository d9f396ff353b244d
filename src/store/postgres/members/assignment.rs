//! Which member should own which partition: a function of the members alone, so that all of them
//! compute the same without talking to each other.
//!
//! This is rendezvous hashing with a limit. Each pair of a partition and a member has a fixed
//! score. Pairs are taken from the highest score down, unless the partition has its member already
//! or the member is full. A member that comes or goes changes no score of the others, so few
//! partitions move.

use siphasher::sip::SipHasher13;
use uuid::Uuid;

use crate::store::Partition;
use crate::store::postgres::fence::PARTITIONS;

/// The member that should own each partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment([Option<Uuid>; PARTITIONS]);

impl Assignment {
    /// Returns the member that should own the partition. Returns `None` if there are no members.
    pub(super) fn of(&self, partition: Partition) -> Option<Uuid> {
        self.0[usize::from(partition.0)]
    }
}

/// Assigns all partitions to the members. A pinned partition goes to the member of its pin, if that
/// is one of the members. No member has more than its share, which is the number of partitions by
/// the number of members, rounded up, except by pins.
pub(super) fn assign(members: &[Uuid], pinned: impl Fn(Partition) -> Option<Uuid>) -> Assignment {
    let mut members: Vec<Member> = members.iter().copied().map(Member::new).collect();
    members.sort_unstable_by_key(|member| member.id);
    members.dedup_by_key(|member| member.id);
    let mut assigned = Assignment([None; PARTITIONS]);
    if members.is_empty() {
        return assigned;
    }
    let share = PARTITIONS.div_ceil(members.len());
    for partition in (0..=u8::MAX).map(Partition) {
        let Some(pin) = pinned(partition) else {
            continue;
        };
        if let Some(member) = members.iter_mut().find(|member| member.id == pin) {
            member.partitions += 1;
            assigned.0[usize::from(partition.0)] = Some(pin);
        }
    }
    let mut pairs: Vec<(u64, usize, usize)> = (0..PARTITIONS)
        .flat_map(|partition| (0..members.len()).map(move |member| (partition, member)))
        .map(|(partition, member)| (members[member].score(partition), partition, member))
        .collect();
    pairs.sort_unstable_by(|one, other| other.cmp(one));
    for (_, partition, member) in pairs {
        let member = &mut members[member];
        let place = &mut assigned.0[partition];
        if place.is_none() && member.partitions < share {
            *place = Some(member.id);
            member.partitions += 1;
        }
    }
    assigned
}

struct Member {
    id: Uuid,
    partitions: usize,
}

impl Member {
    fn new(id: Uuid) -> Self {
        Self { id, partitions: 0 }
    }

    /// The score of a partition at this member: a stable hash.
    fn score(&self, partition: usize) -> u64 {
        let (high, low) = self.id.as_u64_pair();
        SipHasher13::new_with_keys(high, low).hash(&(partition as u64).to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::store::postgres::members::assignment::*;

    /// Returns members with ids from a seed.
    fn members(seed: u64, count: u64) -> Vec<Uuid> {
        (0..count)
            .map(|number| {
                let id =
                    |part: u64| SipHasher13::new_with_keys(seed, part).hash(&number.to_le_bytes());
                Uuid::from_u64_pair(id(1), id(2))
            })
            .collect()
    }

    fn shares(assignment: &Assignment) -> HashMap<Uuid, usize> {
        let mut shares = HashMap::new();
        for member in assignment.0.iter().flatten() {
            *shares.entry(*member).or_default() += 1;
        }
        shares
    }

    /// Returns the number of partitions with different members.
    fn moves(one: &Assignment, other: &Assignment) -> usize {
        one.0
            .iter()
            .zip(&other.0)
            .filter(|(one, other)| one != other)
            .count()
    }

    fn unpinned(_: Partition) -> Option<Uuid> {
        None
    }

    #[test]
    fn every_partition_has_a_member_and_no_member_has_more_than_its_share() {
        for (seed, count) in (0..40).flat_map(|seed| [1, 2, 3, 4, 5, 7, 16, 60].map(|n| (seed, n)))
        {
            let assignment = assign(&members(seed, count), unpinned);
            assert!(assignment.0.iter().all(Option::is_some));
            let share = PARTITIONS.div_ceil(usize::try_from(count).unwrap());
            let shares = shares(&assignment);
            assert!(shares.values().all(|own| *own <= share), "{shares:?}");
        }
        assert_eq!(assign(&[], unpinned).of(Partition(0)), None);
        let many = assign(&members(1, 300), unpinned);
        assert!(shares(&many).values().all(|own| *own == 1));
    }

    #[test]
    fn the_order_of_the_members_does_not_matter() {
        for seed in 0..20 {
            let mut members = members(seed, 5);
            let assignment = assign(&members, unpinned);
            members.rotate_left(2);
            members.push(members[0]);
            assert_eq!(assign(&members, unpinned), assignment);
        }
    }

    #[test]
    fn few_partitions_move_when_a_member_comes_or_goes() {
        for count in [2, 3, 4, 6] {
            let (mut moved, mut least) = (0, 0);
            for seed in 0..50 {
                let with = members(seed, count);
                let (_, without) = with.split_last().unwrap();
                let (with, without) = (assign(&with, unpinned), assign(without, unpinned));
                moved += moves(&with, &without);
                least += PARTITIONS / usize::try_from(count).unwrap();
            }
            // The limit moves some more than the share of the one that came or went.
            assert!(moved * 10 <= least * 13, "{count}: {moved} of {least}");
        }
    }

    #[test]
    fn a_pinned_partition_goes_to_the_member_of_its_pin() {
        for seed in 0..20 {
            let members = members(seed, 3);
            let before = assign(&members, unpinned);
            let to = members
                .iter()
                .find(|id| before.of(Partition(9)) != Some(**id));
            let pinned = |partition| (partition == Partition(9)).then_some(*to.unwrap());
            let after = assign(&members, pinned);
            assert_eq!(after.of(Partition(9)), to.copied());
            assert!(moves(&before, &after) <= 4, "{}", moves(&before, &after));
            assert!(shares(&after).values().all(|own| *own <= 86));
        }
    }

    #[test]
    fn a_pin_to_a_member_that_is_gone_has_no_effect() {
        let members = members(1, 3);
        let gone = assign(&members, |_| Some(Uuid::from_u128(1)));
        assert_eq!(gone, assign(&members, unpinned));
        let all = assign(&members, |_| Some(members[0]));
        assert_eq!(shares(&all)[&members[0]], PARTITIONS);
    }
}
