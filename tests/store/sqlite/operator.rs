//! Tests of an operator's command that changes the store while another process runs on it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imbot::store::{
    BackupError, CallId, ForgetScope, Inbox, Notice, Operator, Outbox, Settled, Sqlite,
    StateChange, TurnCommit, Turns, Upkeep,
};

use super::Home;
use imbot::store::contract::sample::{
    append, at, chat, conversation, dead, delivery, numbers, put, say, stored, waiting,
};

#[tokio::test]
async fn the_running_process_gets_notices_of_an_operators_decisions() {
    let home = Home::new();
    let running = home.open();
    let event = append(&running, 1, "27").await;
    running.commit(dead(event, true)).await.unwrap();
    let other = append(&running, 2, "28").await;
    let turn = TurnCommit {
        calls: vec![say(other, 0, "28", "hi")],
        ..dead(other, true)
    };
    running.commit(turn).await.unwrap();
    let call = CallId {
        event: other,
        index: 0,
    };
    let error = "refused".to_owned();
    running
        .settle(call, Settled::Dead { at: at(2), error })
        .await
        .unwrap();
    assert!(running.notices().await.unwrap().is_empty());

    let operator = Sqlite::attend(&home.path, &home.key).unwrap();
    let letters = operator.dead_letters(None, 10).await.unwrap();
    assert!(operator.revive(letters[0].id).await.unwrap());
    assert!(operator.drop_dead_letter(letters[1].id).await.unwrap());
    assert!(operator.revive(letters[2].id).await.unwrap());
    operator.close().await.unwrap();
    drop(operator);
    let expected = [
        Notice::Event(event, chat("27")),
        Notice::Unblocked(chat("28")),
        Notice::Call(call, conversation("28")),
    ];
    assert_eq!(running.notices().await.unwrap(), expected);
    assert!(
        running.notices().await.unwrap().is_empty(),
        "each notice comes once"
    );
    assert!(running.blocked().await.unwrap().is_empty());
    assert_eq!(waiting(&running).await, [event]);
}

#[tokio::test]
async fn the_running_process_gets_a_notice_of_a_part_that_an_operator_changes() {
    let home = Home::new();
    let running = home.open();
    assert!(running.notices().await.unwrap().is_empty());
    let operator = Sqlite::attend(&home.path, &home.key).unwrap();
    let part = conversation("27").part("paused");
    let change = StateChange::Put(stored("{}"));
    operator.change_part(&part, at(1), change).await.unwrap();
    operator.close().await.unwrap();
    drop(operator);
    assert_eq!(
        running.notices().await.unwrap(),
        [Notice::Part(part.clone())]
    );
    assert_eq!(running.state(&part).await.unwrap(), Some(stored("{}")));
}

#[tokio::test]
async fn forget_unblocks_the_queue_and_removes_message_ids_and_quarantined_states() {
    let home = Home::new();
    let running = home.open();
    let first = append(&running, 1, "27").await;
    let turn = TurnCommit {
        calls: vec![say(first, 0, "27", "hi")],
        ..put(first, "27", "old")
    };
    running.commit(turn).await.unwrap();
    let call = CallId {
        event: first,
        index: 0,
    };
    running.take(call).await.unwrap();
    running
        .settle(call, Settled::Sent(Some(imbot::event::MessageId(5))))
        .await
        .unwrap();
    let second = append(&running, 2, "27").await;
    let turn = TurnCommit {
        quarantine: Some("it does not decode".to_owned()),
        ..put(second, "27", "new")
    };
    running.commit(turn).await.unwrap();
    let third = append(&running, 3, "27").await;
    running.commit(dead(third, true)).await.unwrap();
    assert_eq!(running.status().await.unwrap().quarantined, 1);

    let operator = Sqlite::attend(&home.path, &home.key).unwrap();
    let scope = ForgetScope::Conversation(conversation("27"));
    assert_eq!(
        operator.forget(scope).await.unwrap(),
        4,
        "the state, the quarantined state, the message id and the dead letter"
    );
    assert_eq!(
        running.notices().await.unwrap(),
        [Notice::Unblocked(chat("27"))]
    );
    assert_eq!(running.message(call).await.unwrap(), None);
    assert_eq!(running.status().await.unwrap().quarantined, 0);
}

#[tokio::test]
async fn only_the_running_process_may_append_events_and_take_notices() {
    let home = Home::new();
    let running = home.open();
    let operator = Sqlite::attend(&home.path, &home.key).unwrap();
    let error = operator
        .append(delivery(1, &[chat("27")]))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("only the running process"), "{error}");
    assert!(
        operator.notices().await.is_err(),
        "notices are for the running process"
    );
    // The first number, in the partition of the portal.
    assert_eq!(append(&running, 1, "27").await.0, 256 + 105);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_running_process_and_an_operator_can_write_at_once() {
    let home = Home::new();
    let running = Arc::new(home.open());
    for occurrence in 0..20 {
        let event = append(&*running, occurrence, "27").await;
        running.commit(dead(event, false)).await.unwrap();
    }
    let operator = Sqlite::attend(&home.path, &home.key).unwrap();
    let store = running.clone();
    let busy = tokio::spawn(async move {
        for occurrence in 100..300 {
            append(&*store, occurrence, "28").await;
        }
    });
    for letter in operator.dead_letters(None, 100).await.unwrap() {
        assert!(operator.revive(letter.id).await.unwrap());
    }
    busy.await.unwrap();
    assert_eq!(running.notices().await.unwrap().len(), 20);
    assert_eq!(waiting(&*running).await.len(), 220);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_store_in_use_shows_one_moment() {
    let home = Home::new();
    let running = Arc::new(home.open());
    for occurrence in 0..200 {
        let event = append(&*running, occurrence, "27").await;
        running.commit(put(event, "27", "{}")).await.unwrap();
        append(&*running, 10_000 + occurrence, "28").await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (store, stopped) = (running.clone(), stop.clone());
    let busy = tokio::spawn(async move {
        let mut occurrence = 20_000;
        while !stopped.load(Ordering::Relaxed) {
            let event = append(&*store, occurrence, "27").await;
            store.commit(TurnCommit::done(event, at(1))).await.unwrap();
            occurrence += 1;
        }
    });
    let copy = Home::new();
    let (sender, progress) = std::sync::mpsc::channel();
    running
        .backup(&copy.path, move |done, total| {
            sender.send((done, total)).unwrap()
        })
        .await
        .unwrap();
    let (done, total) = progress.iter().last().unwrap();
    assert!(done == total && total > 10, "{done} of {total}");
    let error = running.backup(&copy.path, |_, _| ()).await.unwrap_err();
    assert!(matches!(error, BackupError::Exists { .. }), "{error}");
    stop.store(true, Ordering::Relaxed);
    busy.await.unwrap();

    use std::os::unix::fs::PermissionsExt;
    assert_eq!(
        fs::metadata(&copy.path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let restored = Sqlite::open(&copy.path, &home.key).unwrap();
    let count = waiting(&restored).await.len();
    assert!((200..=201).contains(&count), "{count}");
    assert!(
        restored
            .event(waiting(&restored).await[0])
            .await
            .unwrap()
            .is_some()
    );
    let again = numbers(restored.append(delivery(5, &[chat("27")])).await.unwrap());
    assert_eq!(again, [None]);
}
