//! A portal's time is booked once.

use std::sync::Arc;
use std::time::Duration;

use crate::event::MemberId;
use crate::store::{Booking, Limits, Store, Time};

use super::sample::at;
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(a_booking_begins_where_the_last_one_ends_and_never_before_now),
    check!(nearly_full_time_is_booked_in_smaller_parts_and_in_the_end_one_by_one),
    check!(a_clock_that_is_set_back_does_not_stop_booking),
    check!(a_booking_is_removed_when_it_is_over_and_not_before),
];

/// A booking of the time of at most four requests of two seconds each, within twenty seconds.
fn wish(now: u64) -> Booking {
    Booking {
        from: at(now),
        each: Duration::from_secs(2),
        most: 4,
        by: at(now + 20),
    }
}

/// Books time. Returns its start and end, in seconds.
async fn book(store: &dyn Store, portal: &str, booking: Booking) -> (u64, u64) {
    let given = store.book(&MemberId::new(portal), booking).await.unwrap();
    let seconds = |time: Time| time.since(at(0)).as_secs();
    (seconds(given.start), seconds(given.end))
}

async fn a_booking_begins_where_the_last_one_ends_and_never_before_now(store: Arc<dyn Store>) {
    let store = &*store;
    assert_eq!(book(store, "a", wish(0)).await, (0, 8));
    assert_eq!(book(store, "a", wish(0)).await, (8, 16));
    assert_eq!(book(store, "b", wish(0)).await, (0, 8), "each portal");
    assert_eq!(book(store, "a", wish(30)).await, (30, 38), "it is over");
}

async fn nearly_full_time_is_booked_in_smaller_parts_and_in_the_end_one_by_one(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let most = 8;
    let wish = Booking { most, ..wish(0) };
    let given = [
        book(store, "a", wish).await,
        book(store, "a", wish).await,
        book(store, "a", wish).await,
        book(store, "a", wish).await,
    ];
    assert_eq!(given, [(0, 16), (16, 20), (20, 22), (22, 24)]);
}

async fn a_clock_that_is_set_back_does_not_stop_booking(store: Arc<dyn Store>) {
    let store = &*store;
    book(store, "a", wish(10_000)).await;
    assert_eq!(
        book(store, "a", wish(0)).await,
        (20, 22),
        "as if all were booked"
    );
    assert_eq!(book(store, "a", wish(6)).await, (22, 26));
}

async fn a_booking_is_removed_when_it_is_over_and_not_before(store: Arc<dyn Store>) {
    let store = &*store;
    book(store, "a", wish(0)).await;
    store.sweep(at(7), Limits::default()).await.unwrap();
    assert_eq!(book(store, "a", wish(0)).await, (8, 16));
    store.sweep(at(16), Limits::default()).await.unwrap();
    assert_eq!(
        book(store, "a", wish(0)).await,
        (0, 8),
        "nothing is left of it"
    );
}
