//! Tests of the spool: it stores deliveries while the database cannot, and they reach the inbox
//! later, in order.

use std::fs;
use std::io::Write;
use std::time::Duration;

use imbot::store::{
    Appended, Content, EventId, Inbox, Key, Notice, Operator, Sqlite, Store, TurnCommit, Turns,
    Upkeep,
};

use super::Home;
use super::refusals::Mount;
use imbot::store::contract::sample::{append, at, body, chat, delivery, numbers, put, waiting};

/// More pages than any test needs.
const ROOMY: u32 = 1_000_000;

/// Fills the database until it cannot store a delivery. Returns the number of stored deliveries.
async fn fill(store: &Sqlite, first: u128) -> u128 {
    store.limit_pages(1).await.unwrap();
    let mut occurrence = first;
    while let Appended::Now(_) = store
        .append(delivery(occurrence, &[chat("27")]))
        .await
        .unwrap()
    {
        occurrence += 1;
    }
    occurrence - first
}

/// Waits for this number of notices.
async fn take_notices(store: &dyn Store, count: usize) -> Vec<Notice> {
    let mut notices = Vec::new();
    with_time_limit(async {
        while notices.len() < count {
            notices.extend(store.notices().await.unwrap());
        }
    })
    .await;
    notices
}

async fn with_time_limit(wait: impl Future<Output = ()>) {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, wait)
        .await
        .expect("it happens within the limit");
}

/// Returns the bodies of the waiting events, in order.
async fn bodies(store: &dyn Store) -> Vec<bytes::Bytes> {
    let mut bodies = Vec::new();
    for id in waiting(store).await {
        let content = store.event(id).await.unwrap().unwrap().content;
        let Content::Delivered { body, .. } = content else {
            panic!()
        };
        bodies.push(body);
    }
    bodies
}

#[tokio::test]
async fn spooled_deliveries_reach_the_inbox_in_order_with_a_notice_of_each() {
    let home = Home::new();
    let store = home.open();
    let before = fill(&store, 0).await;
    for later in 1..4 {
        let appended = store
            .append(delivery(before + later, &[chat("27")]))
            .await
            .unwrap();
        assert_eq!(appended, Appended::Later);
    }
    let repeat = store
        .append(delivery(before + 1, &[chat("27")]))
        .await
        .unwrap();
    assert_eq!(repeat, Appended::Later, "a repeat is recognised later");
    assert_eq!(store.status().await.unwrap().spooled, 5);
    assert_eq!(waiting(&store).await.len() as u128, before);

    store.limit_pages(ROOMY).await.unwrap();
    let behind = delivery(before + 4, &[chat("27")]);
    let behind = store.append(behind).await.unwrap();
    let spooled = if behind == Appended::Later { 5 } else { 4 };
    let last = u64::try_from(before).unwrap();
    let number = |count: u64| EventId(count * 256 + 105); // the portal's partition is 105
    let expected: Vec<_> = (1..=spooled)
        .map(|next| Notice::Event(number(last + next), chat("27")))
        .collect();
    assert_eq!(take_notices(&store, expected.len()).await, expected);
    assert_eq!(store.status().await.unwrap().spooled, 0);
    let expected: Vec<_> = (0..before + 5).map(body).collect();
    assert_eq!(bodies(&store).await, expected, "the order is kept");
    let now = append(&store, 1000, "27").await;
    assert_eq!(
        now,
        number(last + 6),
        "it is written to the database at once"
    );
}

#[tokio::test]
async fn turns_are_committed_while_deliveries_are_spooled() {
    let home = Home::new();
    let store = home.open();
    fill(&store, 0).await;
    let first = waiting(&store).await[0];
    assert_eq!(store.begin(first, None).await.unwrap().unwrap().attempt, 1);
    store.commit(TurnCommit::done(first, at(1))).await.unwrap();
    assert!(store.event(first).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_does_not_fit_on_the_disk_fails_alone() {
    let home = Home::new();
    let store = std::sync::Arc::new(home.open());
    let first = append(&*store, 1, "27").await;
    let mut others = Vec::new();
    for occurrence in 2..40 {
        others.push(append(&*store, occurrence, "28").await);
    }
    store.limit_pages(1).await.unwrap();
    let mut tasks = Vec::new();
    for id in others {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            store.commit(TurnCommit::done(id, at(1))).await
        }));
    }
    let huge = "x".repeat(1 << 20);
    let refused = store
        .commit(put(first, "27", &huge))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("free some space") && refused.contains("store.db"),
        "{refused}"
    );
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(
        waiting(&*store).await,
        [first],
        "the refused turn changed nothing"
    );
}

