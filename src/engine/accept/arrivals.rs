//! What has arrived, by name: counted as it comes, and added up in the store once a second. An event that is written down is
//! never lost with the process; of the counts the last second's are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;

use foldhash::quality::RandomState;

use crate::engine::{Engine, lock};
use crate::store::{Arrived, StoreError, Time};

/// What has arrived and is not in the store's count yet: how often, and when last.
#[derive(Debug, Default)]
pub(in crate::engine) struct Arrivals(Mutex<HashMap<Cow<'static, str>, (u64, Time), RandomState>>);

impl Arrivals {
    fn add(&self, name: Cow<'static, str>, more: u64, at: Time) {
        let mut names = lock(&self.0);
        let (count, last) = names.entry(name).or_insert((0, at));
        *count += more;
        *last = at.max(*last);
    }

    fn take(&self) -> Vec<Arrived> {
        let names = std::mem::take(&mut *lock(&self.0));
        let arrived = |(name, (count, last)): (Cow<'static, str>, _)| Arrived {
            name: name.into_owned(),
            count,
            last,
        };
        names.into_iter().map(arrived).collect()
    }
}

impl Engine {
    /// Counts an event that was taken in.
    pub(in crate::engine) fn count_arrival(&self, name: Cow<'static, str>) {
        self.arrivals.add(name, 1, self.options.clock.now());
    }

    /// Adds up in the store what has arrived since the last time.
    pub(in crate::engine) async fn add_up_arrivals(&self) -> Result<(), StoreError> {
        let arrived = self.arrivals.take();
        if arrived.is_empty() {
            return Ok(());
        }
        let added = self.options.store.arrived(arrived.clone()).await;
        if added.is_err() {
            for Arrived { name, count, last } in arrived {
                self.arrivals.add(name.into(), count, last); // for the next time
            }
        }
        added.map(drop)
    }
}
