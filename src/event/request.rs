//! What the program itself asks of a chat, outside of a turn: an event of our own.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BotRef, DecodeError, Delivery, DialogId, own};

/// The event's name, as stored.
const REQUEST: &str = "IMBOT.REQUEST";

/// What a bot shall do in a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// The bot.
    pub bot: BotRef,
    /// The chat.
    pub dialog: DialogId,
    /// The name of this request in its chat: a second one with the same key is a repeat.
    pub key: String,
    /// What it shall do.
    pub kind: RequestKind,
}

/// The kinds of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RequestKind {
    /// Sends a message with these parameters.
    Say(Map<String, Value>),
    /// Runs [`reminded`](crate::Bot::reminded) with this payload.
    Remind(Value),
    /// Sends the message of the broadcast with this name.
    Broadcast(String),
    /// Begins a broadcast, in the conversation where it is stored.
    BeginBroadcast(Value),
}

impl Delivery {
    /// The event of this request.
    pub(crate) fn request(request: &Request) -> Result<Delivery, DecodeError> {
        own::delivery(REQUEST, request)
    }
}

impl Request {
    /// Decodes a stored event.
    pub(super) fn decode(item: &Bytes) -> Result<Request, DecodeError> {
        own::content(item)
    }
}

/// Whether an event is a request.
pub(super) fn is_request(event: &Delivery) -> bool {
    event.name == REQUEST
}
