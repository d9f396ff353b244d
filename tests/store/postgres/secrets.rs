//! Bodies and tokens are sealed in the tables, and their key can be changed.

use imbot::event::UserId;
use imbot::store::contract::sample::{append, body, installation, waiting};
use imbot::store::{
    Content, Inbox, Key, Portals, Postgres, PostgresError, Spare, StoreErrorKind, Tokens, Upkeep,
};
use secrecy::ExposeSecret;

use crate::support::postgres;

fn key(of: &Key) -> Key {
    Key::from_base64(of.to_base64().expose_secret()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_and_tokens_are_sealed_in_the_tables() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let store = schema.open().await;
    append(&store, 1, "27").await;
    let mut own = installation("portal", "canary-application");
    let tokens = Tokens {
        access: "canary-spare-access".into(),
        refresh: "canary-spare-refresh".into(),
    };
    own.spare = Some(Spare::new(UserId(9), tokens));
    store.install(own).await.unwrap();
    // Bytes are shown in hexadecimal digits.
    let rows = ["body", "portal", "event", "meta"]
        .map(|table| schema.sql(&format!("SELECT * FROM {table}")))
        .join("\n");
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for secret in [
        "canary-application",
        "canary-spare",
        "ONIMBOTMESSAGEADD",
        "access",
    ] {
        assert!(!rows.contains(&hex(secret)), "{secret} in {rows}");
    }
    assert!(
        !rows.contains("canary") && !rows.contains("ONIMBOT"),
        "{rows}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_value_that_was_moved_to_another_row_does_not_open() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let store = schema.open().await;
    store
        .install(installation("one", "token of one"))
        .await
        .unwrap();
    store
        .install(installation("two", "token of two"))
        .await
        .unwrap();
    schema.sql(
        "UPDATE portal SET application_token =
         (SELECT application_token FROM portal WHERE portal = 'one') WHERE portal = 'two'",
    );
    let error = store.portals().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_changed_while_processes_run() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (old, new) = (key(&schema.key), Key::random());
    let url = schema.url();
    let before = schema.open().await;
    let first = append(&before, 1, "27").await;
    let secret = before.secret().await.unwrap();
    before
        .install(installation("portal", "token"))
        .await
        .unwrap();

    // All processes know the new key, and then seal with it.
    let both = |one: &Key, other: &Key| Postgres::open(&url, &[key(one), key(other)]).unwrap();
    let (middle, last) = (both(&old, &new), both(&new, &old));
    let second = append(&last, 2, "27").await;
    let third = append(&middle, 3, "27").await;
    for (event, number) in [(first, 1), (second, 2), (third, 3)] {
        for store in [&middle, &last] {
            let event = store.event(event).await.unwrap().unwrap();
            let Content::Delivered { body: kept, .. } = event.content else {
                panic!("of another kind")
            };
            assert_eq!(kept, body(number));
        }
    }
    assert!(
        before.event(second).await.is_err(),
        "it has the old key only"
    );

    let mut seen = Vec::new();
    last.rekey(|done, all| seen.push((done, all)))
        .await
        .unwrap();
    assert_eq!(seen, [(0, 3), (3, 3)]);
    last.rekey(|_, _| ()).await.unwrap();
    let refused = Postgres::open(&url, &[key(&old)]);
    assert!(matches!(refused, Err(PostgresError::WrongKey { .. })));
    let after = Postgres::open(&url, &[key(&new)]).unwrap();
    for event in waiting(&after).await {
        after.event(event).await.unwrap().unwrap();
    }
    assert_eq!(after.secret().await.unwrap(), secret);
    let own = after.portals().await.unwrap().remove(0);
    assert_eq!(own.application_token.expose_secret(), "token");
}
