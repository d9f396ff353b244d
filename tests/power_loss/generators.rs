//! Values that are generated in the same way for writing and for comparing.

use bytes::Bytes;
use imbot::event::{BotId, DialogId, MemberId};
use imbot::store::{
    Access, Call, CallId, Conversation, EventId, Installation, MessageRef, NewDelivery, NewEvent,
    Occurrence, OrderingKey, StoredState, Time, Tokens,
};
use serde_json::{Map, Value, json};

use crate::world::{Body, CHATS, CallKey, CallKind, State, WORKERS};

/// An hour, in milliseconds.
pub(crate) const HOUR: u64 = 60 * 60 * 1000;

pub(crate) fn at(hours: u64) -> Time {
    Time(1_795_000_000_000 + hours * HOUR)
}

pub(crate) fn body(Body { number, length }: Body) -> Bytes {
    let text = format!("{number:016x}");
    text.bytes().cycle().take(length).collect()
}

/// Returns the conversation of a chat: the worker's portal, and the dialog's number.
pub(crate) fn conversation(worker: usize, chat: usize) -> Conversation {
    Conversation {
        portal: MemberId::new(format!("portal{worker}")),
        bot: BotId(7),
        dialog: DialogId::new(chat.to_string()),
    }
}

pub(crate) fn chat_key(worker: usize, chat: usize) -> OrderingKey {
    OrderingKey::Chat(conversation(worker, chat))
}

/// Returns the worker and the chat of a key.
pub(crate) fn chat_of(key: &OrderingKey) -> (usize, usize) {
    let all = (0..WORKERS).flat_map(|worker| (0..CHATS).map(move |chat| (worker, chat)));
    let mut found = all.filter(|(worker, chat)| chat_key(*worker, *chat) == *key);
    found.next().expect("a key of a worker")
}

pub(crate) fn params(text: &str) -> Map<String, Value> {
    Map::from_iter([("MESSAGE".to_owned(), Value::from(text))])
}

pub(crate) fn installation(worker: usize, token: u64) -> Installation {
    Installation::new(
        chat_key(worker, 0).portal().clone(),
        "https://example.bitrix24.com/rest/".into(),
        "application".to_owned().into(),
        Access::Tokens(Tokens {
            access: token.to_string().into(),
            refresh: "refresh".to_owned().into(),
        }),
    )
}

/// Returns a delivery with an event for each of these chats of a worker.
pub(crate) fn delivery(worker: usize, hours: u64, chats: &[usize], content: Body) -> NewDelivery {
    let events = (0..).zip(chats).map(|(part, chat)| NewEvent {
        occurrence: Occurrence(u128::from(content.number) << 8 | u128::from(part)),
        key: chat_key(worker, *chat),
        part,
    });
    NewDelivery {
        portal: chat_key(worker, 0).portal().clone(),
        body: body(content),
        at: at(hours),
        events: events.collect(),
    }
}

pub(crate) fn id((event, index): CallKey) -> CallId {
    CallId {
        event: EventId(event),
        index,
    }
}

/// Returns a state as it is stored, with its filler.
pub(crate) fn state_bytes(state: &State) -> Bytes {
    let text = json!({ "turns": state.turns, "chain": state.chain, "fill": state.fill, "with": "x".repeat(state.fill) });
    text.to_string().into()
}

pub(crate) fn parse_state(state: &StoredState) -> State {
    serde_json::from_slice(&state.bytes).expect("a state of a worker")
}

/// Returns a call as it is queued.
pub(crate) fn call(kind: &CallKind) -> Call {
    match kind {
        CallKind::Say { text, remember } => Call::Say {
            params: params(text).into(),
            answers: None,
            remember: *remember,
        },
        CallKind::Edit { of, text } => Call::Edit {
            message: MessageRef::Queued(id(*of)),
            params: params(text).into(),
        },
        CallKind::Delete { of } => Call::Delete {
            message: MessageRef::Queued(id(*of)),
        },
    }
}
