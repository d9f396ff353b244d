//! Tests that a file of the previous version (commit 7c25c89) opens with all its content.
//!
//! `tests/fixtures/store` was made with the code of that commit. Its engine ran a bot on an open
//! channel until an operator wrote (the row of `chat42`). Then one item of each kind was stored
//! through the trait, an operator's process (`Sqlite::attend`) revived a dead letter, and a full
//! database made the last delivery go to the spool. At the end, `VACUUM` made the file small. Times
//! are given by [`at`], in seconds after the start time of all tests of stores.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use imbot::event::{
    Api, BotId, CommandId, Delivery, DialogId, Event, InboundKind, LineId, MemberId, MessageId,
    UserId, form,
};
use imbot::store::{
    Access, Arrived, Booking, Call, CallId, Content, Conversation, DeadId, DeadWhat, EventId,
    Failure, Inbox, Key, MessageRef, Notice, Operator, OrderingKey, Outbox, Portals, QueuedCall,
    Redelivery, Reminder, ReminderId, Reminders, Settled, Sqlite, StoredState, Time, TurnCommit,
    Turns, Unsent, Upkeep,
};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use imbot::store::contract::sample::{append, at, dead, put, waiting};

/// The key of the file.
const KEY: &str = "aW1ib3Qgc3RvcmUgZml4dHVyZSwgbm90IGEgc2VjcmU=";

const PORTAL: &str = "bac1cd5c8940947a75e0d71b1a84e348";
const APPLICATION_TOKEN: &str = "831c76b092f9f135d9b6b36c3a720757";

/// The row of an open channel's chat in which an operator has written. A test of `stored_row.rs`
/// reads the same text.
const HANDED_OVER: &str =
    r#"{"imbot_floor":{"session":1,"client":31,"has_begun":true,"with_people":true},"state":1}"#;

#[tokio::test]
async fn a_store_of_the_previous_version_opens_and_works() {
    let (_folder, store) = open();
    portals_are_unchanged(&store).await;
    states_are_unchanged(&store).await;
    events_are_unchanged(&store).await;
    dead_letters_are_unchanged(&store).await;
    calls_are_unchanged(&store).await;
    other_data_is_unchanged(&store).await;
    turns_calls_and_dead_letters_can_be_handled(&store).await;
    store.close().await.unwrap();
}

