//! `store move`: a store moves to PostgreSQL and back on the command line.

use std::path::Path;
use std::process::Output;

use imbot::store::{Arrived, Key, Operator, Sqlite, Time, Upkeep};
use secrecy::ExposeSecret;

use super::postgres::{self, Schema};
use super::store_status::prints;
use super::{bots, text};

/// Moves a file to PostgreSQL.
fn to_postgres(file: &Path, schema: &Schema<'_>) -> Output {
    bots()
        .args(["store", "move", "--store"])
        .arg(file)
        .env("IMBOT_TO_STORE", schema.url().expose_secret())
        .env("IMBOT_TO_STORE_KEY", schema.key.to_base64().expose_secret())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_moves_to_postgresql_and_back() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let (schema, folder) = (cluster.schema(), tempfile::tempdir().unwrap());
    let (file, back) = (
        folder.path().join("store.db"),
        folder.path().join("back.db"),
    );
    let key = Key::of(&file, folder.path().join("store.db.key")).unwrap();
    let store = Sqlite::open(&file, &key).unwrap();
    let arrived = vec![Arrived {
        name: "ONIMBOTMESSAGEADD".to_owned(),
        count: 7,
        last: Time(1_771_940_028_000),
    }];
    store.arrived(arrived.clone()).await.unwrap();
    let refused = to_postgres(&file, &schema);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("another process runs on the store"));
    store.close().await.unwrap();
    drop(store);

    let moved = to_postgres(&file, &schema);
    assert!(moved.status.success(), "{}", text(&moved.stderr));
    let shown = text(&moved.stdout);
    assert!(shown.contains("portals             0\n"), "{shown}");
    assert!(
        shown.contains("Everything is moved to postgres://"),
        "{shown}"
    );
    prints(&schema, &["store", "status"]);

    let back_path = back.to_str().unwrap();
    prints(&schema, &["store", "move", "--to", back_path]);
    let key = Key::of(&back, folder.path().join("back.db.key")).unwrap();
    let store = Sqlite::open(&back, &key).unwrap();
    assert_eq!(store.arrived(Vec::new()).await.unwrap(), arrived);
    let again = super::store_status::fails(&schema, &["store", "move", "--to", back_path]);
    assert!(again.contains("another process runs"), "{again}");
    drop(store);
    let again = super::store_status::fails(&schema, &["store", "move", "--to", back_path]);
    assert!(again.contains("exists already"), "{again}");
}

#[test]
fn a_missing_store_is_not_moved_and_no_key_is_made_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let output = bots()
        .args(["store", "move", "--to", "postgres://localhost/x", "--store"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        text(&output.stderr).contains("there is no store at"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
