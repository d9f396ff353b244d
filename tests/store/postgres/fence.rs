//! The fence: a process that has lost a partition cannot write there, and cannot find out too late.

use std::sync::Arc;
use std::time::Duration;

use imbot::event::{MemberId, MessageId};
use imbot::store::contract::sample::{
    append, at, conversation, dead, delivery, failure, numbers, put, say, stored, unsent, waiting,
};
use imbot::store::{
    CallId, Conversation, Inbox, Limits, NewReminder, Operator, OrderingKey, Outbox, Ownership,
    Reminder, ReminderChange, ReminderId, Reminders, Settled, StateChange, StoreError,
    StoreErrorKind, TurnCommit, Turns, Upkeep,
};

use crate::support::postgres;

fn refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    let error = outcome.expect_err("another process owns the partition");
    assert_eq!(error.kind(), StoreErrorKind::NotOwner, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_has_lost_its_partitions_cannot_write() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let old = schema.open().await;
    let event = append(&old, 1, "27").await;
    let reminder = Reminder {
        id: ReminderId { event, index: 0 },
        code: "echo".to_owned(),
        due: at(10),
        payload: serde_json::Value::Null,
        person: None,
        every: None,
    };
    let first_reminder = reminder.id;
    let to = conversation("27");
    let turn = TurnCommit {
        calls: vec![say(event, 0, "27", "hi")],
        reminders: vec![ReminderChange::Set(NewReminder { to, reminder })],
        ..put(event, "27", "{}")
    };
    old.commit(turn).await.unwrap();
    let gone = append(&old, 2, "28").await;
    old.commit(dead(gone, true)).await.unwrap();
    let event = append(&old, 3, "27").await;
    let call = unsent(&old).await[0];
    let letter = old.dead_letters(None, 1).await.unwrap().remove(0);
    old.drop_dead_letter(letter.id).await.unwrap(); // leaves a notice

    let new = schema.open().await;
    refused(old.begin(event, None).await);
    refused(old.fail(event, failure("late")).await);
    refused(old.commit(TurnCommit::done(event, at(2))).await);
    refused(old.commit(dead(event, false)).await);
    let quarantine = Some("unreadable".to_owned());
    let late = put(event, "27", "late");
    refused(old.commit(TurnCommit { quarantine, ..late }).await);
    let forgets = Some((conversation("27"), StateChange::Forget));
    let state = |state| TurnCommit {
        state,
        ..TurnCommit::done(event, at(2))
    };
    refused(old.commit(state(forgets)).await);
    let keeps = Some((conversation("27"), StateChange::Keep));
    refused(old.commit(state(keeps)).await);
    let calls = vec![say(event, 0, "27", "late")];
    refused(
        old.commit(TurnCommit {
            calls,
            ..state(None)
        })
        .await,
    );
    let cancels = vec![ReminderChange::Cancel(first_reminder)];
    refused(
        old.commit(TurnCommit {
            reminders: cancels,
            ..state(None)
        })
        .await,
    );
    refused(old.queue(vec![say(event, 0, "27", "late")]).await);
    refused(old.take(call).await);
    refused(old.settle(call, Settled::GivenUp).await);
    refused(old.settle(call, Settled::NotSent).await);
    refused(old.settle(call, Settled::Sent(Some(MessageId(5)))).await);
    let (at_last, error) = (at(9), "late".to_owned());
    refused(old.settle(call, Settled::Dead { at: at_last, error }).await);
    refused(old.due(at(20), 10).await);
    refused(old.notices().await);
    let limits = {
        let mut limits = Limits::default();
        limits.idle = Some(Duration::from_secs(1));
        limits
    };
    old.due(at(5), 10).await.unwrap(); // reads only
    old.sweep(at(1_000_000_000), limits).await.unwrap();

    assert_eq!(waiting(&new).await, [event]);
    assert_eq!(unsent(&new).await, [call]);
    let state = new.state(&conversation("27")).await.unwrap();
    assert_eq!(state, Some(stored("{}")));
    assert_eq!(new.notices().await.unwrap().len(), 1);
    assert_eq!(new.begin(event, None).await.unwrap().unwrap().attempt, 1);
    assert!(!new.take(call).await.unwrap().unwrap().in_doubt);
    assert_eq!(new.due(at(20), 10).await.unwrap().len(), 1);
    let other = CallId { event, index: 0 };
    assert!(new.take(other).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_partition_does_not_keep_turns_of_others_from_being_committed() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let store = Arc::new(schema.open().await);
    let mut events = Vec::new();
    for number in 0..40 {
        let key = OrderingKey::Chat(Conversation {
            portal: MemberId::new(format!("portal{number}")),
            ..conversation("27")
        });
        let partition = store.partition(key.portal());
        let appended = store.append(delivery(number, &[key])).await.unwrap();
        events.push((numbers(appended)[0].unwrap(), partition));
    }
    let lost = events[7].1;
    schema.sql(&format!(
        "UPDATE partition SET owner = NULL, epoch = epoch + 1 WHERE id = {}",
        lost.0
    ));
    let commits = events.iter().map(|(event, partition)| {
        let (store, event, partition) = (Arc::clone(&store), *event, *partition);
        tokio::spawn(async move {
            let committed = store.commit(TurnCommit::done(event, at(1))).await;
            (partition, committed)
        })
    });
    for commit in commits.collect::<Vec<_>>() {
        match commit.await.unwrap() {
            (partition, committed) if partition == lost => refused(committed),
            (_, committed) => committed.unwrap(),
        }
    }
    let waiting = waiting(&*store).await;
    let expected = events.iter().filter(|(_, own)| *own == lost);
    assert_eq!(waiting, expected.map(|(id, _)| *id).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_take_over_that_is_under_way_is_waited_for_and_seen() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let store = schema.open().await;
    let event = append(&store, 1, "27").await;
    let other = schema.connect().await;
    let take_over = "BEGIN; SELECT FROM partition FOR UPDATE;
        UPDATE partition SET owner = NULL, epoch = epoch + 1";
    other.batch_execute(take_over).await.unwrap();

    let commit = store.commit(TurnCommit::done(event, at(1)));
    let watch = async {
        let waits = "SELECT count(*) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND query LIKE '%fence%'";
        while cluster.sql(waits) == "0" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.batch_execute("COMMIT").await.unwrap();
    };
    let (committed, ()) = tokio::join!(commit, watch);
    refused(committed);
    assert_eq!(waiting(&store).await, [event]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_runs_outside_of_its_transaction_changes_nothing() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let store = schema.open().await;
    let event = append(&store, 1, "27").await;
    let other = schema.connect().await;
    let finish = format!("SELECT finish(ARRAY[{}::bigint])", event.0);
    let error = other.batch_execute(&finish).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "IB002");
    assert_eq!(waiting(&store).await, [event]);
}
