//! Tests that answered operations are stored after the process has ended, in whatever way.

use imbot::store::{
    CallId, Content, EventId, Inbox, NewReminder, Notice, Reminder, ReminderChange, ReminderId,
    Settled, Store, TurnCommit, Turns, Upkeep,
};
use serde_json::json;

use super::Home;
use imbot::store::contract::sample::{
    append, at, body, chat, conversation, dead, delivery, failure, numbers, put, say, stored,
    unsent, waiting,
};

/// Fills every table. Returns a description of the content.
async fn fill(store: &dyn Store) -> String {
    let first = append(store, 1, "27").await;
    let reminder = Reminder {
        id: ReminderId {
            event: first,
            index: 0,
        },
        code: "echo".to_owned(),
        due: at(100),
        payload: json!({ "text": "later" }),
        person: None,
        every: None,
    };
    let to = conversation("27");
    let turn = TurnCommit {
        calls: vec![
            say(first, 0, "27", "a"),
            say(first, 1, "27", "b"),
            say(first, 2, "27", "c"),
        ],
        reminders: vec![ReminderChange::Set(NewReminder { to, reminder })],
        ..put(first, "27", "{\"n\":1}")
    };
    store.commit(turn).await.unwrap();
    let call = |index| CallId {
        event: first,
        index,
    };
    store.take(call(0)).await.unwrap();
    store
        .settle(call(0), Settled::Sent(Some(imbot::event::MessageId(5))))
        .await
        .unwrap();
    store.take(call(1)).await.unwrap();
    let second = append(store, 2, "28").await;
    store.begin(second, None).await.unwrap();
    store.fail(second, failure("once")).await.unwrap();
    store.commit(dead(second, true)).await.unwrap();
    let third = append(store, 3, "27").await;
    store.begin(third, None).await.unwrap();
    describe(store).await
}

/// Returns a description of the content.
async fn describe(store: &dyn Store) -> String {
    let [third] = waiting(store).await[..] else {
        panic!()
    };
    let event = store.event(third).await.unwrap().unwrap();
    let Content::Delivered { body: kept, .. } = &event.content else {
        panic!()
    };
    assert_eq!(*kept, body(3));
    let state = store.state(&conversation("27")).await.unwrap();
    assert_eq!(state, Some(stored("{\"n\":1}")));
    let message = store
        .message(CallId {
            event: EventId(1),
            index: 0,
        })
        .await
        .unwrap();
    let (calls, letters) = (
        unsent(store).await,
        store.dead_letters(None, 9).await.unwrap(),
    );
    let (blocked, due) = (
        store.blocked().await.unwrap(),
        store.next_due().await.unwrap(),
    );
    let mut status = store.status().await.unwrap();
    status.bytes = 0;
    format!("{event:?} {state:?} {message:?} {calls:?} {letters:?} {blocked:?} {due:?} {status:?}")
}

/// Checks that counts continue where they were.
async fn counts_continue(store: &dyn Store) {
    let [third] = waiting(store).await[..] else {
        panic!()
    };
    assert_eq!(store.begin(third, None).await.unwrap().unwrap().attempt, 2);
    let calls = unsent(store).await;
    let in_doubt = async |call| store.take(call).await.unwrap().unwrap().in_doubt;
    assert!(in_doubt(calls[0]).await && !in_doubt(calls[1]).await);
    let again = numbers(store.append(delivery(1, &[chat("27")])).await.unwrap());
    assert_eq!(again, [None], "a repeat is recognised");
    assert_eq!(append(store, 9, "27").await.0, third.0 + 256);
}

#[tokio::test]
async fn all_data_is_stored_after_a_close_and_after_a_drop() {
    for close in [true, false] {
        let home = Home::new();
        let store = home.open();
        let before = fill(&store).await;
        if close {
            store.close().await.unwrap();
            assert!(
                store.append(delivery(7, &[chat("27")])).await.is_err(),
                "a closed store accepts nothing"
            );
        }
        drop(store);
        let store = home.open();
        assert_eq!(describe(&store).await, before);
        counts_continue(&store).await;
    }
}

#[tokio::test]
async fn all_data_is_stored_after_a_kill() {
    let home = Home::new();
    let store = home.open();
    let before = fill(&store).await;
    let killed = home.copy();
    let store = killed.open();
    assert_eq!(describe(&store).await, before);
    counts_continue(&store).await;
}

#[tokio::test]
async fn the_number_of_a_handled_event_is_not_used_again_after_a_crash() {
    let home = Home::new();
    let store = home.open();
    let last = append(&store, 1, "27").await;
    store.commit(TurnCommit::done(last, at(1))).await.unwrap();
    let store = home.copy().open();
    assert!(waiting(&store).await.is_empty());
    assert!(append(&store, 2, "27").await > last);
}

#[tokio::test]
async fn an_event_that_was_written_despite_a_failed_flush_gets_a_notice() {
    let home = Home::new();
    let store = home.open();
    let before = append(&store, 1, "27").await;
    store.notices().await.unwrap();
    let error = store
        .fail_disk(delivery(2, &[chat("28")]))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("look at the disk"), "{error}");
    let found = EventId(before.0 + 256);
    assert_eq!(
        store.notices().await.unwrap(),
        [Notice::Event(found, chat("28"))]
    );
    assert_eq!(append(&store, 3, "27").await.0, found.0 + 256);
    assert_eq!(waiting(&store).await.len(), 3);
}
