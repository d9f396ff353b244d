//! A store moves between a file and PostgreSQL with everything in it, once and whole.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use imbot::event::{MemberId, MessageId, UserId};
use imbot::store::contract::sample::{
    append, at, conversation, dead, delivery, failure, installation, numbers, put, queued, say,
};
use imbot::store::{
    Access, Arrived, Call, CallId, Content, Conversation, DeadLetter, DeadWhat, EventId, Inbox,
    Key, MessageRef, MoveError, MovePlace, MoveStep, NewReminder, OpenError, Operator, OrderingKey,
    Outbox, Ownership, PostgresError, Reminder, ReminderChange, ReminderId, Reminders, Settled,
    Spare, Sqlite, StateChange, Store, StoredState, Tokens, TurnCommit, Turns, Upkeep, move_store,
};
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;

use crate::support::postgres::{self, Schema};

type Moved = Result<Vec<(&'static str, u64)>, MoveError>;

fn copy_of(key: &Key) -> Key {
    Key::from_base64(key.to_base64().expose_secret()).unwrap()
}

/// A file with its key.
struct File {
    path: PathBuf,
    key: Key,
}

impl File {
    fn new(folder: &TempDir, name: &str) -> Self {
        Self {
            path: folder.path().join(name),
            key: Key::random(),
        }
    }

    fn open(&self) -> Sqlite {
        Sqlite::open(&self.path, &self.key).unwrap()
    }

    fn place(&self) -> MovePlace {
        MovePlace::File {
            path: self.path.clone(),
            key: copy_of(&self.key),
        }
    }

    /// Runs SQL on the file.
    fn sql(&self, sql: &str) {
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

fn place_of(schema: &Schema<'_>) -> MovePlace {
    MovePlace::Postgres {
        url: schema.url(),
        keys: vec![copy_of(&schema.key)],
    }
}

async fn moved(from: MovePlace, to: MovePlace) -> Moved {
    moved_until(from, to, |_, _| {}).await.unwrap()
}

/// Moves a store. A panic of `progress` interrupts it.
async fn moved_until(
    from: MovePlace,
    to: MovePlace,
    mut progress: impl FnMut(MoveStep, u64) + Send + 'static,
) -> Result<Moved, tokio::task::JoinError> {
    let moving = move || move_store(&from, &to, |step, done, _| progress(step, done));
    tokio::task::spawn_blocking(moving).await
}

/// The ids of what [`fill`] stores.
struct Filled {
    waiting: Vec<EventId>,
    calls: Vec<CallId>,
    /// A call whose message has an id.
    sent: CallId,
    reminder: ReminderId,
}

/// Stores everything that a store can have, on two portals.
async fn fill(store: &dyn Store) -> Filled {
    let mut own = installation("portal", "application");
    own.former_hosts = vec!["old.bitrix24.com".to_owned()];
    own.installed_at = Some(1_794_999_000);
    let spare = Tokens {
        access: "spare access".into(),
        refresh: "spare refresh".into(),
    };
    own.spare = Some(Spare::new(UserId(9), spare));
    store.install(own).await.unwrap();
    let mut other = installation("other", "application of the other");
    other.access = Access::Webhook(webhook());
    store.install(other).await.unwrap();
    for (portal, name) in [("other", "x y"), ("portal", "bots"), ("portal", "a")] {
        let portal = MemberId::new(portal);
        let note = format!("note {name}");
        store.set_note(&portal, name, note).await.unwrap();
    }
    store.addresses(Some("https://one.example")).await.unwrap();
    store.addresses(Some("https://two.example")).await.unwrap();
    let arrived = Arrived {
        name: "ONIMBOTMESSAGEADD".to_owned(),
        count: 3,
        last: at(2),
    };
    store.arrived(vec![arrived]).await.unwrap();

    // A turn with a state, calls and reminders.
    let first = append(store, 1, "27").await;
    store.begin(first, None).await.unwrap();
    let turn = TurnCommit {
        calls: vec![
            say(first, 0, "27", "sent"),
            say(first, 1, "27", "taken"),
            say(first, 2, "27", "waiting"),
            say(first, 3, "27", "refused"),
        ],
        reminders: vec![reminder(first, 0, "27"), reminder(first, 1, "28")],
        ..put(first, "27", r#"{"what":"pizza"}"#)
    };
    store.commit(turn).await.unwrap();
    let call = |index| CallId {
        event: first,
        index,
    };
    for (index, settled) in [
        (0, Settled::Sent(Some(MessageId(77)))),
        (
            3,
            Settled::Dead {
                at: at(5),
                error: "the portal refuses".to_owned(),
            },
        ),
    ] {
        store.take(call(index)).await.unwrap().unwrap();
        store.settle(call(index), settled).await.unwrap();
    }
    store.take(call(1)).await.unwrap().unwrap();
    let edit = Call::Edit {
        message: MessageRef::Queued(call(0)),
        params: Arc::new(serde_json::Map::new()),
    };

    // A state that is no text, one that could not be read, and an edit of a sent message.
    let second = append(store, 2, "28").await;
    let state = StoredState {
        version: 7,
        bytes: Bytes::from_static(&[0, 159, 255]),
    };
    let turn = TurnCommit {
        state: Some((conversation("28"), StateChange::Put(state.clone()))),
        calls: vec![queued(second, 0, "28", edit)],
        ..TurnCommit::done(second, at(1))
    };
    store.commit(turn).await.unwrap();
    let third = append(store, 3, "28").await;
    let turn = TurnCommit {
        state: Some((conversation("28"), StateChange::Put(state))),
        quarantine: Some("it was written by a newer program".to_owned()),
        ..TurnCommit::done(third, at(1))
    };
    store.commit(turn).await.unwrap();

    // Dead letters, one of which was revived, and events that wait, one with failures.
    for (occurrence, blocks) in [(4, true), (5, false), (6, false)] {
        let id = append(store, occurrence, "29").await;
        store.begin(id, None).await.unwrap();
        store.fail(id, failure("once")).await.unwrap();
        store.commit(dead(id, blocks)).await.unwrap();
    }
    let letters = store.dead_letters(None, 10).await.unwrap();
    store.revive(letters.last().unwrap().id).await.unwrap();
    // One body for several events, the first of which is handled.
    let keys = ["30", "31", "32"].map(|dialog| OrderingKey::Chat(conversation(dialog)));
    let other = OrderingKey::Application(MemberId::new("portal"));
    let [one, two, three] = keys;
    let shared = store.append(delivery(10, &[one, two, other, three]));
    let shared = numbers(shared.await.unwrap());
    let handled = TurnCommit::done(shared[0].unwrap(), at(1));
    store.commit(handled).await.unwrap();
    let again = shared[1].unwrap();
    for error in ["once", "twice"] {
        store.begin(again, None).await.unwrap();
        store.fail(again, failure(error)).await.unwrap();
    }
    Filled {
        waiting: shared.into_iter().skip(1).flatten().collect(),
        calls: vec![
            call(1),
            call(2),
            CallId {
                event: second,
                index: 0,
            },
        ],
        sent: call(0),
        reminder: ReminderId {
            event: first,
            index: 1,
        },
    }
}

fn webhook() -> imbot::store::Webhook {
    imbot::store::Webhook {
        user: UserId(1),
        code: "code".into(),
        bot_token: "bot token".into(),
    }
}

fn reminder(event: EventId, index: u16, dialog: &str) -> ReminderChange {
    ReminderChange::Set(NewReminder {
        to: conversation(dialog),
        reminder: Reminder {
            id: ReminderId { event, index },
            code: "shop".to_owned(),
            due: at(100),
            payload: json!({ "order": 7 }),
            person: Some(UserId(27)),
            every: None,
        },
    })
}

/// Returns everything that can be read from a store without changing it, as text.
async fn everything(store: &dyn Store, filled: &Filled) -> String {
    let mut all = String::new();
    let mut portals = store.portals().await.unwrap();
    portals.sort_by(|one, other| one.portal.as_str().cmp(other.portal.as_str()));
    for own in portals {
        let secret = |text: &secrecy::SecretString| text.expose_secret().to_owned();
        let access = match &own.access {
            Access::Tokens(tokens) => (0, secret(&tokens.access), secret(&tokens.refresh)),
            Access::Webhook(hook) => (1, secret(&hook.code), secret(&hook.bot_token)),
        };
        let spare = own.spare.as_ref().map(|spare| {
            let tokens = &spare.tokens;
            (spare.user, secret(&tokens.access), secret(&tokens.refresh))
        });
        let token = secret(&own.application_token);
        writeln!(all, "{own:?} {token} {access:?} {spare:?}").unwrap();
        for name in ["x y", "bots", "a"] {
            let note = store.note(&own.portal, name).await.unwrap();
            writeln!(all, "{name}: {note:?}").unwrap();
        }
    }
    let addresses = store.addresses(None).await.unwrap();
    let arrived = store.arrived(Vec::new()).await.unwrap();
    writeln!(all, "{addresses:?} {arrived:?}").unwrap();
    writeln!(all, "{:?}", store.secret().await.unwrap().bytes()).unwrap();
    for (id, key) in store.waiting(None, None, 100).await.unwrap() {
        let event = store.event(id).await.unwrap().unwrap();
        writeln!(all, "{id} {key:?} {} {}", event.at, content(&event.content)).unwrap();
    }
    for call in store.unsent(None, None, 100).await.unwrap() {
        writeln!(all, "{:?}", (call.id, call.to, call.is_taken)).unwrap(); // positions are the store's own
    }
    for dialog in ["27", "28", "29"] {
        let key: Conversation = conversation(dialog);
        let state = store.state(&key).await.unwrap();
        let quarantined = store.quarantined(&key).await.unwrap();
        writeln!(all, "{dialog}: {state:?} {quarantined:?}").unwrap();
    }
    for letter in store.dead_letters(None, 100).await.unwrap() {
        let DeadLetter {
            what: ref content_of,
            ..
        } = letter;
        let what = match content_of {
            DeadWhat::Event {
                id,
                at,
                content: own,
            } => format!("{id} {at} {}", content(own)),
            DeadWhat::Call(call) => format!("{call:?}"),
        };
        let (id, at, key, error) = (letter.id, letter.at, &letter.key, &letter.error);
        let (attempts, history) = (letter.attempts, &letter.history);
        writeln!(
            all,
            "{id} {at} {key:?} {error} {attempts} {history:?} {} {what}",
            letter.blocks
        )
        .unwrap();
    }
    let message = store.message(filled.sent).await.unwrap();
    let status = store.status().await.unwrap();
    writeln!(
        all,
        "{message:?} {:?} {} {}",
        status.last_event, status.reminders, status.conversations
    )
    .unwrap();
    all
}

fn content(content: &Content) -> String {
    match content {
        Content::Delivered { body, part } => format!("{body:?} {part}"),
        Content::Reminder(reminder) => format!("{reminder:?}"),
    }
}

/// Checks what can only be found out by going on with a store.
async fn goes_on(store: &dyn Store, filled: &Filled) {
    let repeat = store.append(delivery(1, &[OrderingKey::Chat(conversation("27"))]));
    assert_eq!(
        numbers(repeat.await.unwrap()),
        [None],
        "a repeat is recognised"
    );
    let new = append(store, 1_000, "27").await;
    let last = filled.waiting.iter().max().unwrap();
    assert!(
        new > *last && new.0 / 256 > last.0 / 256,
        "{new} is after {last}"
    );
    assert_eq!(
        new.0 % 256,
        105,
        "the number names the partition of the portal"
    );

    let started = store.begin(filled.waiting[0], None).await.unwrap();
    assert_eq!(started.unwrap().attempt, 3);
    for (call, is_taken) in filled.calls.iter().zip([true, false, false]) {
        let taken = store.take(*call).await.unwrap().unwrap();
        assert_eq!(taken.in_doubt, is_taken, "{call}");
        assert_eq!(taken.call.id, *call);
    }
    let cancel = TurnCommit {
        reminders: vec![ReminderChange::Cancel(filled.reminder)],
        ..TurnCommit::done(new, at(1))
    };
    store.commit(cancel).await.unwrap();
    assert_eq!(store.due(at(200), 10).await.unwrap().len(), 1);

    // A body goes with the last event that needs it, and a dead letter gets a new number.
    for id in &filled.waiting {
        store.commit(TurnCommit::done(*id, at(3))).await.unwrap();
    }
    let letters = store.dead_letters(None, 10).await.unwrap();
    let highest = letters.iter().map(|letter| letter.id).max().unwrap();
    let next = append(store, 1_001, "29").await;
    store.commit(dead(next, false)).await.unwrap();
    let letters = store.dead_letters(Some(highest), 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    for letter in store.dead_letters(None, 10).await.unwrap() {
        assert!(store.revive(letter.id).await.unwrap());
    }
    store
        .uninstall(&MemberId::new("portal"), true)
        .await
        .unwrap();
}

/// Returns a file with everything in it.
async fn filled_file(file: &File) -> (Filled, String) {
    let store = file.open();
    let filled = fill(&store).await;
    let all = everything(&store, &filled).await;
    store.close().await.unwrap();
    (filled, all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_moves_to_postgresql_with_everything_and_goes_on() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, schema) = (File::new(&folder, "store.db"), cluster.schema());
    let (filled, before) = filled_file(&file).await;
    let rows = moved(file.place(), place_of(&schema)).await.unwrap();
    assert!(rows.iter().all(|(_, count)| *count > 0), "{rows:?}");
    let store = schema.open().await;
    assert_eq!(everything(&store, &filled).await, before);
    goes_on(&store, &filled).await;
    assert_eq!(
        schema.sql("SELECT count(*) FROM message"),
        "0",
        "all is forgotten"
    );
    assert_eq!(
        everything(&file.open(), &filled).await,
        before,
        "the source is as it was"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_moves_there_and_back_and_is_the_same() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, back) = (
        File::new(&folder, "store.db"),
        File::new(&folder, "back.db"),
    );
    let schema = cluster.schema();
    let (filled, before) = filled_file(&file).await;
    let there = moved(file.place(), place_of(&schema)).await.unwrap();
    assert_eq!(there, moved(place_of(&schema), back.place()).await.unwrap());
    for sql in [
        "SELECT id, lane, at, part, reminder FROM event",
        "SELECT * FROM attempt",
        "SELECT hex(occurrence) FROM seen",
        "SELECT conversation, version, at, typeof(data), hex(data) FROM state ORDER BY 1",
        "SELECT at, conversation, version, typeof(data), hex(data), reason FROM aside ORDER BY id",
        "SELECT * FROM call",
        "SELECT * FROM taken",
        "SELECT * FROM message",
        "SELECT * FROM reminder",
        "SELECT id, at, lane, error, attempts, history, blocks, event, came, part, call FROM dead",
        "SELECT kind, number, lane FROM news ORDER BY id",
        // Sealed values differ at each sealing; `everything` compares the secret itself.
        "SELECT name, value FROM meta WHERE name NOT IN ('key check', 'last event', 'secret')",
        "SELECT seq FROM sqlite_sequence WHERE name = 'dead'",
    ] {
        assert_eq!(rows(&back.path, sql), rows(&file.path, sql), "{sql}");
    }
    let store = back.open();
    assert_eq!(everything(&store, &filled).await, before);
    goes_on(&store, &filled).await;
    assert!(!folder.path().join("back.db.moving").exists());
}

/// Returns the rows of a query as text.
fn rows(path: &Path, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let read = |row: &rusqlite::Row<'_>| {
        let values = (0..columns).map(|column| format!("{:?}", row.get_ref_unwrap(column)));
        Ok(values.collect::<Vec<_>>().join(" "))
    };
    let found = statement.query_map([], read).unwrap();
    found.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_move_to_postgresql_is_continued() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, schema) = (File::new(&folder, "store.db"), cluster.schema());
    let (filled, before) = filled_file(&file).await;
    for rows in [1, 5, 12, 20] {
        let interrupted = moved_until(file.place(), place_of(&schema), move |step, done| {
            assert!(step == MoveStep::Copy && done < rows, "interrupted");
        });
        assert!(interrupted.await.is_err());
        let refused = schema.try_open();
        assert!(
            matches!(refused, Err(PostgresError::Unfinished { .. })),
            "{refused:?}"
        );
    }
    let interrupted = moved_until(file.place(), place_of(&schema), |step, _| {
        assert!(step == MoveStep::Copy, "interrupted");
    });
    assert!(interrupted.await.is_err());
    moved(file.place(), place_of(&schema)).await.unwrap();
    let store = schema.open().await;
    assert_eq!(everything(&store, &filled).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_move_to_a_file_is_continued_and_the_file_is_not_there_before_its_end() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, schema) = (File::new(&folder, "store.db"), cluster.schema());
    let store = schema.open().await;
    let filled = fill(&store).await;
    let before = everything(&store, &filled).await;
    store.close().await.unwrap();
    for rows in [2, 11] {
        let interrupted = moved_until(place_of(&schema), file.place(), move |step, done| {
            assert!(step == MoveStep::Copy && done < rows, "interrupted");
        });
        assert!(interrupted.await.is_err());
        assert!(!file.path.exists());
    }
    moved(place_of(&schema), file.place()).await.unwrap();
    assert_eq!(everything(&file.open(), &filled).await, before);
    let again = moved(place_of(&schema), file.place()).await;
    assert!(
        matches!(again, Err(MoveError::NotEmpty { .. })),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_is_not_continued_from_another_store_or_after_a_change() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, schema) = (File::new(&folder, "store.db"), cluster.schema());
    filled_file(&file).await;
    let interrupted = moved_until(file.place(), place_of(&schema), |_, done| {
        assert!(done < 5, "interrupted");
    });
    assert!(interrupted.await.is_err());
    let store = file.open();
    append(&store, 50, "27").await;
    store.close().await.unwrap();
    let other = File::new(&folder, "other.db");
    other.open().close().await.unwrap();
    for file in [file, other] {
        let refused = moved(file.place(), place_of(&schema)).await;
        assert!(
            matches!(refused, Err(MoveError::OtherSource { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_a_process_uses_is_not_moved() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, schema) = (File::new(&folder, "store.db"), cluster.schema());
    let store = file.open();
    let refused = moved(file.place(), place_of(&schema)).await;
    assert!(
        matches!(refused, Err(MoveError::File(OpenError::Locked { .. }))),
        "{refused:?}"
    );
    store.close().await.unwrap();

    let process = schema.try_open().unwrap().with_name("first");
    let mut changes = process.join();
    changes.next().await;
    let to = File::new(&folder, "to.db");
    let refused = moved(place_of(&schema), to.place()).await;
    let Err(MoveError::InUse { members, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(members, "first");
    process.close().await.unwrap();
    moved(place_of(&schema), to.place()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_process_was_killed_is_moved_and_none_starts_meanwhile() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (to, schema) = (File::new(&folder, "to.db"), cluster.schema());
    let store = schema.open().await;
    append(&store, 1, "27").await;
    drop(store);
    schema.sql(
        "INSERT INTO member (id, name, beat, state, program, schema)
         VALUES (gen_random_uuid(), 'killed', 5, 'live', '0', 1)",
    );
    let lock = format!(
        "SELECT count(*) > 0 FROM pg_locks JOIN pg_class ON pg_class.oid = relation
         WHERE relname = 'member' AND mode = 'ShareLock' AND relnamespace = '{}'::regnamespace",
        schema.name
    );
    let moving = moved_until(place_of(&schema), to.place(), move |_, _| {
        assert_eq!(cluster.sql(&lock), "t", "a process could join");
    });
    moving.await.unwrap().unwrap();
    assert_eq!(to.open().status().await.unwrap().events, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_and_a_target_with_other_data_are_refused() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, schema) = (File::new(&folder, "store.db"), cluster.schema());
    filled_file(&file).await;
    let wrong = |path: &Path| MovePlace::File {
        path: path.to_owned(),
        key: Key::random(),
    };
    let refused = moved(wrong(&file.path), place_of(&schema)).await;
    assert!(
        matches!(refused, Err(MoveError::File(OpenError::WrongKey { .. }))),
        "{refused:?}"
    );
    let interrupted = moved_until(file.place(), place_of(&schema), |_, done| {
        assert!(done < 5, "interrupted");
    });
    assert!(interrupted.await.is_err());
    let target = MovePlace::Postgres {
        url: schema.url(),
        keys: vec![Key::random()],
    };
    let refused = moved(file.place(), target).await;
    assert!(
        matches!(
            refused,
            Err(MoveError::Postgres(PostgresError::WrongKey { .. }))
        ),
        "{refused:?}"
    );

    let used = cluster.schema();
    let store = used.open().await;
    append(&store, 1, "27").await;
    let refused = moved(file.place(), place_of(&used)).await;
    assert!(
        matches!(refused, Err(MoveError::NotEmpty { .. })),
        "{refused:?}"
    );
    let same = moved(file.place(), File::new(&folder, "other.db").place()).await;
    assert!(matches!(same, Err(MoveError::SameKind)), "{same:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_early_version_has_numbered_moves_unless_it_still_waits() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (file, schema) = (File::new(&folder, "store.db"), cluster.schema());
    let store = file.open();
    let first = append(&store, 1, "27").await;
    let turn = TurnCommit {
        calls: vec![say(first, 0, "27", "sent"), say(first, 1, "27", "refused")],
        reminders: vec![reminder(first, 0, "27"), reminder(first, 1, "27")],
        ..put(first, "27", "{}")
    };
    store.commit(turn).await.unwrap();
    let letter = append(&store, 2, "27").await;
    store.commit(dead(letter, false)).await.unwrap();
    append(&store, 3, "27").await;
    for (index, settled) in [
        (0, Settled::Sent(Some(MessageId(77)))),
        (
            1,
            Settled::Dead {
                at: at(5),
                error: "the portal refuses".to_owned(),
            },
        ),
    ] {
        let call = CallId {
            event: first,
            index,
        };
        store.take(call).await.unwrap().unwrap();
        store.settle(call, settled).await.unwrap();
    }
    store.close().await.unwrap();
    // An early version has counted events one by one: 1, 2 and 3.
    file.sql(&format!(
        "UPDATE message SET call = call - ({0} - 1) * 65536;
         UPDATE reminder SET id = id - ({0} - 1) * 65536;
         UPDATE dead SET event = 2 WHERE event IS NOT NULL;
         UPDATE dead SET call = replace(call, '\"event\":{0}', '\"event\":1') WHERE call IS NOT NULL;
         UPDATE dead SET error = 'a' || char(0) || 'b';
         UPDATE event SET id = 3;
         UPDATE meta SET value = 3 WHERE name = 'last event';",
        first.0
    ));
    let refused = moved(file.place(), place_of(&schema)).await;
    assert!(
        matches!(
            refused,
            Err(MoveError::OldNumbers {
                events: 1,
                calls: 0
            })
        ),
        "{refused:?}"
    );
    let store = file.open();
    store
        .commit(TurnCommit::done(EventId(3), at(3)))
        .await
        .unwrap();
    store.close().await.unwrap();
    moved(file.place(), place_of(&schema)).await.unwrap();

    let store = schema.open().await;
    let old = |index| CallId {
        event: EventId(1),
        index,
    };
    assert_eq!(store.message(old(0)).await.unwrap(), Some(MessageId(77)));
    let new = append(&store, 10, "27").await;
    let cancel = ReminderId {
        event: EventId(1),
        index: 0,
    };
    let turn = TurnCommit {
        reminders: vec![ReminderChange::Cancel(cancel)],
        ..TurnCommit::done(new, at(1))
    };
    store.commit(turn).await.unwrap();
    assert_eq!(store.due(at(200), 10).await.unwrap().len(), 1);
    for letter in store.dead_letters(None, 10).await.unwrap() {
        assert_eq!(
            letter.error, "a\u{fffd}b",
            "PostgreSQL has no zero character"
        );
        assert!(store.revive(letter.id).await.unwrap());
    }
    let waiting = store.waiting(None, None, 10).await.unwrap();
    let calls = store.unsent(None, None, 10).await.unwrap();
    let numbers = waiting.iter().map(|(id, _)| *id);
    let numbers = numbers.chain(calls.iter().map(|call| call.id.event));
    for id in numbers.collect::<Vec<_>>() {
        assert_eq!(id.0 % 256, 105, "it names the partition");
    }
    assert_eq!((waiting.len(), calls.len()), (2, 1));
    assert!(store.take(calls[0].id).await.unwrap().is_some());
    let key = conversation("27");
    store
        .forget(imbot::store::ForgetScope::Conversation(key))
        .await
        .unwrap();
    assert_eq!(store.message(old(0)).await.unwrap(), None);
}
