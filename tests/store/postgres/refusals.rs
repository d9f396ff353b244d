//! What cannot be opened, and what the error advises.

use imbot::store::contract::sample::append;
use imbot::store::{Key, Postgres, PostgresError};

use crate::support::postgres::{self, Schema};

/// Returns the error of opening the store.
fn refusal(schema: &Schema<'_>) -> PostgresError {
    schema.try_open().expect_err("the store is refused")
}

#[tokio::test]
async fn a_key_of_another_store_is_refused() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let mut schema = cluster.schema();
    drop(schema.try_open().unwrap());
    schema.key = Key::random();
    let error = refusal(&schema);
    assert!(matches!(error, PostgresError::WrongKey { .. }), "{error}");
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_unless_that_version_allows_it() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    drop(schema.try_open().unwrap());
    schema.sql("UPDATE meta SET value = '99' WHERE name = 'schema'");
    drop(schema.try_open().unwrap());
    schema.sql("UPDATE meta SET value = '98' WHERE name = 'oldest schema'");
    let error = refusal(&schema);
    assert!(
        matches!(error, PostgresError::Newer { found: 99, .. }),
        "{error}"
    );
    let attended = Postgres::attend(&schema.url(), std::slice::from_ref(&schema.key));
    assert!(matches!(attended, Err(PostgresError::Newer { .. })));
}

#[tokio::test]
async fn tables_of_another_program_are_refused_and_not_changed() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    for tables in [
        "CREATE TABLE customer (id int)",
        "CREATE TABLE meta (id int)",
        "CREATE TABLE meta (name text, value text); INSERT INTO meta VALUES ('store', 'other')",
    ] {
        let schema = cluster.schema();
        schema.sql(tables);
        let error = refusal(&schema);
        assert!(matches!(error, PostgresError::Foreign { .. }), "{error}");
        let count = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
        assert_eq!(schema.sql(count), "1");
    }
}

#[tokio::test]
async fn an_operators_command_does_not_create_a_store() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let keys = std::slice::from_ref(&schema.key);
    let attended = Postgres::attend(&schema.url(), keys);
    assert!(matches!(attended, Err(PostgresError::Missing { .. })));
    let running = schema.open().await;
    append(&running, 1, "27").await;
    let attended = Postgres::attend(&schema.url(), keys).unwrap();
    let status = imbot::store::Operator::status(&attended).await.unwrap();
    assert_eq!(status.events, 1);
    let notices = imbot::store::Upkeep::notices(&attended).await;
    assert!(
        notices.is_err(),
        "only the process that runs the bots may take them"
    );
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let keys = [Key::random()];
    let port = cluster.port();
    for url in [
        format!("postgres://imbot:s3cret@127.0.0.1:{port}/missing"),
        format!("postgres://nobody:s3cret@127.0.0.1:{port}/postgres"),
        format!(
            "postgres://imbot:s3cret@127.0.0.1:{port}/postgres?options=-c%20search_path%3Dnone"
        ),
        "postgres://imbot:s3cret@127.0.0.1:1/postgres".to_owned(),
        format!("postgres://imbot:s3cret@127.0.0.1:{port}/postgres?sslmode=require"),
        "postgres://imbot:s3cret@127.0.0.1:port/postgres".to_owned(),
    ] {
        let error = Postgres::open(&url.clone().into(), &keys).expect_err(&url);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[tokio::test]
async fn processes_that_start_at_once_on_an_empty_database_make_one_store() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    std::thread::scope(|scope| {
        let starts = [(); 4].map(|()| scope.spawn(|| schema.try_open().map(drop)));
        for start in starts {
            start.join().unwrap().unwrap();
        }
    });
    assert_eq!(schema.sql("SELECT count(*) FROM partition"), "256");
}