#[tokio::test]
async fn the_spool_of_a_killed_process_is_moved_at_the_start_without_its_incomplete_end() {
    let home = Home::new();
    let store = home.open();
    let before = fill(&store, 0).await;
    store
        .append(delivery(before + 1, &[chat("27")]))
        .await
        .unwrap();
    let killed = home.copy();
    let spool = killed.folder.path().join("store.db.spool");
    let whole = fs::metadata(&spool).unwrap().len();
    assert!(whole > 0);
    let mut file = fs::OpenOptions::new().append(true).open(&spool).unwrap();
    file.write_all(&[0, 0, 1, 0, 7, 7, 7]).unwrap();
    drop(file);
    let store = killed.open();
    let expected: Vec<_> = (0..before + 2).map(body).collect();
    assert_eq!(bodies(&store).await, expected);
    assert_eq!(fs::metadata(&spool).unwrap().len(), 0);
    assert!(
        store.notices().await.unwrap().is_empty(),
        "a new process reads everything anyway"
    );
}

#[tokio::test]
async fn a_spool_that_is_moved_twice_is_in_the_inbox_once() {
    let home = Home::new();
    let store = home.open();
    let before = fill(&store, 0).await;
    let killed = home.copy();
    let spool = killed.folder.path().join("store.db.spool");
    let left = fs::read(&spool).unwrap();
    drop(killed.open());
    fs::write(&spool, left).unwrap();
    let store = killed.open();
    assert_eq!(waiting(&store).await.len() as u128, before + 1);
}

#[tokio::test]
async fn a_spool_with_an_unreadable_record_is_kept_as_a_file() {
    let home = Home::new();
    let store = home.open();
    let before = fill(&store, 0).await;
    store
        .append(delivery(before + 1, &[chat("27")]))
        .await
        .unwrap();
    let killed = home.copy();
    let spool = killed.folder.path().join("store.db.spool");
    let mut bytes = fs::read(&spool).unwrap();
    bytes[40] ^= 1;
    fs::write(&spool, &bytes).unwrap();
    let store = killed.open();
    assert_eq!(
        waiting(&store).await.len() as u128,
        before + 1,
        "the readable delivery is in the inbox"
    );
    let aside = killed.folder.path().join("store.db.spool.broken-1");
    assert!(fs::read(aside).unwrap() == bytes);
    assert!(!spool.exists());
}

#[tokio::test]
async fn a_full_disk_loses_no_accepted_delivery_and_the_store_writes_again_when_there_is_room() {
    let Some(mount) = Mount::new("size=1m") else {
        return;
    };
    let (path, key) = (mount.0.path().join("store.db"), Key::random());
    let store = Sqlite::open(&path, &key).unwrap();
    let mut accepted = Vec::new();
    let refused = loop {
        let occurrence = accepted.len() as u128;
        match store.append(delivery(occurrence, &[chat("27")])).await {
            Ok(_) => accepted.push(body(occurrence)),
            Err(error) => break error.to_string(),
        }
    };
    assert!(
        refused.contains("spool") && refused.contains("either"),
        "{refused}"
    );
    let count = accepted.len() as u128;
    mount.remount("size=16m");
    with_time_limit(async {
        while store.status().await.unwrap().spooled > 0 {
            store.notices().await.unwrap();
        }
    })
    .await;
    let expected = &accepted[..accepted.len().min(1000)];
    assert_eq!(bodies(&store).await, expected);
    let again = numbers(store.append(delivery(count, &[chat("27")])).await.unwrap());
    assert!(again[0].is_some(), "the refused delivery was not stored");
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_closed_opens_on_a_full_disk() {
    let Some(mount) = Mount::new("size=8m") else {
        return;
    };
    let (path, key) = (mount.0.path().join("store.db"), Key::random());
    let store = Sqlite::open(&path, &key).unwrap();
    append(&store, 1, "27").await;
    store.close().await.unwrap();
    drop(store);
    let filler = mount.0.path().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let store = Sqlite::open(&path, &key).unwrap();
    assert_eq!(waiting(&store).await.len(), 1);
    drop(file);
    fs::remove_file(filler).unwrap();
    append(&store, 2, "27").await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_store_of_a_killed_process_opens_on_a_full_disk_and_accepts_deliveries_when_there_is_room()
 {
    let Some(mount) = Mount::new("size=8m") else {
        return;
    };
    let folder = mount.0.path();
    let (living, killed) = (folder.join("living"), folder.join("killed"));
    let key = Key::random();
    let store = Sqlite::open(living.join("store.db"), &key).unwrap();
    for occurrence in 1..=20 {
        let delivery = delivery(occurrence, &[chat("27")]);
        store.append(delivery).await.unwrap();
    }
    let [from, to] = [&living, &killed].map(|path| path.to_str().unwrap());
    super::run("cp", &["-r", "--sparse=never", from, to]);
    let filler = folder.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let store = Sqlite::open(killed.join("store.db"), &key).unwrap();
    assert_eq!(waiting(&store).await.len(), 20);
    let refused = store.append(delivery(21, &[chat("27")])).await;
    assert!(refused.is_err(), "there is no room for the spool either");
    drop(file);
    fs::remove_file(filler).unwrap();
    store.append(delivery(22, &[chat("27")])).await.unwrap();
    store.close().await.unwrap();
}
