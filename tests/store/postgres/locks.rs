//! Other sessions hold locks on the tables, and rows of them.

use std::time::Duration;

use imbot::event::MemberId;
use imbot::store::contract::sample::append;
use imbot::store::{Ownership, Postgres};

use super::load::Load;
use super::members::node::{Node, eventually, may_begin};
use crate::support::log::Log;
use crate::support::postgres::{self, Schema};

/// Opens a store whose operations do not wait for long.
fn impatient(schema: &Schema<'_>) -> Postgres {
    let keys = std::slice::from_ref(&schema.key);
    Postgres::open_impatient(&schema.url(), keys, Duration::from_millis(2_500)).unwrap()
}

fn beats(schema: &Schema<'_>) -> u64 {
    let beats = schema.sql("SELECT sum(beat) FROM member");
    beats.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_on_locked_tables_are_refused_in_time_and_go_on_later() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let node = Node::on(impatient(&schema), "one").owns_everything().await;
    let other = schema.connect().await;
    let load = Load::start(&node.store);
    for table in ["event", "partition"] {
        load.goes_on(50).await;
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        other.batch_execute(&lock).await.unwrap();
        let (before, refused) = (beats(&schema), load.refused());
        assert!(
            eventually(async || load.refused() >= refused + 8).await,
            "{table}"
        );
        let text = load.last_refusal();
        assert!(text.contains("another session holds a lock"), "{text}");
        assert!(
            eventually(async || beats(&schema) > before + 2).await,
            "{table}"
        );
        other.batch_execute("COMMIT").await.unwrap();
    }
    load.goes_on(50).await;
    load.stop(&node.store).await;
    assert!(!node.has_lost());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_on_the_members_ends_the_lease_of_all_and_evicts_nobody() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let log = Log::of_postgres();
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    let id = schema.sql("SELECT id FROM member WHERE name = 'one'");
    let partition = one.store.partition(&MemberId::new("portal"));
    let other = schema.connect().await;
    other
        .batch_execute("BEGIN; LOCK TABLE member IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    assert!(eventually(async || !one.store.may_send(partition)).await);
    let is_logged = async || log.has(&["ERROR", "cannot renew its lease", &id, "(55P03)"]);
    assert!(eventually(is_logged).await);
    // The owner is still the owner, so turns go on.
    let event = append(&*one.store, 1, "27").await;
    assert!(may_begin(&one.store, event).await);
    tokio::time::sleep(Duration::from_secs(5)).await; // longer than a silence that evicts
    other.batch_execute("COMMIT").await.unwrap();
    assert!(eventually(async || one.store.may_send(partition)).await);
    assert!(eventually(async || log.has(&["INFO", "renewed again", &id])).await);
    let before = beats(&schema);
    assert!(eventually(async || beats(&schema) > before + 4).await);
    assert_eq!(
        schema.sql("SELECT string_agg(state, ' ') FROM member"),
        "live live"
    );
    assert!(!one.has_lost() && !two.has_lost());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_of_one_member_delays_nothing_but_its_own_lease() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    let three = Node::start(&schema, "three");
    Node::are_members(&schema, 3).await;
    let partition = one.store.partition(&MemberId::new("portal"));
    let other = schema.connect().await;
    other
        .batch_execute("BEGIN; SELECT FROM member WHERE name = 'three' FOR UPDATE")
        .await
        .unwrap();
    one.kill().await;
    // Three cannot renew, and cannot be evicted either. One is, and two takes over what it had.
    two.until(|seen| seen.owned.len() == 256).await;
    assert!(two.store.may_send(partition));
    assert!(!three.store.may_send(partition));
    let state = "SELECT state FROM member WHERE name = 'three'";
    assert_eq!(schema.sql(state), "live");
    other.batch_execute("ROLLBACK").await.unwrap();
    let three = "SELECT count(*) FROM member WHERE name = 'three' AND state = 'live' AND beat > 2";
    assert!(eventually(async || schema.sql(three) == "1").await);
}
