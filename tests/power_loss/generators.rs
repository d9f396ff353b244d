//! The plain things that are made in the same way where they are written and where they are read.

use bytes::Bytes;
use imbot::event::{BotId, DialogId, MemberId};
use imbot::store::{
    Access, Call, CallId, Conversation, EventId, Installation, MessageRef, NewDelivery, NewEvent,
    Occurrence, OrderingKey, StoredState, Time, Tokens,
};
use serde_json::{Map, Value, json};

use crate::world::{Body, CHATS, CallKey, HANDS, Said, State};

pub(crate) const HOUR: u64 = 60 * 60 * 1000;

pub(crate) fn at(hours: u64) -> Time {
    Time(1_795_000_000_000 + hours * HOUR)
}

pub(crate) fn body(Body { number, length }: Body) -> Bytes {
    let text = format!("{number:016x}");
    text.bytes().cycle().take(length).collect()
}

/// Whose chat it is: the hand's portal, and the dialog's number.
pub(crate) fn conversation(hand: usize, chat: usize) -> Conversation {
    Conversation {
        portal: MemberId::new(format!("portal{hand}")),
        bot: BotId(7),
        dialog: DialogId::new(chat.to_string()),
    }
}

pub(crate) fn lane(hand: usize, chat: usize) -> OrderingKey {
    OrderingKey::Chat(conversation(hand, chat))
}

pub(crate) fn place(own: &OrderingKey) -> (usize, usize) {
    let all = (0..HANDS).flat_map(|hand| (0..CHATS).map(move |chat| (hand, chat)));
    let mut found = all.filter(|(hand, chat)| lane(*hand, *chat) == *own);
    found.next().expect("a lane of ours")
}

pub(crate) fn params(text: &str) -> Map<String, Value> {
    Map::from_iter([("MESSAGE".to_owned(), Value::from(text))])
}

pub(crate) fn installation(hand: usize, token: u64) -> Installation {
    Installation {
        portal: lane(hand, 0).portal().clone(),
        endpoint: "https://example.bitrix24.com/rest/".into(),
        application_token: "application".to_owned().into(),
        access: Access::Tokens(Tokens {
            access: token.to_string().into(),
            refresh: "refresh".to_owned().into(),
        }),
    }
}

/// A delivery with an event for each of a hand's chats that are named.
pub(crate) fn delivery(hand: usize, hours: u64, chats: &[usize], made: Body) -> NewDelivery {
    let events = (0..).zip(chats).map(|(part, chat)| NewEvent {
        occurrence: Occurrence(u128::from(made.number) << 8 | u128::from(part)),
        key: lane(hand, *chat),
        part,
    });
    NewDelivery {
        portal: lane(hand, 0).portal().clone(),
        body: body(made),
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

/// A state as it is stored: with something that fills pages.
pub(crate) fn written(state: &State) -> Bytes {
    let filled = json!({ "turns": state.turns, "chain": state.chain, "fill": state.fill, "with": "x".repeat(state.fill) });
    filled.to_string().into()
}

pub(crate) fn read(state: &StoredState) -> State {
    serde_json::from_slice(&state.bytes).expect("a state of ours")
}

/// A call as it is queued.
pub(crate) fn call(said: &Said) -> Call {
    match said {
        Said::Say { text, remember } => Call::Say {
            params: params(text).into(),
            answers: None,
            remember: *remember,
        },
        Said::Edit { of, text } => Call::Edit {
            message: MessageRef::Queued(id(*of)),
            params: params(text).into(),
        },
        Said::Delete { of } => Call::Delete {
            message: MessageRef::Queued(id(*of)),
        },
    }
}
