//! Tests that files of all older versions are upgraded with their content.

use imbot::event::Api;
use imbot::store::{
    Content, Inbox, NewReminder, OpenError, Operator, Outbox, Reminder, ReminderChange, ReminderId,
    Reminders, Sqlite, TurnCommit, Turns, Upkeep,
};
use rusqlite::Connection;
use serde_json::json;

use super::Home;
use imbot::store::contract::sample::{
    append, at, body, chat, conversation, dead, delivery, numbers, put, say, stored, unsent,
    waiting,
};

/// The migrations of the older versions, oldest first.
const SCHEMAS: [&str; 5] = [
    include_str!("../../../src/store/sqlite/schema/1.sql"),
    include_str!("../../../src/store/sqlite/schema/2.sql"),
    include_str!("../../../src/store/sqlite/schema/3.sql"),
    include_str!("../../../src/store/sqlite/schema/4.sql"),
    include_str!("../../../src/store/sqlite/schema/5.sql"),
];

/// Replaces a file of the current version by one of an older version with the rows it can hold.
fn as_version(home: &Home, version: u32) {
    use std::os::unix::fs::PermissionsExt;
    let newest = home.folder.path().join("newest.db");
    std::fs::rename(&home.path, &newest).unwrap();
    let old = Connection::open(&home.path).unwrap();
    old.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")
        .unwrap();
    for schema in &SCHEMAS[..version as usize] {
        old.execute_batch(schema).unwrap();
    }
    old.pragma_update(None, "application_id", 0x696d_6274)
        .unwrap();
    old.pragma_update(None, "user_version", version).unwrap();
    old.execute("ATTACH ?1 AS newest", [newest.to_str().unwrap()])
        .unwrap();
    let mut tables = old
        .prepare(
            "SELECT name, (SELECT group_concat(name, ', ') FROM pragma_table_info(list.name))
             FROM sqlite_schema AS list WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let tables: Vec<(String, String)> = tables
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        tables.len(),
        [11, 14, 14, 15, 15][version as usize - 1],
        "{tables:?}"
    );
    for (table, columns) in tables {
        let sql = format!(
            "INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM newest.{table}"
        );
        old.execute(&sql, []).unwrap();
    }
    std::fs::set_permissions(&home.path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn files_of_older_versions_keep_their_rows_and_support_new_features() {
    for version in [1, 2, 3, 4, 5] {
        upgrades_from(version).await;
    }
}

async fn upgrades_from(version: u32) {
    let home = Home::new();
    let store = home.open();
    let first = append(&store, 1, "27").await;
    let turn = TurnCommit {
        calls: vec![say(first, 0, "27", "hi")],
        ..put(first, "27", "{}")
    };
    store.commit(turn).await.unwrap();
    let letter = append(&store, 2, "27").await;
    store.begin(letter, None).await.unwrap();
    store.commit(dead(letter, true)).await.unwrap();
    let waits = append(&store, 3, "28").await;
    store.close().await.unwrap();
    drop(store);
    as_version(&home, version);

    let error = Sqlite::attend(&home.path, &home.key).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Older {
                found,
                known: 6,
                ..
            } if found == version
        ),
        "{error}"
    );

    let store = home.open();
    assert_eq!(waiting(&store).await, [waits]);
    let content = store.event(waits).await.unwrap().unwrap().content;
    assert!(matches!(content, Content::Delivered { body: kept, .. } if kept == body(3)));
    assert_eq!(
        store.state(&conversation("27")).await.unwrap(),
        Some(stored("{}"))
    );
    let calls = unsent(&store).await;
    assert_eq!(calls.len(), 1);
    let call = store.take(calls[0]).await.unwrap().unwrap().call;
    let api = if version < 3 { Api::V1 } else { Api::V2 }; // older versions had V1 only
    assert_eq!(call.api, api);
    assert_eq!(store.blocked().await.unwrap(), [chat("27")]);
    assert_eq!(store.dead_letters(None, 9).await.unwrap()[0].attempts, 1);
    let again = numbers(store.append(delivery(1, &[chat("27")])).await.unwrap());
    assert_eq!(again, [None]);

    let reminder = Reminder {
        id: ReminderId {
            event: waits,
            index: 0,
        },
        code: "echo".to_owned(),
        due: at(5),
        payload: json!(1),
        person: None,
        every: None,
    };
    let set = NewReminder {
        to: conversation("28"),
        reminder,
    };
    let reminders = vec![ReminderChange::Set(set)];
    store
        .commit(TurnCommit {
            reminders,
            ..TurnCommit::done(waits, at(1))
        })
        .await
        .unwrap();
    let due = store.due(at(5), 1).await.unwrap();
    assert_eq!(due[0].0.0, waits.0 + 256, "numbers continue");
    let content = store.event(due[0].0).await.unwrap().unwrap().content;
    assert!(matches!(content, Content::Reminder(_)));
    let letter = store.dead_letters(None, 1).await.unwrap().remove(0);
    assert!(store.revive(letter.id).await.unwrap());
}

#[tokio::test]
async fn an_empty_file_of_an_interrupted_start_becomes_a_store() {
    let home = Home::new();
    std::fs::write(&home.path, b"").unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&home.path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let interrupted = Connection::open(&home.path).unwrap();
    interrupted
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    drop(interrupted);
    append(&home.open(), 1, "27").await;
}
