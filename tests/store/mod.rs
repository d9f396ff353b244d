//! The contract that every store keeps. A new engine adds one line to [`every_store`].

mod arrived;
mod bookings;
mod dead;
mod forgetting;
mod inbox;
mod outbox;
mod portals;
mod reminders;
mod sqlite;
mod sweep;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use imbot::event::{Api, BotId, DialogId, MemberId};
use imbot::store::{
    Appended, Call, CallId, Conversation, EventId, Failure, Key, Memory, NewDelivery, NewEvent,
    Occurrence, OrderingKey, Outcome, QueuedCall, Redelivery, Sqlite, StateChange, Store,
    StoredState, Time, TurnCommit,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A store under test, with the folder that goes with it.
struct Subject {
    name: &'static str,
    store: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

fn every_store() -> Vec<Subject> {
    let memory = Subject {
        name: "memory",
        store: Arc::new(Memory::new()),
        _folder: None,
    };
    let folder = TempDir::new().unwrap();
    let store = Sqlite::open(folder.path().join("store.db"), &Key::random()).unwrap();
    let sqlite = Subject {
        name: "sqlite",
        store: Arc::new(store),
        _folder: Some(folder),
    };
    vec![memory, sqlite]
}

/// A moment: so many seconds after the test began.
fn at(seconds: u64) -> Time {
    Time(1_795_000_000_000 + seconds * 1000)
}

fn conversation(dialog: &str) -> Conversation {
    Conversation {
        portal: MemberId::new("portal"),
        bot: BotId(7),
        dialog: DialogId::from(dialog),
    }
}

fn chat(dialog: &str) -> OrderingKey {
    OrderingKey::Chat(conversation(dialog))
}

fn body(occurrence: u128) -> Bytes {
    Bytes::from(format!("event=ONIMBOTMESSAGEADD&n={occurrence}"))
}

/// A delivery with one event for each lane; their occurrences count from the one given.
fn delivery(first: u128, lanes: &[OrderingKey]) -> NewDelivery {
    let events = (0..).zip(lanes).map(|(part, lane)| NewEvent {
        occurrence: Occurrence(first + u128::from(part)),
        key: lane.clone(),
        part,
    });
    NewDelivery {
        portal: MemberId::new("portal"),
        body: body(first),
        at: at(0),
        events: events.collect(),
    }
}

/// Appends an event in a dialog.
async fn append(store: &dyn Store, occurrence: u128, dialog: &str) -> EventId {
    let appended = store.append(delivery(occurrence, &[chat(dialog)])).await;
    numbers(appended.unwrap())[0].expect("it is no repeat")
}

fn numbers(appended: Appended) -> Vec<Option<EventId>> {
    match appended {
        Appended::Now(numbers) => numbers,
        Appended::Later => panic!("the store could not write"),
    }
}

/// The events that wait.
async fn waiting(store: &dyn Store) -> Vec<EventId> {
    let waiting = store.waiting(None, 1000).await.unwrap();
    waiting.into_iter().map(|(id, _)| id).collect()
}

/// The calls that wait.
async fn unsent(store: &dyn Store) -> Vec<CallId> {
    let unsent = store.unsent(None, 1000).await.unwrap();
    unsent.into_iter().map(|(id, _)| id).collect()
}

fn params(text: &str) -> Map<String, Value> {
    let Value::Object(params) = json!({ "MESSAGE": text }) else {
        unreachable!()
    };
    params
}

fn say(event: EventId, index: u16, dialog: &str, text: &str) -> Arc<QueuedCall> {
    let call = Call::Say {
        params: params(text).into(),
        answers: None,
        remember: true,
    };
    queued(event, index, dialog, call)
}

fn queued(event: EventId, index: u16, dialog: &str, call: Call) -> Arc<QueuedCall> {
    Arc::new(QueuedCall {
        id: CallId { event, index },
        to: conversation(dialog),
        at: at(1),
        api: Api::V2,
        redelivery: Redelivery::AtMostOnce,
        call,
    })
}

fn stored(text: &str) -> StoredState {
    StoredState {
        version: 1,
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// A turn that writes a state.
fn put(event: EventId, dialog: &str, state: &str) -> TurnCommit {
    TurnCommit {
        state: Some((conversation(dialog), StateChange::Put(stored(state)))),
        ..TurnCommit::done(event, at(1))
    }
}

/// A turn after which an event is not tried again.
fn dead(event: EventId, blocks: bool) -> TurnCommit {
    let error = "the handler failed".to_owned();
    TurnCommit {
        outcome: Outcome::Dead { error, blocks },
        ..TurnCommit::done(event, at(1))
    }
}

fn failure(error: &str) -> Failure {
    Failure {
        at: at(1),
        error: error.to_owned(),
    }
}
