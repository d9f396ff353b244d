//! `store status`, `store assign` and `doctor` on a store that several processes share.

use std::process::Output;

use imbot::store::{Ownership, OwnershipChange, Postgres, Upkeep};
use secrecy::ExposeSecret;

use super::pooler::Pooler;
use super::postgres::{self, Schema};
use super::{bots, text};

/// A password in the address, which must not be shown. The server of the tests does not ask for it.
const PASSWORD: &str = "canary-password";

/// Runs a command on a store in PostgreSQL.
pub(super) fn run(schema: &Schema<'_>, args: &[&str]) -> Output {
    run_at(schema.url().expose_secret(), schema, args)
}

/// The same at another address.
fn run_at(url: &str, schema: &Schema<'_>, args: &[&str]) -> Output {
    let url = format!("{url}&password={PASSWORD}");
    let output = bots()
        .args(args)
        .env("IMBOT_STORE", url)
        .env("IMBOT_CLIENT_ID", "local.1")
        .env("IMBOT_CLIENT_SECRET", "secret")
        .env("IMBOT_PUBLIC_URL", "http://127.0.0.1:1")
        .env("IMBOT_STORE_KEY", schema.key.to_base64().expose_secret())
        .output()
        .unwrap();
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(!shown.contains("canary"), "{shown}");
    assert!(
        !shown.contains(schema.key.to_base64().expose_secret()),
        "{shown}"
    );
    output
}

/// Runs a command that must succeed, and returns its output.
pub(super) fn prints(schema: &Schema<'_>, args: &[&str]) -> String {
    let output = run(schema, args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Runs a command that must fail, and returns its errors.
pub(super) fn fails(schema: &Schema<'_>, args: &[&str]) -> String {
    let output = run(schema, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    text(&output.stderr)
}

/// Starts a process that owns everything.
async fn start(schema: &Schema<'_>, name: &str) -> Postgres {
    let process = schema.try_open().unwrap().with_name(name);
    let mut changes = process.join();
    for _ in 0..256 {
        assert!(matches!(changes.next().await, OwnershipChange::Gained(_)));
    }
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_shows_the_processes_and_their_partitions() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let process = start(&schema, "first").await;
    schema.sql(
        "INSERT INTO event (partition, id, ordering_key, at, reminder)
         VALUES (105, 256 + 105, 'portal/application', 1771940028000, '')",
    );
    let shown = prints(&schema, &["store", "status"]);
    for part in [
        "events         1 waiting, the oldest since 2026-02-24",
        "processes      1\n",
        "  first  live, renewed ",
        "256 partitions, 0 portals, 1 events waiting, the oldest since",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(
        !shown.contains("spooled") && !shown.contains("without owner"),
        "{shown}"
    );
    let json = prints(&schema, &["store", "status", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["events"], 1);
    assert_eq!(json["members"][0]["name"], "first");
    assert_eq!(json["members"][0]["partitions"], 256);
    assert!(json["members"][0]["renewed_before"].is_u64(), "{json}");
    assert_eq!(json["partitions"][105]["events"], 1);
    assert_eq!(json["partitions"][104]["events"], 0);

    process.close().await.unwrap();
    let shown = prints(&schema, &["store", "status"]);
    assert!(
        shown.contains("without owner  256 partitions with 0 portals and 1 waiting"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_assigned_to_a_process_by_its_name_until_that_is_undone() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let process = start(&schema, "first").await;
    let error = fails(&schema, &["store", "assign", "5", "second"]);
    assert!(
        error.contains("no process with the name second") && error.contains("are: first"),
        "{error}"
    );
    let error = fails(
        &schema,
        &["store", "assign", "example.bitrix24.com", "first"],
    );
    assert!(error.contains("neither a portal of this store"), "{error}");
    let shown = prints(&schema, &["store", "assign", "5", "first"]);
    assert!(
        shown.contains("Partition 5 (no portals) goes to first"),
        "{shown}"
    );
    let shown = prints(&schema, &["store", "status"]);
    assert!(shown.contains("assigned       5 to first\n"), "{shown}");
    prints(&schema, &["store", "unassign", "5"]);
    let shown = prints(&schema, &["store", "status"]);
    assert!(!shown.contains("assigned"), "{shown}");
    process.close().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let output = bots()
        .args(["store", "assign", "5", "first", "--store"])
        .arg(file)
        .output();
    let error = text(&output.unwrap().stderr);
    assert!(error.contains("works on a store in PostgreSQL"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_checks_the_database_and_its_processes() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let process = start(&schema, "first").await;
    let check = |name: &str| {
        let output = run(&schema, &["doctor", "--json"]);
        let checks: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = checks.as_array().unwrap().clone();
        let found = checks.into_iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is missing in {}", text(&output.stdout)))
    };
    for name in [
        "store",
        "database",
        "schema",
        "disk writes",
        "commits",
        "connections",
        "pooler",
        "clock of the database",
        "program",
        "partitions",
    ] {
        assert_eq!(check(name)["status"], "ok", "{}", check(name));
    }
    let standby = check("standby");
    assert_eq!(standby["status"], "warning");
    assert!(
        standby["detail"]
            .as_str()
            .unwrap()
            .contains("there is no standby"),
        "{standby}"
    );
    process.close().await.unwrap();
    assert_eq!(check("program")["status"], "failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_keeps_it_from_the_database() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    start(&schema, "first").await.close().await.unwrap();
    let pooler = Pooler::start(cluster, "pool_mode = transaction");
    let pooled = pooler.url("postgres", "sslmode=disable");
    cluster.sql(&format!(
        "CREATE ROLE few LOGIN CONNECTION LIMIT 3; GRANT ALL ON SCHEMA {0} TO few;
         GRANT ALL ON ALL TABLES IN SCHEMA {0} TO few",
        schema.name
    ));
    let limited = schema.url().expose_secret().replace("imbot@", "few@");
    for (url, part) in [
        (pooled.expose_secret(), "pool_mode = session"),
        (&*limited, "ALTER ROLE or ALTER DATABASE … CONNECTION LIMIT"),
    ] {
        let output = run_at(url, &schema, &["doctor", "--json"]);
        let checks: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = checks.as_array().unwrap();
        let store = checks
            .iter()
            .find(|check| check["name"] == "store")
            .unwrap();
        assert_eq!(store["status"], "failed");
        assert!(store["detail"].as_str().unwrap().contains(part), "{store}");
    }
}
