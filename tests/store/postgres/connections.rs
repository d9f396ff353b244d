//! Limits of connections.

use imbot::store::contract::sample::append;
use imbot::store::{Ownership, Postgres, PostgresError};
use secrecy::{ExposeSecret, SecretString};

use super::load::Load;
use super::members::node::{Node, eventually};
use crate::support::log::Log;
use crate::support::postgres::{self, Cluster, Schema};

/// Creates a user that owns the schema and may have so many connections. Returns the schema's
/// address for it.
fn limited(schema: &Schema<'_>, user: &str, limit: u32) -> SecretString {
    schema.cluster.sql(&format!(
        "CREATE ROLE {user} LOGIN CONNECTION LIMIT {limit}; ALTER SCHEMA {} OWNER TO {user}",
        schema.name
    ));
    let url = schema.url();
    url.expose_secret()
        .replace("imbot@", &format!("{user}@"))
        .into()
}

fn set_limit(cluster: &Cluster, user: &str, limit: u32) {
    cluster.sql(&format!("ALTER ROLE {user} CONNECTION LIMIT {limit}"));
}

fn sessions(cluster: &Cluster, user: &str) -> u32 {
    let count = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}'");
    cluster.sql(&count).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_does_not_start_with_fewer_connections_than_it_needs() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let keys = std::slice::from_ref(&schema.key);
    let url = limited(&schema, "fewer", 0);
    for limit in 0..7 {
        set_limit(cluster, "fewer", limit);
        let error = Postgres::open(&url, keys).expect_err("there are too few");
        assert!(
            matches!(error, PostgresError::Unavailable { .. }),
            "{error}"
        );
        let error = error.to_string();
        for part in ["too many connections", "needs 7 connections", "ALTER ROLE"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(eventually(async || sessions(cluster, "fewer") == 0).await);
    }
    set_limit(cluster, "fewer", 7);
    let node = Node::on(Postgres::open(&url, keys).unwrap(), "one");
    let node = node.owns_everything().await;
    append(&*node.store, 1, "27").await;
    assert_eq!(sessions(cluster, "fewer"), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_gets_a_connection_before_all_others_and_work_goes_on_when_there_are_more() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let log = Log::of_postgres();
    let schema = cluster.schema();
    let url = limited(&schema, "tight", 7);
    let store = Postgres::open(&url, std::slice::from_ref(&schema.key));
    let node = Node::on(store.unwrap(), "one").owns_everything().await;
    let load = Load::start(&node.store);
    load.goes_on(50).await;
    let partition = imbot::store::Partition(0);

    for limit in [3, 1] {
        set_limit(cluster, "tight", limit);
        cluster.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE usename = 'tight'",
        );
        let beat = || schema.sql("SELECT beat FROM member WHERE name = 'one'");
        for _ in 0..3 {
            let before = beat();
            assert!(
                eventually(async || beat() != before).await,
                "the lease is renewed"
            );
        }
        assert!(eventually(async || node.store.may_send(partition)).await);
    }
    set_limit(cluster, "tight", 7);
    load.goes_on(50).await;
    load.stop(&node.store).await;
    assert!(!node.has_lost());
    assert!(log.has(&["ERROR", "tight@127.0.0.1", "needs 7 connections"]));
}
