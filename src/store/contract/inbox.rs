//! Deliveries are appended once, and wait until they are done.

use crate::event::MemberId;
use crate::store::{Content, EventId, NewDelivery, Occurrence, OrderingKey, Store, TurnCommit};
use std::sync::Arc;

use super::sample::{DAY, append, at, body, chat, delivery, numbers, waiting};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(an_event_waits_until_its_turn_is_committed),
    check!(the_events_of_a_delivery_share_its_body_until_the_last_is_done),
    check!(a_repeat_has_no_number),
    check!(the_time_of_the_last_event_stays_after_its_turn_and_ignores_repeats),
    check!(the_status_has_the_number_of_waiting_events_and_the_time_of_the_oldest),
    check!(a_repeat_is_known_for_a_day),
    check!(a_repeat_is_known_whatever_the_clock_says),
    check!(waiting_events_are_read_page_by_page),
    check!(events_that_are_appended_at_once_have_different_numbers),
];

async fn an_event_waits_until_its_turn_is_committed(store: Arc<dyn Store>) {
    let store = &*store;
    let mut ids = Vec::new();
    for occurrence in 1..=3 {
        ids.push(append(store, occurrence, "27").await);
    }
    assert!(ids.is_sorted(), "{ids:?}");
    store.commit(TurnCommit::done(ids[1], at(1))).await.unwrap();
    assert_eq!(waiting(store).await, [ids[0], ids[2]]);
    assert!(store.event(ids[1]).await.unwrap().is_none());
    let event = store.event(ids[2]).await.unwrap().unwrap();
    assert_eq!((event.key, event.at), (chat("27"), at(0)));
    let Content::Delivered { body: kept, part } = event.content else {
        panic!("of another kind");
    };
    assert_eq!((kept, part), (body(3), 0));
}

async fn the_events_of_a_delivery_share_its_body_until_the_last_is_done(store: Arc<dyn Store>) {
    let store = &*store;
    let keys = [
        chat("27"),
        OrderingKey::Hook {
            portal: MemberId::new("portal"),
            hook: "deals/new".into(),
        },
        OrderingKey::Application(MemberId::new("portal")),
    ];
    let ids = numbers(store.append(delivery(1, &keys)).await.unwrap());
    let ids: Vec<EventId> = ids.into_iter().flatten().collect();
    for done in [1, 0, 2] {
        let event = store.event(ids[done]).await.unwrap().unwrap();
        assert_eq!(event.key, keys[done]);
        let Content::Delivered { body: kept, part } = event.content else {
            panic!("of another kind");
        };
        assert_eq!((kept, usize::from(part)), (body(1), done));
        store
            .commit(TurnCommit::done(ids[done], at(1)))
            .await
            .unwrap();
    }
    assert!(waiting(store).await.is_empty());
}

async fn a_repeat_has_no_number(store: Arc<dyn Store>) {
    let store = &*store;
    let id = append(store, 1, "27").await;
    let twice = delivery(1, &[chat("27"), chat("27")]);
    let again = numbers(store.append(twice.clone()).await.unwrap());
    let [None, Some(second)] = again[..] else {
        panic!("{again:?}")
    };
    assert!(second > id);
    store.commit(TurnCommit::done(id, at(1))).await.unwrap();
    let again = numbers(store.append(twice).await.unwrap());
    assert_eq!(again, [None, None], "done events are known, too");
    let mut same = delivery(5, &[chat("27"), chat("28")]);
    same.events[1].occurrence = Occurrence(5);
    let same = numbers(store.append(same).await.unwrap());
    assert!(same[0].is_some() && same[1].is_none(), "within a delivery");
}

async fn the_time_of_the_last_event_stays_after_its_turn_and_ignores_repeats(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let last = async || {
        let last = store.last_event().await.unwrap();
        assert_eq!(last, store.status().await.unwrap().last_event);
        last
    };
    assert_eq!(last().await, None);
    let id = append(store, 1, "27").await;
    store.commit(TurnCommit::done(id, at(1))).await.unwrap();
    let later = |occurrence| NewDelivery {
        at: at(7),
        ..delivery(occurrence, &[chat("27")])
    };
    store.append(later(1)).await.unwrap();
    assert_eq!(last().await, Some(at(0)), "a repeat");
    store.append(later(2)).await.unwrap();
    assert_eq!(last().await, Some(at(7)));
}

async fn the_status_has_the_number_of_waiting_events_and_the_time_of_the_oldest(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let waiting = async || {
        let status = store.status().await.unwrap();
        (status.events, status.oldest_event)
    };
    assert_eq!(waiting().await, (0, None));
    let mut ids = Vec::new();
    for (occurrence, seconds) in [(1, 7), (2, 5), (3, 9)] {
        let event = NewDelivery {
            at: at(seconds),
            ..delivery(occurrence, &[chat("27")])
        };
        ids.extend(
            numbers(store.append(event).await.unwrap())
                .into_iter()
                .flatten(),
        );
    }
    assert_eq!(waiting().await, (3, Some(at(5))));
    store.commit(TurnCommit::done(ids[1], at(9))).await.unwrap();
    assert_eq!(waiting().await, (2, Some(at(7))));
}

async fn a_repeat_is_known_for_a_day(store: Arc<dyn Store>) {
    let store = &*store;
    for first in 0..24 {
        let first_at = at(first * 60 * 60);
        let own = NewDelivery {
            at: first_at,
            ..delivery(u128::from(first), &[chat("27")])
        };
        let late = NewDelivery {
            at: first_at + DAY,
            ..own.clone()
        };
        assert!(numbers(store.append(own).await.unwrap())[0].is_some());
        assert!(
            numbers(store.append(late).await.unwrap())[0].is_none(),
            "{first}"
        );
    }
}

async fn a_repeat_is_known_whatever_the_clock_says(store: Arc<dyn Store>) {
    const MONTH: u32 = 30;
    let store = &*store;
    let first = at(0) + MONTH * DAY;
    let times = [
        first,
        first + MONTH * DAY,
        first,
        first.before(MONTH * DAY),
        first + MONTH * DAY,
    ];
    for (occurrence, jump) in times.windows(2).enumerate() {
        let before = NewDelivery {
            at: jump[0],
            ..delivery(occurrence as u128, &[chat("27")])
        };
        let after = NewDelivery {
            at: jump[1],
            ..before.clone()
        };
        assert!(numbers(store.append(before).await.unwrap())[0].is_some());
        let again = numbers(store.append(after).await.unwrap());
        assert_eq!(again, [None], "{jump:?}");
    }
}

async fn waiting_events_are_read_page_by_page(store: Arc<dyn Store>) {
    let store = &*store;
    let mut ids = Vec::new();
    for occurrence in 0..10 {
        ids.push(append(store, occurrence, &format!("chat{occurrence}")).await);
    }
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let page = store.waiting(None, after, 4).await.unwrap();
        let Some((last, key)) = page.last().cloned() else {
            break;
        };
        let place = ids.iter().position(|id| *id == last).unwrap();
        assert_eq!(key, chat(&format!("chat{place}")));
        after = Some(last);
        pages.push(page.len());
    }
    assert_eq!(pages, [4, 4, 2]);
}

async fn events_that_are_appended_at_once_have_different_numbers(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..200)
        .map(|occurrence| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { append(&*store, occurrence, "27").await })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200);
    assert_eq!(waiting(&*store).await, ids);
}