/// Opens a copy of the fixture.
fn open() -> (TempDir, Sqlite) {
    let folder = TempDir::new().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store");
    for name in ["store.db", "store.db.spool"] {
        let copy = folder.path().join(name);
        fs::copy(fixture.join(name), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let key = Key::from_base64(KEY).unwrap();
    let store = Sqlite::open(folder.path().join("store.db"), &key).unwrap();
    (folder, store)
}

fn portal() -> MemberId {
    MemberId::new(PORTAL)
}

fn conversation(dialog: &str) -> Conversation {
    Conversation {
        portal: portal(),
        bot: BotId(7),
        dialog: DialogId::from(dialog),
    }
}

fn chat(dialog: &str) -> OrderingKey {
    OrderingKey::Chat(conversation(dialog))
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else {
        unreachable!()
    };
    object
}

fn state(version: u32, text: &str) -> StoredState {
    StoredState {
        version,
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// Returns the body of a message, as the portal sent it.
fn message(id: u64, text: &str) -> Bytes {
    let body = json!({
        "event": "ONIMBOTMESSAGEADD",
        "data": {
            "BOT": { "7": { "BOT_ID": 7, "BOT_CODE": "desk" } },
            "PARAMS": {
                "MESSAGE": text, "MESSAGE_ID": id, "DIALOG_ID": "27", "FROM_USER_ID": 27, "AUTHOR_ID": 27,
                "CHAT_TYPE": "P",
            },
            "USER": { "ID": 27, "NAME": "Ann Meyer" },
        },
        "ts": 1_771_940_028,
        "auth": auth(),
    });
    form::encode(&body).into()
}

fn auth() -> Value {
    json!({ "member_id": PORTAL, "application_token": APPLICATION_TOKEN, "domain": "example.bitrix24.com" })
}

async fn portals_are_unchanged(store: &Sqlite) {
    let portals = store.portals().await.unwrap();
    let [application, webhook] = portals.as_slice() else {
        panic!("{portals:?}")
    };
    assert_eq!(application.portal, portal());
    assert_eq!(application.endpoint, "https://example.bitrix24.com/rest/");
    assert_eq!(
        application.application_token.expose_secret(),
        APPLICATION_TOKEN
    );
    let tokens = application.access.tokens().unwrap();
    assert_eq!(tokens.access.expose_secret(), "access");
    assert_eq!(tokens.refresh.expose_secret(), "refresh");
    assert!(application.spare.is_none());

    assert_eq!(webhook.portal, MemberId::new("hook.example.com"));
    assert_eq!(
        webhook.application_token.expose_secret(),
        "webhook application token"
    );
    let Access::Webhook(hook) = &webhook.access else {
        panic!("{webhook:?}")
    };
    assert_eq!(hook.user, UserId(5));
    assert_eq!(hook.code.expose_secret(), "webhook code");
    assert_eq!(hook.bot_token.expose_secret(), "webhook bot token");

    let other = Uuid::from_u128(2);
    let claim = |now, until| store.claim(&application.portal, other, at(now), at(until));
    assert!(!claim(29, 59).await.unwrap().unwrap().is_granted);
    assert!(claim(31, 61).await.unwrap().unwrap().is_granted);

    let booking = Booking {
        from: at(0),
        each: Duration::from_millis(500),
        most: 1,
        by: at(10),
    };
    let booked = store.book(&portal(), booking).await.unwrap();
    assert_eq!(booked, Time(at(1).0 + 500)..at(2));
}

async fn states_are_unchanged(store: &Sqlite) {
    for (dialog, kept) in [
        ("28", state(1, r#"{"old":1}"#)),
        ("29", state(2, r#"{"new":2}"#)),
        ("30", state(2, r#"{"fresh":3}"#)),
        ("chat42", state(0, HANDED_OVER)),
    ] {
        let found = store.state(&conversation(dialog)).await.unwrap();
        assert_eq!(found, Some(kept), "{dialog}");
    }
    let quarantined = store.quarantined(&conversation("30")).await.unwrap();
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].at, at(4));
    assert_eq!(quarantined[0].state, state(1, "not readable"));
    assert_eq!(quarantined[0].reason, "expected value at line 1 column 1");
}

async fn events_are_unchanged(store: &Sqlite) {
    let hook = OrderingKey::Hook {
        portal: portal(),
        hook: "ONCRMDEALADD".into(),
    };
    let outside = Conversation::outside(portal(), "pigeons", LineId(7), "client-1");
    let keys = [
        (EventId(9), chat("33")), // revived by the operator
        (EventId(12), chat("27")),
        (EventId(13), chat("28")),
        (EventId(14), hook),
        (EventId(15), OrderingKey::Application(portal())),
        (EventId(16), OrderingKey::Chat(outside)),
        (EventId(266), chat("34")), // from the spool, numbered by this version
    ];
    assert_eq!(store.waiting(None, None, 100).await.unwrap(), keys);
    let deal = json!({ "event": "ONCRMDEALADD", "data": { "FIELDS": { "ID": 9 } }, "ts": 1, "auth": auth() });
    let update =
        json!({ "event": "ONAPPUPDATE", "data": { "VERSION": "2" }, "ts": 1, "auth": auth() });
    for (id, came, body) in [
        (9, 5, message(102, "dead")),
        (13, 40, message(105, "waits")),
        (14, 42, form::encode(&deal).into()),
        (15, 43, form::encode(&update).into()),
        (266, 50, Bytes::from(vec![b'x'; 3000])),
    ] {
        let event = store.event(EventId(id)).await.unwrap().unwrap();
        assert_eq!(event.at, at(came), "{id}");
        let Content::Delivered { body: kept, part } = event.content else {
            panic!("{id}: {event:?}")
        };
        assert_eq!((kept, part), (body, 0), "{id}");
    }
    let due = store.event(EventId(12)).await.unwrap().unwrap();
    let Content::Reminder(due) = due.content else {
        panic!("{due:?}")
    };
    assert_eq!(due, reminder(0, "27", 30));
    an_inbound_message_is_decoded(store).await;
    let turn = store.begin(EventId(13), Some(&conversation("28"))).await;
    let turn = turn.unwrap().unwrap();
    assert_eq!(turn.attempt, 2);
    assert_eq!(turn.state, Some(state(1, r#"{"old":1}"#)));
}

async fn an_inbound_message_is_decoded(store: &Sqlite) {
    let event = store.event(EventId(16)).await.unwrap().unwrap();
    let Content::Delivered { body, .. } = event.content else {
        panic!("{event:?}")
    };
    let mut events = Delivery::from_body(body).unwrap().events().unwrap();
    let Event::Inbound(inbound) = events.remove(0) else {
        panic!("{events:?}")
    };
    assert_eq!(inbound.kind, InboundKind::Wrote);
    assert_eq!(inbound.connector, "pigeons");
    assert_eq!(
        (inbound.line, inbound.chat.as_str()),
        (LineId(7), "client-1")
    );
    assert_eq!(inbound.id, "m1");
    assert_eq!(inbound.message["message"]["text"], "coo");
}

fn reminder(index: u16, dialog: &str, due: u64) -> Reminder {
    Reminder {
        id: ReminderId {
            event: EventId(10),
            index,
        },
        code: "desk".to_owned(),
        due: at(due),
        payload: json!({ "of": dialog }),
        person: None,
        every: None,
    }
}

async fn dead_letters_are_unchanged(store: &Sqlite) {
    let letters = store.dead_letters(None, 10).await.unwrap();
    let [blocking, other, call] = letters.as_slice() else {
        panic!("{letters:?}")
    };
    for (letter, id, dialog, blocks) in [(blocking, 1, "31", true), (other, 2, "32", false)] {
        assert_eq!((letter.id, letter.blocks), (DeadId(id), blocks));
        assert_eq!((letter.at, &letter.key), (at(7), &chat(dialog)));
        assert_eq!(letter.error, "the handler failed");
        assert_eq!(letter.attempts, 2);
        let failure = Failure {
            at: at(6),
            error: "the first time".to_owned(),
        };
        assert_eq!(letter.history, [failure]);
        let DeadWhat::Event {
            at: came, content, ..
        } = &letter.what
        else {
            panic!("{letter:?}")
        };
        assert_eq!(*came, at(5));
        let Content::Delivered { body, part: 0 } = content else {
            panic!("{letter:?}")
        };
        assert_eq!(*body, message(102, "dead"));
    }
    assert_eq!((call.id, call.at), (DeadId(4), at(21)));
    assert_eq!(call.error, "ACCESS_DENIED");
    let DeadWhat::Call(call) = &call.what else {
        panic!("{call:?}")
    };
    assert_eq!(
        **call,
        queued(
            (10, 1),
            Api::V2,
            Redelivery::AtMostOnce,
            say("refused", None, false)
        )
    );
    assert_eq!(store.blocked().await.unwrap(), [chat("31")]);
}

fn id((event, index): (u64, u16)) -> CallId {
    let event = EventId(event);
    CallId { event, index }
}

fn queued(number: (u64, u16), api: Api, redelivery: Redelivery, call: Call) -> QueuedCall {
    QueuedCall {
        id: id(number),
        to: conversation("27"),
        at: at(20),
        api,
        redelivery,
        call,
    }
}

fn say(text: &str, answers: Option<(CommandId, MessageId)>, remember: bool) -> Call {
    Call::Say {
        params: object(json!({ "MESSAGE": text, "KEYBOARD": [{ "TEXT": "a" }] })).into(),
        answers,
        remember,
    }
}

async fn calls_are_unchanged(store: &Sqlite) {
    let number = store.message(id((10, 0))).await.unwrap();
    assert_eq!(number, Some(MessageId(500)));
    let answers = Some((CommandId(99), MessageId(77)));
    let edit = |message, text| Call::Edit {
        message,
        params: object(json!({ "MESSAGE": text })).into(),
    };
    let rest = Call::Rest {
        method: "imopenlines.bot.session.operator".into(),
        params: object(json!({ "CHAT_ID": 42 })).into(),
    };
    let sent = |number| MessageRef::Sent(MessageId(number));
    let taken = MessageRef::Queued(id((10, 2)));
    let delete = Call::Delete { message: sent(502) };
    use Redelivery::{AtLeastOnce, AtMostOnce, Deduplicated};
    let calls = [
        queued((10, 2), Api::V2, Deduplicated, say("taken", None, true)),
        queued(
            (10, 3),
            Api::V1,
            AtLeastOnce,
            say("an answer", answers, true),
        ),
        queued((10, 4), Api::V1, AtMostOnce, edit(sent(501), "edited")),
        queued((11, 5), Api::V2, Deduplicated, edit(taken, "edited later")),
        queued((11, 6), Api::V1, AtLeastOnce, delete),
        queued((11, 7), Api::V2, AtMostOnce, rest),
    ];
    let to = |call: &QueuedCall| Unsent {
        id: call.id,
        to: call.to.clone(),
        is_taken: call.id == id((10, 2)),
        position: call.at.0,
    };
    let unsent = store.unsent(None, None, 100).await.unwrap();
    assert_eq!(unsent, calls.iter().map(to).collect::<Vec<_>>());
    for call in calls {
        let taken = store.take(call.id).await.unwrap().unwrap();
        assert_eq!(taken.in_doubt, call.id == id((10, 2)), "{}", call.id);
        assert_eq!(*taken.call, call);
    }
}

async fn other_data_is_unchanged(store: &Sqlite) {
    assert_eq!(store.next_due().await.unwrap(), Some(at(5_000)));
    let arrived = store.arrived(Vec::new()).await.unwrap();
    let count = |name: &str, count, last| Arrived {
        name: name.to_owned(),
        count,
        last: at(last),
    };
    for known in [
        count("ONIMBOTMESSAGEADD", 5, 5),
        count("ONCRMDEALADD", 1, 6),
    ] {
        assert!(arrived.contains(&known), "{arrived:?}");
    }
    let addresses = store.addresses(None).await.unwrap();
    assert_eq!(
        addresses,
        ["https://old.example.com/", "https://bots.example.com/"]
    );
    let notices = store.notices().await.unwrap();
    assert!(
        notices.is_empty(),
        "a new process reads everything anyway: {notices:?}"
    );
    let status = store.status().await.unwrap();
    assert_eq!((status.quarantined, status.spooled), (1, 0));
    assert_eq!((status.last_event, status.reminders), (Some(at(50)), 1));
}

async fn turns_calls_and_dead_letters_can_be_handled(store: &Sqlite) {
    let call = queued(
        (13, 0),
        Api::V2,
        Redelivery::AtLeastOnce,
        say("new", None, true),
    )
    .into();
    let turn = TurnCommit {
        calls: vec![call],
        ..TurnCommit::done(EventId(13), at(60))
    };
    store.commit(turn).await.unwrap();
    let new = id((13, 0));
    store.take(new).await.unwrap().unwrap();
    let numbered = Settled::Sent(Some(MessageId(600)));
    store.settle(new, numbered.clone()).await.unwrap();
    assert_eq!(store.message(new).await.unwrap(), Some(MessageId(600)));
    store.settle(id((10, 2)), numbered).await.unwrap();

    let due = store.due(at(5_000), 9).await.unwrap();
    let [(due, _)] = due.as_slice() else {
        panic!("{due:?}")
    };
    assert_eq!(*due, EventId(522), "numbers continue");
    let content = store.event(*due).await.unwrap().unwrap().content;
    assert!(matches!(content, Content::Reminder(it) if it == reminder(1, "28", 5_000)));

    assert!(store.revive(DeadId(1)).await.unwrap());
    assert!(store.revive(DeadId(4)).await.unwrap());
    let notices = store.notices().await.unwrap();
    for notice in [
        Notice::Event(EventId(7), chat("31")),
        Notice::Call(id((10, 1)), conversation("27")),
    ] {
        assert!(notices.contains(&notice), "{notices:?}");
    }
    assert!(store.blocked().await.unwrap().is_empty());
    assert!(store.drop_dead_letter(DeadId(2)).await.unwrap());
    let turn = store.begin(EventId(7), None).await.unwrap().unwrap();
    assert_eq!(turn.attempt, 1);

    let event = append(store, 5_000, "35").await;
    store.begin(event, None).await.unwrap().unwrap();
    store.commit(put(event, "35", "{}")).await.unwrap();
    let event = append(store, 5_001, "35").await;
    store.begin(event, None).await.unwrap().unwrap();
    store.commit(dead(event, true)).await.unwrap();
    assert!(!waiting(store).await.contains(&event));
    assert_eq!(store.dead_letters(None, 9).await.unwrap().len(), 1);
}
