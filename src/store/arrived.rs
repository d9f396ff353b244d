//! What has arrived so far, by the names of events: for the operator's eyes.

use serde::{Deserialize, Serialize};

use super::Time;

/// The most names that are counted; those that did not come for the longest time are forgotten first.
pub const ARRIVED_MAX: usize = 1_000;

/// How often an event has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Its name.
    pub name: String,
    /// How often.
    pub count: u64,
    /// When it came last.
    pub last: Time,
}

/// Adds to what has arrived.
pub(super) fn add_up(known: &mut Vec<Arrived>, more: &[Arrived]) {
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
