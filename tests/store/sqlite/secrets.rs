//! Tests that neither tokens nor bodies can be read from the files without the key.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use imbot::event::{MemberId, UserId};
use imbot::store::{
    Access, Content, DeadWhat, Inbox, Installation, Key, KeyError, OpenError, Operator, Portals,
    Spare, Sqlite, Tokens, TurnCommit, Turns, Upkeep,
};
use rusqlite::Connection;
use secrecy::ExposeSecret;

use super::{Home, contains};
use imbot::store::contract::sample::{append, at, body, chat, dead, delivery};

fn installation() -> Installation {
    let mut installation = Installation::new(
        MemberId::new("portal"),
        "https://example.bitrix24.com/rest/".to_owned(),
        "canary-application".to_owned().into(),
        Access::Tokens(Tokens {
            access: "canary-access".to_owned().into(),
            refresh: "canary-refresh".to_owned().into(),
        }),
    );
    let tokens = Tokens {
        access: "canary-spare-access".to_owned().into(),
        refresh: "canary-spare-refresh".to_owned().into(),
    };
    installation.spare = Some(Spare::new(UserId(9), tokens));
    installation
}

#[tokio::test]
async fn the_files_contain_no_readable_token_or_body() {
    let home = Home::new();
    let store = home.open();
    store.install(installation()).await.unwrap();
    let done = append(&store, 1, "27").await;
    let letter = append(&store, 2, "27").await;
    append(&store, 3, "27").await;
    store.commit(TurnCommit::done(done, at(1))).await.unwrap();
    store.commit(dead(letter, false)).await.unwrap();
    store.limit_pages(1).await.unwrap();
    let mut next = 100..;
    while store.status().await.unwrap().spooled < 3 {
        store
            .append(delivery(next.next().unwrap(), &[chat("27")]))
            .await
            .unwrap();
    }
    let while_open = home.copy();
    store.close().await.unwrap();
    for folder in [while_open.folder.path(), home.folder.path()] {
        assert!(
            contains(folder, b"https://example.bitrix24.com/rest/"),
            "the search finds readable text"
        );
        for secret in ["canary", "ONIMBOTMESSAGEADD"] {
            assert!(
                !contains(folder, secret.as_bytes()),
                "{secret} in {folder:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_sealed_value_does_not_open_in_another_row() {
    let home = Home::new();
    let store = home.open();
    let (first, second) = (append(&store, 1, "27").await, append(&store, 2, "28").await);
    drop(store);
    let database = Connection::open(&home.path).unwrap();
    let changed = database
        .execute(
            "UPDATE body SET sealed = (SELECT sealed FROM body WHERE id = ?1) WHERE id = ?2",
            [first.0, second.0],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let store = home.open();
    assert!(store.event(first).await.unwrap().is_some());
    let error = store.event(second).await.unwrap_err().to_string();
    assert!(error.contains("does not open"), "{error}");
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let home = Home::new();
    drop(home.open());
    for error in [
        Sqlite::open(&home.path, &Key::random()).unwrap_err(),
        Sqlite::attend(&home.path, &Key::random()).unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::WrongKey { .. }), "{error}");
    }
    home.open();
}

#[tokio::test]
async fn after_a_change_of_the_key_only_the_new_key_opens_the_store() {
    let home = Home::new();
    let store = home.open();
    store.install(installation()).await.unwrap();
    let event = append(&store, 1, "27").await;
    let letter = append(&store, 2, "27").await;
    store.commit(dead(letter, false)).await.unwrap();
    let secret = store.secret().await.unwrap();
    drop(store);
    let (new, mut progress) = (Key::random(), Vec::new());
    Sqlite::rekey(&home.path, &home.key, &new, |done, total| {
        progress.push((done, total))
    })
    .unwrap();
    assert_eq!(
        (progress.first(), progress.last()),
        (Some(&(0, 2)), Some(&(2, 2)))
    );
    let refusal = Sqlite::open(&home.path, &home.key).unwrap_err();
    assert!(matches!(refusal, OpenError::WrongKey { .. }), "{refusal}");
    let error = Sqlite::rekey(&home.path, &home.key, &new, |_, _| ()).unwrap_err();
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error}");

    let store = Sqlite::open(&home.path, &new).unwrap();
    assert_eq!(store.secret().await.unwrap(), secret);
    let content = store.event(event).await.unwrap().unwrap().content;
    assert!(matches!(content, Content::Delivered { body: kept, .. } if kept == body(1)));
    let letters = store.dead_letters(None, 1).await.unwrap();
    let DeadWhat::Event { content, .. } = &letters[0].what else {
        panic!()
    };
    assert!(matches!(content, Content::Delivered { body: kept, .. } if *kept == body(2)));
    let portal = store.portals().await.unwrap().remove(0);
    assert_eq!(
        portal.access.tokens().unwrap().refresh.expose_secret(),
        "canary-refresh"
    );
    let spare = portal.spare.unwrap().tokens;
    assert_eq!(spare.access.expose_secret(), "canary-spare-access");
    assert_eq!(spare.refresh.expose_secret(), "canary-spare-refresh");
}

#[test]
fn a_key_file_is_created_once_and_is_readable_by_its_owner_only() {
    let home = Home::new();
    let file = home.folder.path().join("keys/store.key");
    let created = Key::of(&home.path, &file).unwrap();
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    drop(Sqlite::open(&home.path, &created).unwrap());
    Sqlite::open(&home.path, &Key::of(&home.path, &file).unwrap()).unwrap();

    assert!(!format!("{created:?}").contains(created.to_base64().expose_secret()));
    let bytes: &[u8] = &fs::read(&file).unwrap();
    assert_eq!(
        bytes.trim_ascii(),
        created.to_base64().expose_secret().as_bytes()
    );

    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let error = Key::of(&home.path, &file).unwrap_err();
    assert!(
        matches!(error, KeyError::Exposed { mode: 0o640, .. }),
        "{error}"
    );

    fs::remove_file(&file).unwrap();
    let error = Key::of(&home.path, &file).unwrap_err();
    assert!(
        matches!(error, KeyError::Missing { .. }),
        "a new key would not open it: {error}"
    );
    assert!(!file.exists());
}

#[test]
fn a_text_that_is_not_a_key_is_refused() {
    for text in [
        "",
        "abc",
        "AAAA",
        &"A".repeat(44),
        &format!("{}==", "A".repeat(46)),
    ] {
        assert!(Key::from_base64(text).is_err(), "{text}");
    }
    let key = Key::random();
    let text = format!(" {}\n", key.to_base64().expose_secret());
    let same = Key::from_base64(&text).unwrap();
    assert_eq!(
        same.to_base64().expose_secret(),
        key.to_base64().expose_secret()
    );
}
