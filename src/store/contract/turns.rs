//! A turn counts its attempt, and is stored whole or not at all.

use crate::store::{
    EventId, Outcome, REPLACED, RESTORED, StateChange, Store, StoredState, TurnCommit,
};
use bytes::Bytes;
use std::sync::Arc;

use super::sample::{append, at, conversation, dead, failure, put, say, stored, unsent, waiting};
use super::{Check, check};

pub(super) const CHECKS: &[Check] = &[
    check!(begin_counts_the_attempt_and_reads_the_state),
    check!(an_event_that_does_not_wait_cannot_begin_or_fail),
    check!(a_commit_happens_once),
    check!(a_state_stays_until_it_is_replaced_or_forgotten),
    check!(a_dead_turn_keeps_its_state_and_calls_too),
    check!(a_state_that_cannot_be_read_is_quarantined_and_can_be_restored),
    check!(all_quarantined_states_can_be_restored_at_once),
    check!(parts_of_a_conversation_change_with_its_state),
    check!(a_state_that_is_put_before_the_commit_stays_if_the_turn_fails),
];

async fn begin_counts_the_attempt_and_reads_the_state(store: Arc<dyn Store>) {
    let store = &*store;
    let key = conversation("27");
    let first = append(store, 1, "27").await;
    let begun = store.begin(first, Some(&key)).await.unwrap().unwrap();
    assert_eq!((begun.attempt, begun.state), (1, None));
    store.commit(put(first, "27", "{}")).await.unwrap();
    let second = append(store, 2, "27").await;
    for attempt in 1..=3 {
        let begun = store.begin(second, Some(&key)).await.unwrap().unwrap();
        assert_eq!((begun.attempt, begun.state), (attempt, Some(stored("{}"))));
    }
    let begun = store
        .begin(second, Some(&conversation("28")))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((begun.attempt, begun.state), (4, None));
    let begun = store.begin(second, None).await.unwrap().unwrap();
    assert_eq!((begun.attempt, begun.state), (5, None));
}

async fn an_event_that_does_not_wait_cannot_begin_or_fail(store: Arc<dyn Store>) {
    let store = &*store;
    let id = append(store, 1, "27").await;
    store.commit(TurnCommit::done(id, at(1))).await.unwrap();
    for id in [id, EventId(999)] {
        assert!(store.begin(id, None).await.unwrap().is_none());
        store.fail(id, failure("late")).await.unwrap();
    }
    assert_eq!(waiting(store).await, []);
}

async fn a_commit_happens_once(store: Arc<dyn Store>) {
    let store = &*store;
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
    assert_eq!(state, Some(stored("1")));
    assert_eq!(unsent(store).await.len(), 1);
    assert_eq!(store.status().await.unwrap().dead, 0);
    assert!(store.blocked().await.unwrap().is_empty());
}

async fn a_state_stays_until_it_is_replaced_or_forgotten(store: Arc<dyn Store>) {
    let store = &*store;
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
        assert_eq!(state, expected, "after {occurrence}");
    }
    assert_eq!(store.status().await.unwrap().conversations, 0);
}

async fn a_dead_turn_keeps_its_state_and_calls_too(store: Arc<dyn Store>) {
    let store = &*store;
    let id = append(store, 1, "27").await;
    let turn = TurnCommit {
        state: Some((conversation("27"), StateChange::Put(stored("1")))),
        calls: vec![say(id, 0, "27", "sorry")],
        ..dead(id, false)
    };
    store.commit(turn).await.unwrap();
    assert_eq!(waiting(store).await, []);
    assert_eq!(unsent(store).await.len(), 1);
    assert!(store.state(&conversation("27")).await.unwrap().is_some());
    assert_eq!(store.status().await.unwrap().dead, 1);
}

