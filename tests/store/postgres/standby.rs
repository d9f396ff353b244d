//! A server with a synchronous standby: the standby is away, or takes over. And an address with
//! several hosts of which one does not answer.

use std::sync::Arc;
use std::time::Duration;

use imbot::store::contract::sample::{append, chat, delivery, numbers, waiting};
use imbot::store::{Inbox, Postgres, StoreErrorKind};

use super::load::Load;
use super::members::node::{Node, eventually};
use crate::support::log::Log;
use crate::support::postgres::{self, Cluster};
use crate::support::proxy::Proxy;

/// Number of commits that wait for a standby.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_has_all_that_was_acknowledged_and_processes_go_on_there() {
    if !postgres::is_wanted() {
        return;
    }
    let log = Log::of_postgres();
    let primary = Cluster::start("");
    let standby = primary.standby("standby");
    let schema = primary.schema();
    let url = schema.url_of(&[primary.port(), standby.port()]);
    let open = || Postgres::open(&url, std::slice::from_ref(&schema.key)).unwrap();
    let one = Node::on(open(), "one").owns_everything().await;
    let two = Node::on(open(), "two");
    Node::are_members(&schema, 2).await;
    let load = Load::start(&one.store);
    load.goes_on(200).await;

    tokio::task::block_in_place(|| {
        primary.control(&["stop", "-m", "immediate"]);
        standby.control(&["promote"]);
    });
    load.goes_on(200).await;
    load.stop(&one.store).await;

    assert!(!one.has_lost() && !two.has_lost());
    let live = "SELECT count(*) FROM test_1.member WHERE state = 'live'";
    let live = live.replace("test_1", &schema.name);
    assert_eq!(standby.sql(&live), "2");
    let place = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    assert!(log.has(&["ERROR", &place, "the database is not available"]));
    assert!(log.has(&["INFO", &place, "the database is connected again"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_wait_for_a_standby_that_is_away_and_leave_nothing_behind() {
    const PATIENCE: Duration = Duration::from_secs(1);
    if !postgres::is_wanted() {
        return;
    }
    let log = Log::of_postgres();
    let primary = Cluster::start("");
    let standby = primary.standby("standby");
    let schema = primary.schema();
    let open = Postgres::open_impatient(&schema.url(), std::slice::from_ref(&schema.key), PATIENCE);
    let node = Node::on(open.unwrap(), "one").owns_everything().await;
    let first = append(&*node.store, 1, "27").await;
    let beat = || {
        schema
            .sql("SELECT beat FROM member")
            .parse::<u64>()
            .unwrap()
    };

    tokio::task::block_in_place(|| standby.control(&["stop", "-m", "fast"]));
    let found = node.store.diagnose().await.unwrap();
    assert_eq!(found.synchronous_standby_names, "standby");
    assert!(found.standbys.is_empty());
    let (before, mut refused) = (beat(), 0);
    while refused < 3 {
        let error = node
            .store
            .append(delivery(2, &[chat("27")]))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        refused += 1;
    }
    // Those that nobody waits for any more do not stay.
    assert!(eventually(async || primary.sql(WAITING) == "0").await);
    assert!(beat() > before, "the lease is renewed");
    assert!(log.has(&["canceling wait for synchronous replication"]));
    let waits = tokio::spawn({
        let store = Arc::clone(&node.store);
        async move {
            loop {
                // What was cancelled may be stored; its repeat waits for the standby as well.
                match store.append(delivery(2, &[chat("27")])).await {
                    Ok(appended) => return numbers(appended)[0],
                    Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
                }
            }
        }
    });
    assert!(eventually(async || primary.sql(WAITING) != "0").await);
    assert!(!waits.is_finished());
    tokio::task::block_in_place(|| standby.control(&["start"]));
    let second = waits.await.unwrap();
    let stored = waiting(&*node.store).await;
    assert_eq!((stored.len(), stored[0]), (2, first));
    assert!(second.is_none_or(|second| second == stored[1]));
    assert!(!node.has_lost());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_does_not_answer_does_not_keep_a_process_from_the_next_one() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (first, second) = (
        Proxy::start(cluster.port()).await,
        Proxy::start(cluster.port()).await,
    );
    let url = schema.url_of(&[first.port(), second.port()]);
    let store = Postgres::open(&url, std::slice::from_ref(&schema.key));
    let node = Node::on(store.unwrap(), "one").owns_everything().await;
    // The machine of the first host stops, and says nothing any more.
    first.swallow(true, true);
    let beat = || schema.sql("SELECT beat FROM member");
    let before = beat();
    assert!(
        eventually(async || beat() != before).await,
        "the lease is renewed"
    );
    append(&*node.store, 1, "27").await;
    assert!(!node.has_lost());
}
