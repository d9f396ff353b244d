//! How often each event has arrived, by its name: counted in memory, and added to the store's
//! counts once a second.
//!
//! A crash loses the last second's counts, and no event: events are stored before they are
//! acknowledged.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;

use foldhash::quality::RandomState;

use crate::engine::lock;
use crate::store::{Arrived, Store, StoreError, Time};

/// What has arrived and is not in the store's counts yet: by name, how often, and when last.
#[derive(Debug, Default)]
pub(in crate::engine) struct Arrivals(Mutex<HashMap<Cow<'static, str>, (u64, Time), RandomState>>);

impl Arrivals {
    /// Counts an event that was accepted.
    pub(in crate::engine) fn count(&self, name: Cow<'static, str>, at: Time) {
        self.add(name, 1, at);
    }

    /// Adds what has arrived since the last call to the store's counts. What the store does not
    /// take is kept for the next call.
    ///
    /// # Errors
    /// The store cannot write.
    pub(in crate::engine) async fn flush(&self, store: &dyn Store) -> Result<(), StoreError> {
        let arrived = self.take();
        if arrived.is_empty() {
            return Ok(());
        }
        let added = store.arrived(arrived.clone()).await;
        if added.is_err() {
            for Arrived { name, count, last } in arrived {
                self.add(name.into(), count, last);
            }
        }
        added.map(|_| ())
    }

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

#[cfg(test)]
mod tests {
    use crate::engine::accept::arrivals::*;
    use crate::store::Memory;
    use crate::store::Operator as _;

    #[tokio::test]
    async fn counts_of_one_name_are_added_up_in_the_store() {
        let (arrivals, store) = (Arrivals::default(), Memory::new());
        arrivals.flush(&store).await.unwrap();
        for at in [3, 5, 4] {
            arrivals.count("ONCRMDEALADD".into(), Time(at));
        }
        arrivals.flush(&store).await.unwrap();
        arrivals.count("ONCRMDEALADD".into(), Time(2));
        arrivals.flush(&store).await.unwrap();
        let arrived = store.arrived(Vec::new()).await.unwrap();
        let expected = Arrived {
            name: "ONCRMDEALADD".to_owned(),
            count: 4,
            last: Time(5),
        };
        assert_eq!(arrived, [expected]);
        assert!(arrivals.take().is_empty());
    }
}
