//! PgBouncer between a process and the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imbot::store::contract::sample::append;
use imbot::store::{Key, Postgres, PostgresError, Upkeep};
use secrecy::ExposeSecret;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::members::node::Node;
use crate::support::pooler::Pooler;
use crate::support::postgres::{self, Cluster};

/// Creates a database of its own: a pooler does not pass a search path on.
fn create(cluster: &Cluster, database: &str) {
    cluster.sql(&format!("CREATE DATABASE {database}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_work_behind_a_pooler_of_whole_sessions() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    create(cluster, "of_sessions");
    let pooler = Pooler::start(cluster, "pool_mode = session");
    let (url, key) = (pooler.url("of_sessions", ""), Key::random());
    let open = || Postgres::open(&url, std::slice::from_ref(&key)).unwrap();
    let one = Node::on(open(), "one").owns_everything().await;
    let two = Node::on(open(), "two");
    assert!(!one.store.diagnose().await.unwrap().is_pooled);
    let mut sent = Vec::new();
    for occurrence in 0..20 {
        sent.push(append(&*two.store, occurrence, "27").await);
    }
    one.until(|seen| seen.events.len() >= sent.len()).await;
    assert_eq!(one.seen().events, sent);
    one.store.close().await.unwrap();
    two.until(|seen| seen.owned.len() == 256).await;
    assert_eq!(two.seen().events, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_shares_sessions_is_refused_and_its_sessions_are_not_changed() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    create(cluster, "of_transactions");
    for mode in ["transaction", "statement"] {
        let pooler = Pooler::start(
            cluster,
            &format!("pool_mode = {mode}\ndefault_pool_size = 4"),
        );
        let (url, key) = (pooler.url("of_transactions", ""), Key::random());
        let keys = std::slice::from_ref(&key);
        let refuse = || {
            let error = Postgres::open(&url, keys).expect_err("it is refused");
            assert!(matches!(error, PostgresError::Pooled { .. }), "{error}");
            assert!(error.to_string().contains("pool_mode = session"), "{error}");
        };
        refuse();
        // Others use the pool at the same time.
        let ends = Arc::new(AtomicBool::new(false));
        let mut others = Vec::new();
        for _ in 0..3 {
            let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls)
                .await
                .unwrap();
            tokio::spawn(connection);
            let ends = Arc::clone(&ends);
            others.push(tokio::spawn(async move {
                while !ends.load(Ordering::SeqCst) {
                    let sql = "SELECT current_setting('lock_timeout') FROM pg_sleep(0.001)";
                    let found = client.simple_query(sql).await.unwrap();
                    let value = found.iter().find_map(|message| match message {
                        SimpleQueryMessage::Row(row) => row.get(0),
                        _ => None,
                    });
                    assert_eq!(value, Some("0"));
                }
            }));
        }
        tokio::task::block_in_place(|| (0..20).for_each(|_| refuse()));
        ends.store(true, Ordering::SeqCst);
        for other in others {
            other.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pooler_does_not_allow_is_explained() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    create(cluster, "of_few");
    let settings = "pool_mode = session\ndefault_pool_size = 3\nquery_wait_timeout = 1";
    let pooler = Pooler::start(cluster, settings);
    let keys = [Key::random()];
    for (options, parts) in [
        ("options=-c%20search_path%3Dx", ["options", "ALTER ROLE"]),
        ("", ["pool_size", "needs 7 connections"]),
    ] {
        let error = Postgres::open(&pooler.url("of_few", options), &keys);
        let error = error.expect_err("it is refused").to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