async fn parts_of_a_conversation_change_with_its_state(store: Arc<dyn Store>) {
    let store = &*store;
    let chat = conversation("chat1");
    let [form, pressed] = [chat.part("form/27"), chat.part("pressed")];
    let parts = |form_change, pressed_change| {
        vec![
            (form.clone(), form_change),
            (pressed.clone(), pressed_change),
        ]
    };
    let put = |text| StateChange::Put(stored(text));
    let read = async |key| store.state(key).await.unwrap();
    let first = append(store, 1, "chat1").await;
    let turn = TurnCommit {
        parts: parts(put("1"), put("2")),
        ..TurnCommit::done(first, at(1))
    };
    store.commit(turn.clone()).await.unwrap();
    assert_eq!(read(&form).await, Some(stored("1")));
    assert_eq!(read(&pressed).await, Some(stored("2")));
    assert_eq!(read(&chat).await, None);
    assert_eq!(store.status().await.unwrap().conversations, 0);
    let second = append(store, 2, "chat1").await;
    let turn = TurnCommit {
        state: Some((chat.clone(), put("3"))),
        parts: parts(StateChange::Forget, StateChange::Keep),
        ..dead(second, false)
    };
    store.commit(turn).await.unwrap();
    assert_eq!(read(&form).await, None);
    assert_eq!(read(&pressed).await, Some(stored("2")));
    assert_eq!(read(&chat).await, Some(stored("3")));
    assert_eq!(store.status().await.unwrap().conversations, 1);
}

async fn a_state_that_is_put_before_the_commit_stays_if_the_turn_fails(store: Arc<dyn Store>) {
    let store = &*store;
    let part = conversation("27").part("once");
    let event = append(store, 1, "27").await;
    store.begin(event, None).await.unwrap();
    for text in ["1", "2"] {
        let put = store.put(event, &part, at(1), stored(text));
        put.await.unwrap();
    }
    store.fail(event, failure("later")).await.unwrap();
    assert_eq!(store.state(&part).await.unwrap(), Some(stored("2")));
    store.commit(TurnCommit::done(event, at(1))).await.unwrap();
    let late = store.put(event, &part, at(2), stored("late"));
    late.await.unwrap();
    assert_eq!(store.state(&part).await.unwrap(), Some(stored("2")));
}

/// Stores a state, and replaces it by another one because it cannot be read.
async fn quarantine(store: &dyn Store, occurrence: u128, dialog: &str) {
    let first = append(store, occurrence, dialog).await;
    store.commit(put(first, dialog, "old")).await.unwrap();
    let second = append(store, occurrence + 1, dialog).await;
    let turn = TurnCommit {
        quarantine: Some("unreadable".to_owned()),
        ..put(second, dialog, "new")
    };
    store.commit(turn).await.unwrap();
}

async fn a_state_that_cannot_be_read_is_quarantined_and_can_be_restored(store: Arc<dyn Store>) {
    let store = &*store;
    quarantine(store, 1, "27").await;
    let key = conversation("27");
    let reasons = async || {
        let states = store.quarantined(&key).await.unwrap();
        let reasons = states
            .iter()
            .map(|it| (it.state.clone(), it.reason.clone()));
        reasons.collect::<Vec<_>>()
    };
    let state = async || store.state(&key).await.unwrap();
    assert_eq!(reasons().await, [(stored("old"), "unreadable".to_owned())]);
    assert_eq!(state().await, Some(stored("new")));
    let other = conversation("28");
    assert_eq!(store.restore(Some(&other), at(2)).await.unwrap(), 0);
    assert_eq!(store.restore(Some(&key), at(2)).await.unwrap(), 1);
    assert_eq!(state().await, Some(stored("old")));
    let both = [
        (stored("old"), format!("{RESTORED}unreadable")),
        (stored("new"), REPLACED.to_owned()),
    ];
    assert_eq!(reasons().await, both);
    assert_eq!(store.status().await.unwrap().quarantined, 2);
    // Undone: what was replaced is restored.
    assert_eq!(store.restore(Some(&key), at(3)).await.unwrap(), 1);
    assert_eq!(state().await, Some(stored("new")));
}

async fn all_quarantined_states_can_be_restored_at_once(store: Arc<dyn Store>) {
    let store = &*store;
    quarantine(store, 1, "27").await;
    quarantine(store, 10, "chat1").await;
    assert_eq!(store.restore(None, at(2)).await.unwrap(), 2);
    assert_eq!(store.restore(None, at(3)).await.unwrap(), 0, "once");
    for dialog in ["27", "chat1"] {
        let state = store.state(&conversation(dialog)).await.unwrap();
        assert_eq!(state, Some(stored("old")));
    }
}
