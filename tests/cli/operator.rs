//! The commands of an operator on a store: status, dead letters, conversations, backup and key.

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

/// A store with a conversation, a waiting event, and a dead letter.
struct TestStore {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl TestStore {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        let key = Key::of(&file, key_file(&file)).unwrap();
        let store = Sqlite::open(&file, &key).unwrap();
        let state = StoredState {
            version: 1,
            bytes: Bytes::from_static(br#"{"what":"pizza"}"#),
        };
        let readable = TurnCommit {
            state: Some((conversation(), StateChange::Put(state.clone()))),
            ..TurnCommit::done(append(&store, 1).await, AT)
        };
        store.commit(readable).await.unwrap();
        let unreadable = TurnCommit {
            state: Some((conversation(), StateChange::Put(state))),
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
        let outcome = Outcome::Dead {
            error,
            blocks: false,
        };
        let turn = TurnCommit {
            outcome,
            ..TurnCommit::done(dead, AT)
        };
        store.commit(turn).await.unwrap();
        append(&store, 4).await;
        store.close().await.unwrap();
        Self {
            _folder: folder,
            file,
        }
    }

    /// Runs a command that must succeed, and returns its output.
    fn prints(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Runs a command that must fail, and returns its errors.
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

/// The conversation of the store.
fn conversation() -> Conversation {
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
        key: OrderingKey::Chat(conversation()),
        part: 0,
    };
    let delivery = NewDelivery {
        portal: conversation().portal,
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
async fn the_status_is_printed_as_text_and_as_json() {
    let store = TestStore::new().await;
    let status = store.prints(&["store", "status"]);
    for line in [
        "events         1 waiting, the oldest since 2026-02-24T13:33:48.000Z",
        "conversations  1, and 1 quarantined states",
        "dead letters   1",
    ] {
        assert!(status.contains(line), "{line} is missing in\n{status}");
    }
    let json = store.prints(&["store", "status", "--json"]);
    assert!(json.contains("\"dead\": 1") && json.contains("\"oldest_event\": 1771940028000"));
}

#[tokio::test]
async fn a_dead_letter_is_listed_shown_without_tokens_retried_and_dropped() {
    let store = TestStore::new().await;
    let list = store.prints(&["dead", "list"]);
    assert!(
        list.contains("event of portal/7/27, tried 1×: the warehouse does not answer"),
        "{list}"
    );
    let shown = store.prints(&["dead", "show", "1"]);
    assert!(
        shown.contains("two pizzas") && shown.contains("\"history\""),
        "{shown}"
    );
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(
        store
            .fails(&["dead", "show", "9"])
            .contains("there is no dead letter 9")
    );
    assert_eq!(store.prints(&["dead", "retry", "1"]), "1 queued again.\n");
    assert_eq!(
        store.prints(&["dead", "list"]),
        "There are no dead letters.\n"
    );
    assert!(
        store
            .prints(&["store", "status"])
            .contains("events         2 waiting")
    );
    let other = TestStore::new().await;
    assert_eq!(other.prints(&["dead", "drop", "--all"]), "1 dropped.\n");
    assert!(
        other
            .prints(&["store", "status"])
            .contains("events         1 waiting")
    );
}

#[tokio::test]
async fn a_conversation_is_shown_with_its_quarantined_states_and_deleted() {
    let store = TestStore::new().await;
    let shown = store.prints(&["conversation", "show", "portal", "7", "27"]);
    assert!(
        shown.contains("pizza") && shown.contains("written by a newer program"),
        "{shown}"
    );
    let deleted = store.prints(&["conversation", "forget", "portal", "--user", "27"]);
    assert_ne!(deleted, "0 items are deleted.\n");
    let nothing = store.fails(&["conversation", "show", "portal", "7", "27"]);
    assert!(
        nothing.contains("nothing is stored of portal/7/27"),
        "{nothing}"
    );
    let status = store.prints(&["store", "status"]);
    assert!(
        status.contains("events         0") && status.contains("dead letters   0"),
        "{status}"
    );
}

#[tokio::test]
async fn conversations_are_listed_and_a_bot_is_paused_in_one() {
    let store = TestStore::new().await;
    let list = store.prints(&["conversation", "list", "portal", "7"]);
    assert!(list.ends_with("  portal/7/27\n"), "{list}");
    let json = store.prints(&["conversation", "list", "--json"]);
    assert!(json.contains("\"dialog\":\"27\""), "{json}");
    let other = store.prints(&["conversation", "list", "portal", "8"]);
    assert_eq!(other, "No conversations are stored.\n");
    let chat = ["portal", "7", "27"];
    let paused = store.prints(&[&["conversation", "pause"], &chat[..]].concat());
    assert_eq!(paused, "The bot is paused there until it is resumed.\n");
    let list = store.prints(&["conversation", "list"]);
    assert_eq!(
        list.lines().count(),
        1,
        "a pause is no conversation: {list}"
    );
    let resumed = store.prints(&[&["conversation", "resume"], &chat[..]].concat());
    assert_eq!(resumed, "The bot goes on there.\n");
    let again = store.fails(&[&["conversation", "resume"], &chat[..]].concat());
    assert!(again.contains("the bot is not paused there"), "{again}");
}

#[tokio::test]
async fn a_broadcast_that_does_not_exist_is_an_error() {
    let store = TestStore::new().await;
    let list = store.prints(&["broadcast", "list"]);
    assert_eq!(list, "There are no broadcasts.\n");
    assert_eq!(store.prints(&["broadcast", "list", "--json"]), "");
    for command in ["show", "pause", "resume", "cancel", "remove"] {
        let error = store.fails(&["broadcast", command, "portal", "7", "spring sale"]);
        let expected = "broadcast “spring sale”; `broadcast list` lists them";
        assert!(error.contains(expected), "{command}: {error}");
    }
}

#[tokio::test]
async fn a_backup_opens_with_the_same_key_and_never_overwrites_a_file() {
    let store = TestStore::new().await;
    let copy = store.file.with_file_name("copy.db");
    let name = copy.to_str().unwrap();
    assert!(
        store
            .prints(&["store", "backup", name])
            .contains("is copied to")
    );
    assert!(
        store
            .fails(&["store", "backup", name])
            .contains("exists already")
    );
    let status = bots()
        .args(["store", "status", "--store", name, "--store-key-file"])
        .arg(key_file(&store.file))
        .output()
        .unwrap();
    assert!(
        text(&status.stdout).contains("conversations  1"),
        "{}",
        text(&status.stderr)
    );
}

#[tokio::test]
async fn rekey_replaces_the_key() {
    let store = TestStore::new().await;
    let before = std::fs::read_to_string(key_file(&store.file)).unwrap();
    assert!(
        store
            .prints(&["store", "rekey"])
            .contains("sealed with the new key")
    );
    assert_ne!(
        std::fs::read_to_string(key_file(&store.file)).unwrap(),
        before
    );
    assert!(store.prints(&["dead", "show", "1"]).contains("two pizzas"));
    let old = bots()
        .args(["store", "status", "--store-key", before.trim(), "--store"])
        .arg(&store.file)
        .output()
        .unwrap();
    assert!(text(&old.stderr).contains("key"), "{}", text(&old.stderr));
    assert_eq!(old.status.code(), Some(1));
}

#[test]
fn the_status_of_a_missing_store_does_not_create_it() {
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

#[tokio::test]
async fn a_quarantined_state_is_restored_and_what_it_replaces_is_quarantined() {
    let store = TestStore::new().await;
    let show = ["conversation", "show", "portal", "7", "27"];
    let restore = ["conversation", "restore", "portal", "7", "27"];
    assert_eq!(store.prints(&restore), "1 states are restored.\n");
    let shown = store.prints(&show);
    for reason in [
        "restored: it was written by a newer program",
        "replaced by a restored state",
    ] {
        assert!(shown.contains(reason), "{reason} is missing in\n{shown}");
    }
    let all = store.prints(&["conversation", "restore", "--all"]);
    assert_eq!(all, "0 states are restored.\n");
    let none = store.fails(&["conversation", "restore", "portal", "7", "28"]);
    assert!(
        none.contains("portal/7/28 has no quarantined state"),
        "{none}"
    );
    let wrong = store.run(&["conversation", "restore"]);
    let wrong = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.contains("<PORTAL>"), "{wrong}");
}
