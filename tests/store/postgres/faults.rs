//! Lost answers, operations that fail alone, and processes that append at the same time.

use std::sync::Arc;

use imbot::event::DialogId;
use imbot::store::contract::sample::{
    append, at, chat, conversation, dead, delivery, failure, numbers, put, say, stored, unsent,
    waiting,
};
use imbot::store::{
    CallId, Conversation, EventId, Inbox, Operator, OrderingKey, Outbox, Postgres, Reminders,
    Settled, Store, StoreErrorKind, TurnCommit, Turns,
};

use crate::support::postgres;
use crate::support::proxy::Proxy;

/// The bytes of the request that ends a transaction.
const COMMIT: &[u8] = b"COMMIT\0";

/// Returns an empty store, and the proxy between it and the server. Returns `None` if these tests
/// are left out.
async fn behind_proxy() -> Option<(Proxy, Postgres)> {
    let cluster = postgres::shared()?;
    let proxy = Proxy::start(cluster.port()).await;
    let store = cluster.schema().open_at(proxy.port()).await;
    Some((proxy, store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_repeated_without_a_second_effect() {
    let Some((proxy, store)) = behind_proxy().await else {
        return;
    };
    let first = append(&store, 1, "27").await;
    let second = append(&store, 2, "28").await;
    store.commit(TurnCommit::done(first, at(1))).await.unwrap();

    let turn = TurnCommit {
        calls: vec![say(second, 0, "28", "hi")],
        ..put(second, "28", "{}")
    };
    proxy.lose_answer_to(COMMIT);
    store.commit(turn).await.unwrap();
    assert_eq!(proxy.lost(), 1);
    assert_eq!(waiting(&store).await, []);
    assert_eq!(unsent(&store).await.len(), 1);
    let state = store.state(&conversation("28")).await.unwrap();
    assert_eq!(state, Some(stored("{}")));

    let third = append(&store, 3, "27").await;
    proxy.lose_answer_to(COMMIT);
    store.commit(dead(third, false)).await.unwrap();
    assert_eq!(proxy.lost(), 2);
    assert_eq!(store.status().await.unwrap().dead, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_whose_answer_is_lost_is_repeated_without_a_second_effect() {
    let Some((proxy, store)) = behind_proxy().await else {
        return;
    };
    let store = Arc::new(store);
    let mut events = Vec::new();
    for occurrence in 0..50 {
        events.push(append(&*store, occurrence, &format!("chat{occurrence}")).await);
    }
    proxy.lose_answer_to(COMMIT);
    let commits = events.iter().map(|event| {
        let (store, event) = (Arc::clone(&store), *event);
        tokio::spawn(async move {
            let calls = vec![say(event, 0, "27", "hi")];
            let done = TurnCommit::done(event, at(1));
            store.commit(TurnCommit { calls, ..done }).await
        })
    });
    for commit in commits.collect::<Vec<_>>() {
        commit.await.unwrap().unwrap();
    }
    assert_eq!(proxy.lost(), 1);
    assert_eq!(waiting(&*store).await, []);
    assert_eq!(unsent(&*store).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repeat_of_an_append_gives_the_numbers_of_the_first_try() {
    let Some((proxy, store)) = behind_proxy().await else {
        return;
    };
    append(&store, 1, "27").await; // the statement is prepared now
    let body = delivery(10, &[chat("27"), chat("28"), chat("29")]);
    proxy.lose_answer_to(&10_u128.to_be_bytes());
    let appended = numbers(store.append(body.clone()).await.unwrap());
    assert_eq!(proxy.lost(), 1);
    let appended: Vec<EventId> = appended.into_iter().map(Option::unwrap).collect();
    assert_eq!(waiting(&store).await[1..], appended);
    assert_eq!(
        numbers(store.append(body).await.unwrap()),
        [None, None, None]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_not_in_doubt_because_the_answer_to_its_take_was_lost() {
    let Some((proxy, store)) = behind_proxy().await else {
        return;
    };
    let event = append(&store, 1, "27").await;
    let calls = vec![say(event, 0, "27", "hi"), say(event, 1, "27", "you")];
    let done = TurnCommit::done(event, at(1));
    store.commit(TurnCommit { calls, ..done }).await.unwrap();
    let id = |index| CallId { event, index };
    store.take(id(1)).await.unwrap();

    proxy.lose_answer_to(COMMIT);
    assert!(!store.take(id(0)).await.unwrap().unwrap().in_doubt);
    proxy.lose_answer_to(COMMIT);
    assert!(store.take(id(1)).await.unwrap().unwrap().in_doubt);
    assert_eq!(proxy.lost(), 2);
    assert!(store.take(id(0)).await.unwrap().unwrap().in_doubt);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_operations_whose_answer_is_lost_are_repeated_without_a_second_effect() {
    let Some((proxy, store)) = behind_proxy().await else {
        return;
    };
    let event = append(&store, 1, "27").await;
    store.begin(event, None).await.unwrap();
    proxy.lose_answer_to(COMMIT);
    store.fail(event, failure("once")).await.unwrap();
    proxy.lose_answer_to(COMMIT);
    store.queue(vec![say(event, 0, "27", "hi")]).await.unwrap();
    store.commit(dead(event, false)).await.unwrap();
    let letter = store.dead_letters(None, 10).await.unwrap().remove(0);
    assert_eq!(letter.history, [failure("once")]);
    let call = CallId { event, index: 0 };
    store.take(call).await.unwrap();
    proxy.lose_answer_to(COMMIT);
    store
        .settle(call, Settled::Sent(Some(imbot::event::MessageId(5))))
        .await
        .unwrap();
    assert!(store.message(call).await.unwrap().is_some());
    assert_eq!(unsent(&store).await, []);
    assert_eq!(proxy.lost(), 3);
    // Nothing is due, so this reads only.
    assert_eq!(store.due(at(5), 10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operation_of_a_group_that_cannot_be_stored_fails_alone() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let store = Arc::new(schema.open().await);
    // PostgreSQL has no text with a zero byte.
    let bad = Conversation {
        dialog: DialogId::new("a\0b"),
        ..conversation("27")
    };
    let mut tasks = Vec::new();
    for occurrence in 0..40 {
        let (store, bad) = (Arc::clone(&store), bad.clone());
        tasks.push(tokio::spawn(async move {
            let is_bad = occurrence % 20 == 7;
            let key = match is_bad {
                true => OrderingKey::Chat(bad),
                false => chat("27"),
            };
            (is_bad, store.append(delivery(occurrence, &[key])).await)
        }));
    }
    let mut events = Vec::new();
    for task in tasks {
        let (is_bad, appended) = task.await.unwrap();
        assert_eq!(appended.is_err(), is_bad);
        events.extend(appended.ok().and_then(|appended| numbers(appended)[0]));
    }
    assert_eq!(events.len(), 38);

    let mut tasks = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        let (store, bad) = (Arc::clone(&store), bad.clone());
        tasks.push(tokio::spawn(async move {
            let is_bad = index % 20 == 7;
            let mut turn = put(event, &format!("chat{index}"), "{}");
            if is_bad {
                turn.state = turn.state.map(|(_, change)| (bad, change));
            }
            (is_bad, store.commit(turn).await)
        }));
    }
    for task in tasks {
        let (is_bad, committed) = task.await.unwrap();
        assert_eq!(committed.is_err(), is_bad);
        if let Err(error) = committed {
            assert_eq!(error.kind(), StoreErrorKind::Other, "{error}");
        }
    }
    let status = store.status().await.unwrap();
    assert_eq!((status.events, status.conversations), (2, 36));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_get_the_same_deliveries_at_once_store_each_once() {
    const ROUNDS: u128 = 20;
    const EACH: u128 = 40;
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(schema.try_open().unwrap()),
        Arc::new(schema.try_open().unwrap()),
    ];
    for round in 0..ROUNDS {
        let mut tasks = Vec::new();
        for number in 0..EACH {
            for (store, number) in [(&stores[0], number), (&stores[1], EACH - 1 - number)] {
                let store = Arc::clone(store);
                tasks.push(tokio::spawn(async move {
                    let delivery = delivery(round * EACH + number, &[chat("27")]);
                    numbers(store.append(delivery).await.unwrap())[0]
                }));
            }
        }
        let mut new = 0;
        for task in tasks {
            new += u128::from(task.await.unwrap().is_some());
        }
        assert_eq!(new, EACH, "round {round}");
    }
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'";
    assert_eq!(schema.sql(sql), "0");
}
