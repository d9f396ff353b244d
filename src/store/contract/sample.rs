//! Small deliveries, turns and calls for tests of a store.
//!
//! All are of the portal `portal` and its bot 7; a test chooses the dialog and the occurrence.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::event::{Api, BotId, DialogId, MemberId};
use crate::store::{
    Access, Appended, Call, CallId, Conversation, EventId, Failure, Installation, NewDelivery,
    NewEvent, Occurrence, OrderingKey, Outcome, QueuedCall, Redelivery, StateChange, Store,
    StoredState, Time, Tokens, TurnCommit,
};

/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the moment this many seconds after the first delivery of a test.
pub fn at(seconds: u64) -> Time {
    Time(1_795_000_000_000 + seconds * 1000)
}

/// Returns the conversation of the bot in a dialog.
pub fn conversation(dialog: &str) -> Conversation {
    Conversation {
        portal: MemberId::new("portal"),
        bot: BotId(7),
        dialog: DialogId::from(dialog),
    }
}

/// Returns the ordering key of a dialog.
pub fn chat(dialog: &str) -> OrderingKey {
    OrderingKey::Chat(conversation(dialog))
}

/// Returns the body of the delivery whose first occurrence this is.
pub fn body(occurrence: u128) -> Bytes {
    Bytes::from(format!("event=ONIMBOTMESSAGEADD&n={occurrence}"))
}

/// Returns a delivery at [`at(0)`](at) with one event for each key. Their occurrences count up from
/// `first`.
pub fn delivery(first: u128, keys: &[OrderingKey]) -> NewDelivery {
    let events = (0..).zip(keys).map(|(part, key)| NewEvent {
        occurrence: Occurrence(first + u128::from(part)),
        key: key.clone(),
        part,
    });
    NewDelivery {
        portal: MemberId::new("portal"),
        body: body(first),
        at: at(0),
        events: events.collect(),
    }
}

/// Appends an event in a dialog. Returns its number.
///
/// # Panics
/// The store fails, or knows the occurrence.
pub async fn append(store: &dyn Store, occurrence: u128, dialog: &str) -> EventId {
    let appended = store.append(delivery(occurrence, &[chat(dialog)])).await;
    numbers(appended.unwrap())[0]
        .expect("the store is not empty, or takes a new event for a repeat")
}

/// Returns the numbers of the events of a delivery.
///
/// # Panics
/// The delivery is in the spool.
pub fn numbers(appended: Appended) -> Vec<Option<EventId>> {
    match appended {
        Appended::Now(numbers) => numbers,
        Appended::Later => panic!("the store could not write"),
    }
}

/// Returns the events that wait.
///
/// # Panics
/// The store fails.
pub async fn waiting(store: &dyn Store) -> Vec<EventId> {
    let waiting = store.waiting(None, None, 1000).await.unwrap();
    waiting.into_iter().map(|(id, _)| id).collect()
}

/// Returns the calls that wait.
///
/// # Panics
/// The store fails.
pub async fn unsent(store: &dyn Store) -> Vec<CallId> {
    let unsent = store.unsent(None, None, 1000).await.unwrap();
    unsent.into_iter().map(|call| call.id).collect()
}

/// Returns the parameters of a message with this text.
pub fn params(text: &str) -> Map<String, Value> {
    let Value::Object(params) = json!({ "MESSAGE": text }) else {
        unreachable!()
    };
    params
}

/// Returns a call that says something and keeps the id of its message.
pub fn say(event: EventId, index: u16, dialog: &str, text: &str) -> Arc<QueuedCall> {
    let call = Call::Say {
        params: params(text).into(),
        answers: None,
        remember: true,
    };
    queued(event, index, dialog, call)
}

/// Returns a call that is decided at [`at(1)`](at) and sent at most once.
pub fn queued(event: EventId, index: u16, dialog: &str, call: Call) -> Arc<QueuedCall> {
    Arc::new(QueuedCall {
        id: CallId { event, index },
        to: conversation(dialog),
        at: at(1),
        api: Api::V2,
        redelivery: Redelivery::AtMostOnce,
        call,
    })
}

/// Returns a state of version 1.
pub fn stored(text: &str) -> StoredState {
    StoredState {
        version: 1,
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// Returns a turn that ends at [`at(1)`](at) and stores a state of the dialog.
pub fn put(event: EventId, dialog: &str, state: &str) -> TurnCommit {
    TurnCommit {
        state: Some((conversation(dialog), StateChange::Put(stored(state)))),
        ..TurnCommit::done(event, at(1))
    }
}

/// Returns a turn that ends at [`at(1)`](at) with a dead letter.
pub fn dead(event: EventId, blocks: bool) -> TurnCommit {
    let error = "the handler failed".to_owned();
    TurnCommit {
        outcome: Outcome::Dead { error, blocks },
        ..TurnCommit::done(event, at(1))
    }
}

/// Returns an installation of an application with this application token.
pub fn installation(portal: &str, application_token: &str) -> Installation {
    let access = Access::Tokens(Tokens {
        access: "access".into(),
        refresh: "refresh".into(),
    });
    Installation::new(
        MemberId::new(portal),
        "https://example.bitrix24.com/rest/".to_owned(),
        application_token.into(),
        access,
    )
}

/// Returns a failure at [`at(1)`](at).
pub fn failure(error: &str) -> Failure {
    Failure {
        at: at(1),
        error: error.to_owned(),
    }
}
