//! Tests of quarantined states, failure histories, age limits and freed pages.

use std::fs;

use imbot::event::MessageId;
use imbot::store::{
    CallId, ForgetScope, Inbox, Limits, NewDelivery, Operator, Outbox, Outcome, Settled,
    StateChange, TurnCommit, Turns, Upkeep,
};

use super::Home;
use imbot::store::contract::sample::{
    DAY, append, at, chat, conversation, delivery, failure, numbers, put, say, stored,
};

#[tokio::test]
async fn a_quarantined_state_is_stored_as_text_with_its_reason() {
    let home = Home::new();
    let store = home.open();
    let first = append(&store, 1, "27").await;
    store.commit(put(first, "27", "old")).await.unwrap();
    let second = append(&store, 2, "27").await;
    let turn = TurnCommit {
        quarantine: Some("it does not decode".to_owned()),
        ..put(second, "27", "new")
    };
    store.commit(turn).await.unwrap();
    assert_eq!(
        store.state(&conversation("27")).await.unwrap(),
        Some(stored("new"))
    );
    drop(store);
    let database = rusqlite::Connection::open(&home.path).unwrap();
    let sql = "SELECT conversation, data, reason FROM aside";
    let row: (String, String, String) = database
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    let expected = ("portal/7/27", "old", "it does not decode");
    assert_eq!(
        (&*row.0, &*row.1, &*row.2),
        expected,
        "as an operator reads it"
    );
}

#[tokio::test]
async fn a_process_whose_clock_jumped_knows_the_repeats_of_the_process_before() {
    const MONTH: u32 = 30;
    let home = Home::new();
    let right = at(0) + MONTH * DAY;
    let mut last = None;
    let jumps = [
        right,
        right + MONTH * DAY,
        right,
        right.before(MONTH * DAY),
        right,
    ];
    for (occurrence, now) in jumps.into_iter().enumerate() {
        let store = home.open();
        let new = |occurrence| NewDelivery {
            at: now,
            ..delivery(occurrence, &[chat("27")])
        };
        if let Some(last) = last {
            let again = numbers(store.append(new(last)).await.unwrap());
            assert_eq!(again, [None], "after jump {occurrence}");
        }
        let first = numbers(store.append(new(occurrence as u128)).await.unwrap());
        assert!(first[0].is_some());
        last = Some(occurrence as u128);
    }
}

#[tokio::test]
async fn the_last_twenty_failures_of_an_event_are_stored() {
    let home = Home::new();
    let store = home.open();
    let event = append(&store, 1, "27").await;
    for attempt in 0..25 {
        store.begin(event, None).await.unwrap();
        store
            .fail(event, failure(&attempt.to_string()))
            .await
            .unwrap();
    }
    let error = "the last error".to_owned();
    let outcome = Outcome::Dead {
        error,
        blocks: false,
    };
    store
        .commit(TurnCommit {
            outcome,
            ..TurnCommit::done(event, at(1))
        })
        .await
        .unwrap();
    let letter = store.dead_letters(None, 1).await.unwrap().remove(0);
    let errors: Vec<_> = letter
        .history
        .iter()
        .map(|failure| failure.error.as_str())
        .collect();
    let expected: Vec<_> = (5..25).map(|attempt: u32| attempt.to_string()).collect();
    assert_eq!(
        (letter.attempts, errors),
        (25, expected.iter().map(String::as_str).collect())
    );
}

#[tokio::test]
async fn a_turn_that_keeps_the_state_resets_the_idle_time_of_its_conversation() {
    let home = Home::new();
    let store = home.open();
    let first = append(&store, 1, "27").await;
    store.commit(put(first, "27", "{}")).await.unwrap();
    let second = append(&store, 2, "27").await;
    let turn = TurnCommit {
        at: at(1) + 3 * DAY,
        state: Some((conversation("27"), StateChange::Keep)),
        ..TurnCommit::done(second, at(1))
    };
    store.commit(turn).await.unwrap();
    let mut limits = Limits::default();
    limits.idle = Some(2 * DAY);
    let swept = store.sweep(at(1) + 4 * DAY, limits).await.unwrap();
    assert_eq!(swept.conversations, 0);
}

#[tokio::test]
async fn a_sweep_removes_old_message_ids_and_occurrences_and_frees_pages() {
    let home = Home::new();
    let store = home.open();
    let first = append(&store, 1, "27").await;
    let turn = TurnCommit {
        calls: vec![say(first, 0, "27", "hi")],
        ..TurnCommit::done(first, at(1))
    };
    store.commit(turn).await.unwrap();
    let call = CallId {
        event: first,
        index: 0,
    };
    store
        .settle(call, Settled::Sent(Some(MessageId(5))))
        .await
        .unwrap();
    let limits = Limits::default();
    store.sweep(at(1) + 6 * DAY, limits).await.unwrap();
    assert!(store.message(call).await.unwrap().is_some());
    store.sweep(at(2) + 7 * DAY, limits).await.unwrap();
    assert!(store.message(call).await.unwrap().is_none());
    let again = numbers(store.append(delivery(1, &[chat("27")])).await.unwrap());
    assert!(
        again[0].is_some(),
        "an old occurrence is not recognised any more"
    );

    let huge = "x".repeat(40 << 20);
    let event = append(&store, 2, "29").await;
    store.commit(put(event, "29", &huge)).await.unwrap();
    store
        .forget(ForgetScope::Conversation(conversation("29")))
        .await
        .unwrap();
    store.close().await.unwrap();
    let before = fs::metadata(&home.path).unwrap().len();
    drop(store);
    let store = home.open();
    store.sweep(at(3), limits).await.unwrap();
    store.close().await.unwrap();
    let after = fs::metadata(&home.path).unwrap().len();
    assert!(after + (20 << 20) < before, "{before} bytes, then {after}");
}
