//! A turn counts its attempt, and is kept whole or not at all.

use bytes::Bytes;
use imbot::store::{EventId, Outcome, StateChange, StoredState, TurnCommit};

use super::{
    append, at, conversation, dead, every_store, failure, put, say, stored, unsent, waiting,
};

#[tokio::test]
async fn an_attempt_is_counted_and_the_state_read() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let key = conversation("27");
        let first = append(store, 1, "27").await;
        let begun = store.begin(first, Some(&key)).await.unwrap().unwrap();
        assert_eq!((begun.attempt, begun.state), (1, None), "{name}");
        store.commit(put(first, "27", "{}")).await.unwrap();
        let second = append(store, 2, "27").await;
        for attempt in 1..=3 {
            let begun = store.begin(second, Some(&key)).await.unwrap().unwrap();
            assert_eq!(
                (begun.attempt, begun.state),
                (attempt, Some(stored("{}"))),
                "{name}"
            );
        }
        let begun = store
            .begin(second, Some(&conversation("28")))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((begun.attempt, begun.state), (4, None), "{name}");
        let begun = store.begin(second, None).await.unwrap().unwrap();
        assert_eq!((begun.attempt, begun.state), (5, None), "{name}");
    }
}

#[tokio::test]
async fn an_event_that_does_not_wait_cannot_begin_or_fail() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let id = append(store, 1, "27").await;
        store.commit(TurnCommit::done(id, at(1))).await.unwrap();
        for id in [id, EventId(999)] {
            assert!(store.begin(id, None).await.unwrap().is_none(), "{name}");
            store.fail(id, failure("late")).await.unwrap();
        }
        assert_eq!(waiting(store).await, [], "{name}");
    }
}

#[tokio::test]
async fn a_commit_happens_once() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let id = append(store, 1, "27").await;
        let turn = |state, index, outcome| TurnCommit {
            calls: vec![say(id, index, "27", "hi")],
            outcome,
            ..put(id, "27", state)
        };
        let error = "late".to_owned();
        let late = Outcome::Dead {
            error,
            blocks: true,
        };
        store.commit(turn("1", 0, Outcome::Done)).await.unwrap();
        store.commit(turn("2", 1, Outcome::Done)).await.unwrap();
        store.commit(turn("3", 2, late)).await.unwrap();
        let state = store.state(&conversation("27")).await.unwrap();
        assert_eq!(state, Some(stored("1")), "{name}");
        assert_eq!(unsent(store).await.len(), 1, "{name}");
        assert_eq!(store.status().await.unwrap().dead, 0, "{name}");
        assert!(store.blocked().await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_state_stays_until_it_is_replaced_or_forgotten() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let key = conversation("27");
        let state = |version, bytes: &'static [u8]| StoredState {
            version,
            bytes: Bytes::from_static(bytes),
        };
        let binary = state(3, &[0, 159, 146, 150]);
        for (occurrence, change, expected) in [
            (
                1,
                StateChange::Put(state(1, b"{\"n\":1}")),
                Some(state(1, b"{\"n\":1}")),
            ),
            (2, StateChange::Keep, Some(state(1, b"{\"n\":1}"))),
            (3, StateChange::Put(state(2, b"12")), Some(state(2, b"12"))),
            (4, StateChange::Put(binary.clone()), Some(binary)),
            (5, StateChange::Put(state(4, b"")), Some(state(4, b""))),
            (6, StateChange::Forget, None),
            (7, StateChange::Keep, None),
        ] {
            let id = append(store, occurrence, "27").await;
            let turn = TurnCommit {
                state: Some((key.clone(), change)),
                ..TurnCommit::done(id, at(1))
            };
            store.commit(turn).await.unwrap();
            let state = store.state(&key).await.unwrap();
            assert_eq!(state, expected, "{name} after {occurrence}");
        }
        assert_eq!(store.status().await.unwrap().conversations, 0, "{name}");
    }
}

#[tokio::test]
async fn a_dead_turn_keeps_its_state_and_calls_too() {
    for subject in every_store() {
        let (name, store) = (subject.name, &*subject.store);
        let id = append(store, 1, "27").await;
        let turn = TurnCommit {
            state: Some((conversation("27"), StateChange::Put(stored("1")))),
            calls: vec![say(id, 0, "27", "sorry")],
            ..dead(id, false)
        };
        store.commit(turn).await.unwrap();
        assert_eq!(waiting(store).await, [], "{name}");
        assert_eq!(unsent(store).await.len(), 1, "{name}");
        assert!(
            store.state(&conversation("27")).await.unwrap().is_some(),
            "{name}"
        );
        assert_eq!(store.status().await.unwrap().dead, 1, "{name}");
    }
}
