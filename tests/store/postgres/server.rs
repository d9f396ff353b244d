//! A server that crashes, and one that warns while it commits. Each test has a server of its own.

use std::sync::Arc;

use imbot::store::Turns;
use imbot::store::contract::sample::{append, put, waiting};

use super::load::Load;
use super::members::node::eventually;
use crate::support::postgres::{self, Cluster};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_loses_nothing_that_was_answered_and_operations_go_on() {
    const CRASHES: usize = 3;
    if !postgres::is_wanted() {
        return;
    }
    let cluster = Cluster::start("");
    let schema = cluster.schema();
    let store = Arc::new(schema.open().await);
    let load = Load::start(&store);
    for _ in 0..CRASHES {
        load.goes_on(50).await;
        tokio::task::block_in_place(|| cluster.crash());
    }
    load.goes_on(50).await;
    load.stop(&store).await;
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
    cluster.set("synchronous_standby_names", "nobody");
    let commit = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(put(event, "27", "{}")).await }
    });
    let waiting_pid =
        || cluster.sql("SELECT max(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    assert!(eventually(async || !waiting_pid().is_empty()).await);
    // The server says that the transaction is committed, and warns that it may be lost.
    let first = waiting_pid();
    cluster.sql(&format!("SELECT pg_cancel_backend({first})"));
    let another = async || !waiting_pid().is_empty() && waiting_pid() != first;
    assert!(eventually(another).await);
    assert!(
        !commit.is_finished(),
        "the repeat waits for the standby, too"
    );
    cluster.set("synchronous_standby_names", "");
    commit.await.unwrap().unwrap();
    assert_eq!(waiting(&*store).await, []);
}
