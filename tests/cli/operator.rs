//! What an operator asks at night: how much waits, what failed and why, once more, and forget it.

use std::path::{Path, PathBuf};
use std::process::Output;

use bytes::Bytes;
use imbot::event::{BotId, MemberId};
use imbot::store::{
    Appended, Conversation, Failure, Inbox, Key, NewDelivery, NewEvent, Occurrence, OrderingKey,
    Outcome, Sqlite, StateChange, StoredState, Time, TurnCommit, Turns, Upkeep,
};

use super::{bots, text};

const TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";
const AT: Time = Time(1_771_940_028_000);

/// A store with a conversation, an event that waits, and a dead letter.
struct Desk {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Desk {
    async fn set_up() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        let key = Key::of(&file, key_file(&file)).unwrap();
        let store = Sqlite::open(&file, &key).unwrap();
        let state = StoredState {
            version: 1,
            bytes: Bytes::from_static(br#"{"what":"pizza"}"#),
        };
        let told = TurnCommit {
            state: Some((here(), StateChange::Put(state.clone()))),
            ..TurnCommit::done(append(&store, 1).await, AT)
        };
        store.commit(told).await.unwrap();
        let unreadable = TurnCommit {
            state: Some((here(), StateChange::Put(state))),
            quarantine: Some("it was written by a newer program".into()),
            ..TurnCommit::done(append(&store, 2).await, AT)
        };
        store.commit(unreadable).await.unwrap();
        let dead = append(&store, 3).await;
        store.begin(dead, None).await.unwrap();
        let error = "the warehouse does not answer".to_owned();
        let failure = Failure {
            at: AT,
            error: error.clone(),
        };
        store.fail(dead, failure).await.unwrap();
        let end = Outcome::Dead {
            error,
            blocks: false,
        };
        let turn = TurnCommit {
            outcome: end,
            ..TurnCommit::done(dead, AT)
        };
        store.commit(turn).await.unwrap();
        append(&store, 4).await;
        store.close().await.unwrap();
        Desk {
            _folder: folder,
            file,
        }
    }

    fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        text(&output.stderr)
    }

    fn run(&self, args: &[&str]) -> Output {
        bots()
            .args(args)
            .arg("--store")
            .arg(&self.file)
            .output()
            .unwrap()
    }
}

fn key_file(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

fn here() -> Conversation {
    Conversation {
        portal: MemberId::new("portal"),
        bot: BotId(7),
        dialog: "27".into(),
    }
}

async fn append(store: &Sqlite, number: u64) -> imbot::store::EventId {
    let body = format!(
        "event=ONIMBOTMESSAGEADD&data[BOT][7][BOT_ID]=7&data[BOT][7][BOT_CODE]=shop&data[PARAMS][DIALOG_ID]=27\
         &data[PARAMS][MESSAGE_ID]={number}&data[PARAMS][MESSAGE]=two+pizzas&auth[application_token]={TOKEN}"
    );
    let event = NewEvent {
        occurrence: Occurrence(number.into()),
        key: OrderingKey::Chat(here()),
        part: 0,
    };
    let delivery = NewDelivery {
        portal: here().portal,
        body: body.into(),
        at: AT,
        events: vec![event],
    };
    let Appended::Now(ids) = store.append(delivery).await.unwrap() else {
        panic!("not written")
    };
    ids[0].unwrap()
}

#[tokio::test]
async fn the_status_is_told_to_people_and_to_programs() {
    let desk = Desk::set_up().await;
    let status = desk.says(&["store", "status"]);
    for line in [
        "events         1 waiting, the oldest since 2026-02-24T13:33:48.000Z",
        "conversations  1, and 1 states that could not be read",
        "dead letters   1",
    ] {
        assert!(status.contains(line), "{line} is missing in\n{status}");
    }
    let json = desk.says(&["store", "status", "--json"]);
    assert!(json.contains("\"dead\": 1") && json.contains("\"oldest_event\": 1771940028000"));
}

#[tokio::test]
async fn a_dead_letter_is_listed_shown_without_tokens_retried_and_dropped() {
    let desk = Desk::set_up().await;
    let list = desk.says(&["dead", "list"]);
    assert!(
        list.contains("event of portal/7/27, tried 1×: the warehouse does not answer"),
        "{list}"
    );
    let shown = desk.says(&["dead", "show", "1"]);
    assert!(
        shown.contains("two pizzas") && shown.contains("\"history\""),
        "{shown}"
    );
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(
        desk.fails(&["dead", "show", "9"])
            .contains("there is no dead letter 9")
    );
    assert_eq!(desk.says(&["dead", "retry", "1"]), "1 put back.\n");
    assert_eq!(desk.says(&["dead", "list"]), "There are no dead letters.\n");
    assert!(
        desk.says(&["store", "status"])
            .contains("events         2 waiting")
    );
    let other = Desk::set_up().await;
    assert_eq!(other.says(&["dead", "drop", "--all"]), "1 dropped.\n");
    assert!(
        other
            .says(&["store", "status"])
            .contains("events         1 waiting")
    );
}

#[tokio::test]
async fn a_conversation_is_shown_with_what_is_kept_aside_and_forgotten() {
    let desk = Desk::set_up().await;
    let shown = desk.says(&["conversation", "show", "portal", "7", "27"]);
    assert!(
        shown.contains("pizza") && shown.contains("written by a newer program"),
        "{shown}"
    );
    let forgotten = desk.says(&["conversation", "forget", "portal", "--user", "27"]);
    assert_ne!(forgotten, "0 items are deleted.\n");
    let nothing = desk.fails(&["conversation", "show", "portal", "7", "27"]);
    assert!(
        nothing.contains("nothing is stored of portal/7/27"),
        "{nothing}"
    );
    let status = desk.says(&["store", "status"]);
    assert!(
        status.contains("events         0") && status.contains("dead letters   0"),
        "{status}"
    );
}

#[tokio::test]
async fn a_backup_opens_with_the_same_key_and_overwrites_nothing() {
    let desk = Desk::set_up().await;
    let copy = desk.file.with_file_name("copy.db");
    let name = copy.to_str().unwrap();
    assert!(
        desk.says(&["store", "backup", name])
            .contains("is copied to")
    );
    assert!(
        desk.fails(&["store", "backup", name])
            .contains("exists already")
    );
    let status = bots()
        .args(["store", "status", "--store", name, "--store-key-file"])
        .arg(key_file(&desk.file))
        .output()
        .unwrap();
    assert!(
        text(&status.stdout).contains("conversations  1"),
        "{}",
        text(&status.stderr)
    );
}

#[tokio::test]
async fn a_new_key_takes_the_place_of_the_old_one() {
    let desk = Desk::set_up().await;
    let before = std::fs::read_to_string(key_file(&desk.file)).unwrap();
    assert!(
        desk.says(&["store", "rekey"])
            .contains("sealed with the new key")
    );
    assert_ne!(
        std::fs::read_to_string(key_file(&desk.file)).unwrap(),
        before
    );
    assert!(desk.says(&["dead", "show", "1"]).contains("two pizzas"));
    let old = bots()
        .args(["store", "status", "--store-key", before.trim(), "--store"])
        .arg(&desk.file)
        .output()
        .unwrap();
    assert!(text(&old.stderr).contains("key"), "{}", text(&old.stderr));
    assert_eq!(old.status.code(), Some(1));
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.db");
    let failed = bots()
        .args(["store", "status", "--store"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        text(&failed.stderr).contains("there is no store at"),
        "{}",
        text(&failed.stderr)
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
