//! A portal's time is booked once, by whichever process asks.

use std::time::Duration;

use imbot::event::MemberId;
use imbot::store::{Booking, Limits, Store};

use super::sqlite::Home;
use super::{at, every_store};

/// A wish for the time of at most four requests of two seconds each, within twenty seconds.
fn wish(now: u64) -> Booking {
    Booking {
        from: at(now),
        each: Duration::from_secs(2),
        most: 4,
        by: at(now + 20),
    }
}

/// Books, and tells from when to when in seconds.
async fn book(store: &dyn Store, portal: &str, booking: Booking) -> (u64, u64) {
    let given = store.book(&MemberId::new(portal), booking).await.unwrap();
    let seconds = |time: imbot::store::Time| time.since(at(0)).as_secs();
    (seconds(given.start), seconds(given.end))
}

#[tokio::test]
async fn a_booking_begins_where_the_last_one_ends_and_never_before_now() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        assert_eq!(book(store, "a", wish(0)).await, (0, 8), "{name}");
        assert_eq!(book(store, "a", wish(0)).await, (8, 16), "{name}");
        assert_eq!(
            book(store, "b", wish(0)).await,
            (0, 8),
            "{name}: each portal"
        );
        assert_eq!(
            book(store, "a", wish(30)).await,
            (30, 38),
            "{name}: it is over"
        );
    }
}

#[tokio::test]
async fn what_is_nearly_all_booked_is_given_in_smaller_parts_and_in_the_end_one_by_one() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let most = 8;
        let wish = Booking { most, ..wish(0) };
        let given = [
            book(store, "a", wish).await,
            book(store, "a", wish).await,
            book(store, "a", wish).await,
            book(store, "a", wish).await,
        ];
        assert_eq!(given, [(0, 16), (16, 20), (20, 22), (22, 24)], "{name}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nobody() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        book(store, "a", wish(10_000)).await;
        assert_eq!(
            book(store, "a", wish(0)).await,
            (20, 22),
            "{name}: as if all were booked"
        );
        assert_eq!(book(store, "a", wish(6)).await, (22, 26), "{name}");
    }
}

#[tokio::test]
async fn what_was_booked_is_forgotten_when_it_is_over_and_not_before() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        book(store, "a", wish(0)).await;
        store.sweep(at(7), Limits::default()).await.unwrap();
        assert_eq!(book(store, "a", wish(0)).await, (8, 16), "{name}");
        store.sweep(at(16), Limits::default()).await.unwrap();
        assert_eq!(
            book(store, "a", wish(0)).await,
            (0, 8),
            "{name}: nothing is left of it"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_book_at_once_never_get_the_same() {
    let home = Home::new();
    let running = home.open();
    let attending = imbot::store::Sqlite::attend(&home.path, &home.key).unwrap();
    let by = at(10_000);
    let wish = Booking { by, ..wish(0) };
    let all = async |store: &dyn Store| {
        let mut given = Vec::new();
        for _ in 0..50 {
            given.push(book(store, "a", wish).await);
        }
        given
    };
    let (mut given, others) = tokio::join!(all(&running), all(&attending));
    given.extend(others);
    given.sort_unstable();
    assert!(
        given.windows(2).all(|pair| pair[0].1 == pair[1].0),
        "{given:?}"
    );
}
