//! A server that crashes, warns or waits for a standby. Each test has a server of its own.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imbot::store::contract::sample::{append, chat, delivery, numbers, put, waiting};
use imbot::store::{EventId, Inbox, Turns};

use crate::support::PATIENCE;
use crate::support::postgres::{self, Cluster};

/// Waits until a condition is met.
async fn until(mut is_met: impl FnMut() -> bool) {
    let wait = async {
        while !is_met() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("it takes too long");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_loses_nothing_that_was_answered_and_operations_go_on() {
    const CRASHES: usize = 3;
    if !postgres::is_wanted() {
        return;
    }
    let cluster = Cluster::start("");
    let schema = cluster.schema();
    let store = Arc::new(schema.open().await);
    let ends = Arc::new(AtomicBool::new(false));
    let appends = (0..8_u128).map(|lane| {
        let (store, ends) = (Arc::clone(&store), Arc::clone(&ends));
        tokio::spawn(async move {
            let (mut kept, mut count) = (Vec::new(), 0);
            while !ends.load(Ordering::SeqCst) {
                let dialog = format!("chat{lane}");
                let own = delivery(lane << 64 | count, &[chat(&dialog)]);
                count += 1;
                let id = numbers(store.append(own).await.unwrap())[0].unwrap();
                if count % 2 == 0 {
                    store.begin(id, None).await.unwrap().unwrap();
                    store.commit(put(id, &dialog, "{}")).await.unwrap();
                } else {
                    kept.push(id);
                }
            }
            kept
        })
    });
    let appends: Vec<_> = appends.collect();
    for _ in 0..CRASHES {
        let before = schema.sql("SELECT last_value FROM event_number");
        let number = |text: &str| text.parse::<u64>().unwrap();
        until(|| number(&schema.sql("SELECT last_value FROM event_number")) > number(&before) + 50)
            .await;
        tokio::task::block_in_place(|| cluster.crash());
    }
    ends.store(true, Ordering::SeqCst);
    let mut answered = HashSet::new();
    for append in appends {
        answered.extend(append.await.unwrap());
    }
    let (mut all, mut after): (HashSet<EventId>, _) = (HashSet::new(), None);
    while let Some((last, _)) = {
        let page = store.waiting(None, after, 1000).await.unwrap();
        all.extend(page.iter().map(|(id, _)| *id));
        page.last().cloned()
    } {
        after = Some(last);
    }
    assert_eq!(all, answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_cancelled_while_it_waited_for_a_standby_is_repeated() {
    if !postgres::is_wanted() {
        return;
    }
    let cluster = Cluster::start("");
    let schema = cluster.schema();
    let store = Arc::new(schema.open().await);
    let event = append(&*store, 1, "27").await;
    let reload = |setting: &str| {
        cluster.sql(setting);
        cluster.sql("SELECT pg_reload_conf()");
    };
    reload("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    let commit = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(put(event, "27", "{}")).await }
    });
    let waiting_pid =
        || cluster.sql("SELECT max(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    until(|| !waiting_pid().is_empty()).await;
    // The server says that the transaction is committed, and warns that it may be lost.
    let first = waiting_pid();
    cluster.sql(&format!("SELECT pg_cancel_backend({first})"));
    until(|| !waiting_pid().is_empty() && waiting_pid() != first).await;
    assert!(
        !commit.is_finished(),
        "the repeat waits for the standby, too"
    );
    reload("ALTER SYSTEM RESET synchronous_standby_names");
    commit.await.unwrap().unwrap();
    assert_eq!(waiting(&*store).await, []);
}
