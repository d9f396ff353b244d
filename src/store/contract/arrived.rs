//! Arrived events are counted by name, for a bounded number of names.

use crate::store::{ARRIVED_MAX, Arrived, Store};
use std::sync::Arc;

use super::sample::at;
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(arrivals_are_added_up_by_name),
    check!(the_names_that_came_longest_ago_are_dropped_first),
];

fn arrived(name: &str, count: u64, last: u64) -> Arrived {
    Arrived {
        name: name.to_owned(),
        count,
        last: at(last),
    }
}

async fn arrivals_are_added_up_by_name(store: Arc<dyn Store>) {
    let store = &*store;
    assert_eq!(store.arrived(Vec::new()).await.unwrap(), []);
    let first = vec![arrived("ONTASKADD", 1, 0), arrived("ONCRMDEALADD", 2, 5)];
    assert_eq!(store.arrived(first.clone()).await.unwrap(), first);
    let more = vec![arrived("ONTASKADD", 3, 9), arrived("ONCRMDEALADD", 1, 4)];
    store.arrived(more).await.unwrap();
    let all = [arrived("ONTASKADD", 4, 9), arrived("ONCRMDEALADD", 3, 5)];
    assert_eq!(store.arrived(Vec::new()).await.unwrap(), all);
}

async fn the_names_that_came_longest_ago_are_dropped_first(store: Arc<dyn Store>) {
    let store = &*store;
    let many = (0..ARRIVED_MAX as u64).map(|number| arrived(&number.to_string(), 1, number + 1));
    store.arrived(many.collect()).await.unwrap();
    let all = store.arrived(vec![arrived("NEW", 1, 5000)]).await.unwrap();
    let has = |name: &str| all.iter().any(|arrived| arrived.name == name);
    assert_eq!(all.len(), ARRIVED_MAX);
    assert!(has("NEW") && has("1") && !has("0"));
}
