//! Deliveries are written down once, and wait until they are done.

use imbot::event::MemberId;
use imbot::store::{Content, EventId, NewDelivery, Occurrence, OrderingKey, TurnCommit};

use super::{DAY, append, at, body, chat, delivery, every_store, numbers, waiting};

#[tokio::test]
async fn an_event_waits_until_its_turn_is_committed() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let mut ids = Vec::new();
        for occurrence in 1..=3 {
            ids.push(append(store, occurrence, "27").await);
        }
        assert!(ids.is_sorted(), "{name}: {ids:?}");
        store.commit(TurnCommit::done(ids[1], at(1))).await.unwrap();
        assert_eq!(waiting(store).await, [ids[0], ids[2]], "{name}");
        assert!(store.event(ids[1]).await.unwrap().is_none(), "{name}");
        let event = store.event(ids[2]).await.unwrap().unwrap();
        assert_eq!((event.key, event.at), (chat("27"), at(0)), "{name}");
        let Content::Delivered { body: kept, part } = event.content else {
            panic!("{name}");
        };
        assert_eq!((kept, part), (body(3), 0), "{name}");
    }
}

#[tokio::test]
async fn the_events_of_a_delivery_share_its_body_until_the_last_is_done() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let lanes = [
            chat("27"),
            OrderingKey::Hook {
                portal: MemberId::new("portal"),
                hook: "deals/new".into(),
            },
            OrderingKey::Application(MemberId::new("portal")),
        ];
        let ids = numbers(store.append(delivery(1, &lanes)).await.unwrap());
        let ids: Vec<EventId> = ids.into_iter().flatten().collect();
        for done in [1, 0, 2] {
            let event = store.event(ids[done]).await.unwrap().unwrap();
            assert_eq!(event.key, lanes[done], "{name}");
            let Content::Delivered { body: kept, part } = event.content else {
                panic!("{name}");
            };
            assert_eq!((kept, usize::from(part)), (body(1), done), "{name}");
            store
                .commit(TurnCommit::done(ids[done], at(1)))
                .await
                .unwrap();
        }
        assert!(waiting(store).await.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_repeat_has_no_number() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let id = append(store, 1, "27").await;
        let twice = delivery(1, &[chat("27"), chat("27")]);
        let again = numbers(store.append(twice.clone()).await.unwrap());
        assert_eq!(again, [None, Some(EventId(id.0 + 1))], "{name}");
        store.commit(TurnCommit::done(id, at(1))).await.unwrap();
        let again = numbers(store.append(twice).await.unwrap());
        assert_eq!(again, [None, None], "{name}: done events are known, too");
        let mut same = delivery(5, &[chat("27"), chat("28")]);
        same.events[1].occurrence = Occurrence(5);
        let same = numbers(store.append(same).await.unwrap());
        assert!(
            same[0].is_some() && same[1].is_none(),
            "{name}: within a delivery"
        );
    }
}

#[tokio::test]
async fn when_the_last_event_came_is_known_after_its_turn_and_repeats_are_none() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let last = async || store.status().await.unwrap().last_event;
        assert_eq!(last().await, None, "{name}");
        let id = append(store, 1, "27").await;
        store.commit(TurnCommit::done(id, at(1))).await.unwrap();
        let later = |occurrence| NewDelivery {
            at: at(7),
            ..delivery(occurrence, &[chat("27")])
        };
        store.append(later(1)).await.unwrap();
        assert_eq!(last().await, Some(at(0)), "{name}: a repeat");
        store.append(later(2)).await.unwrap();
        assert_eq!(last().await, Some(at(7)), "{name}");
    }
}

#[tokio::test]
async fn a_repeat_is_known_for_a_day() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
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
            assert!(
                numbers(store.append(own).await.unwrap())[0].is_some(),
                "{name}"
            );
            assert!(
                numbers(store.append(late).await.unwrap())[0].is_none(),
                "{name} {first}"
            );
        }
    }
}

#[tokio::test]
async fn what_waits_is_told_page_by_page() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        for occurrence in 0..10 {
            append(store, occurrence, &format!("chat{occurrence}")).await;
        }
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = store.waiting(after, 4).await.unwrap();
            let Some((last, lane)) = page.last().cloned() else {
                break;
            };
            assert_eq!(lane, chat(&format!("chat{}", last.0 - 1)), "{name}");
            after = Some(last);
            pages.push(page.len());
        }
        assert_eq!(pages, [4, 4, 2], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_have_different_numbers() {
    for subject in every_store() {
        let name = subject.name;
        let tasks: Vec<_> = (0..200)
            .map(|occurrence| {
                let store = subject.store.clone();
                tokio::spawn(async move { append(&*store, occurrence, "27").await })
            })
            .collect();
        let mut ids = Vec::new();
        for task in tasks {
            ids.push(task.await.unwrap());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 200, "{name}");
        assert_eq!(waiting(&*subject.store).await, ids, "{name}");
    }
}
