//! Clocks that are an hour apart: those of processes, and that of the server.

use std::fs;
use std::time::Duration;

use imbot::event::MemberId;
use imbot::store::contract::sample::{append, at, chat, conversation, delivery, numbers};
use imbot::store::{
    EventId, Inbox, NewReminder, Ownership, Postgres, Reminder, ReminderChange, ReminderId,
    Reminders, Time, TurnCommit, Turns,
};

use super::members::node::{Node, eventually};
use crate::support::postgres::{self, Cluster};

const HOUR: u64 = 60 * 60;

/// Returns the library that fakes the time of a program, if Debian's package is installed.
fn faketime() -> Option<String> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    let found = files.find(|file| file.exists());
    found.map(|file| file.display().to_string())
}

/// Sets a reminder that is due at this time.
async fn remind(store: &Postgres, event: EventId, due: Time) {
    let reminder = Reminder {
        id: ReminderId { event, index: 0 },
        code: "echo".to_owned(),
        due,
        payload: serde_json::Value::Null,
        person: None,
        every: None,
    };
    let to = conversation("27");
    let turn = TurnCommit {
        reminders: vec![ReminderChange::Set(NewReminder { to, reminder })],
        ..TurnCommit::done(event, at(1))
    };
    store.commit(turn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_an_hour_apart_lose_no_reminder_and_recognise_repeats() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let schema = cluster.schema();
    let (ahead, behind) = Node::pair(&schema).await;
    Node::is_steady(&schema);
    let partition = ahead.store.partition(&MemberId::new("portal"));
    let own = |clock: Time| {
        let mut own = delivery(1, &[chat("27")]);
        own.at = clock;
        own
    };
    let first = numbers(ahead.store.append(own(at(2 * HOUR))).await.unwrap())[0].unwrap();
    let repeat = behind.store.append(own(at(0))).await.unwrap();
    assert_eq!(numbers(repeat), [None]);

    remind(&ahead.store, first, at(HOUR)).await;
    let move_to = async |name: &str, node: &Node| {
        let moved = ahead.store.move_partition(partition, Some(name)).await;
        assert!(moved.unwrap());
        node.until(|seen| seen.owned.contains(&partition.0)).await;
    };
    // It is not due yet for the process that is behind, which keeps it.
    move_to("two", &behind).await;
    assert_eq!(behind.store.due(at(0), 10).await.unwrap(), []);
    assert_eq!(behind.store.next_due().await.unwrap(), Some(at(HOUR)));
    move_to("one", &ahead).await;
    assert_eq!(ahead.store.due(at(2 * HOUR), 10).await.unwrap().len(), 1);
    move_to("two", &behind).await;
    assert_eq!(behind.store.due(at(HOUR), 10).await.unwrap(), []);
    assert!(!ahead.has_lost() && !behind.has_lost());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
async fn a_server_whose_clock_jumps_takes_no_lease_away_and_recognises_repeats() {
    if !postgres::is_wanted() {
        return;
    }
    let Some(library) = faketime() else {
        println!("not checked: faketime is not installed on this machine");
        return;
    };
    let folder = postgres::new_folder();
    let offset = folder.join("offset");
    let set = |text: &str| {
        fs::write(&offset, text).unwrap();
    };
    set("+0");
    let environment = [
        ("LD_PRELOAD", &*library),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DISABLE_SHM", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let cluster = Cluster::start_with(folder.clone(), &[], &environment, "");
    let schema = cluster.schema();
    let (one, two) = Node::pair(&schema).await;
    append(&*one.store, 1, "27").await;
    for (jump, is_ahead) in [("+3600", true), ("-3600", false)] {
        set(jump);
        let beats = || {
            schema
                .sql("SELECT min(beat) FROM member")
                .parse::<u64>()
                .unwrap()
        };
        let before = beats();
        // Longer than a lease lasts.
        assert!(eventually(async || beats() > before + 10).await);
        let found = one.store.diagnose().await.unwrap();
        let apart = Duration::from_millis(found.clock_ahead.unsigned_abs());
        assert_eq!(found.clock_ahead > 0, is_ahead);
        assert!(apart > Duration::from_secs(HOUR - 60), "{apart:?}");
        let repeat = two.store.append(delivery(1, &[chat("27")])).await.unwrap();
        assert_eq!(numbers(repeat), [None]);
    }
    assert!(!one.has_lost() && !two.has_lost());
}
