//! Counts of arrived events by name, for the operator.

use serde::{Deserialize, Serialize};

use super::Time;

/// Maximum number of names that are counted. The names that arrived longest ago are dropped first.
pub const ARRIVED_MAX: usize = 1_000;

/// The number of times an event has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// The name of the event.
    pub name: String,
    /// The number of arrivals.
    pub count: u64,
    /// The time of the last arrival.
    pub last: Time,
}

/// Adds counts to the known ones.
pub(super) fn add_counts(known: &mut Vec<Arrived>, more: &[Arrived]) {
    for more in more {
        match known.iter_mut().find(|known| known.name == more.name) {
            Some(known) => {
                known.count += more.count;
                known.last = known.last.max(more.last);
            }
            None => known.push(more.clone()),
        }
    }
    if known.len() > ARRIVED_MAX {
        known.sort_by_key(|known| std::cmp::Reverse(known.last));
        known.truncate(ARRIVED_MAX);
    }
}
