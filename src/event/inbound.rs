//! A client's message from outside, to be passed to a line: an event of our own, so that it is
//! stored like all others.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DecodeError, Delivery, LineId, own};

/// The event's name, as stored.
const INBOUND: &str = "IMBOT.INWARD";

/// A client's action outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Inbound {
    /// The kind of action.
    #[serde(rename = "what")]
    pub kind: InboundKind,
    /// The connector through which it arrived.
    pub connector: String,
    /// The line it is for.
    pub line: LineId,
    /// The id of the chat outside.
    pub chat: String,
    /// The id of the message outside.
    pub id: String,
    /// The message as an element of `MESSAGES` (protocol/open-channels.md 2.1).
    pub message: Value,
}

/// The kinds of actions of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum InboundKind {
    /// A new message.
    Wrote,
    /// A changed message.
    Edited,
    /// A deleted message.
    Deleted,
    /// A message of the portal was read.
    Read,
}

impl InboundKind {
    /// Returns the method that passes it to a line.
    pub(crate) fn method(self) -> &'static str {
        match self {
            InboundKind::Wrote => "imconnector.send.messages",
            InboundKind::Edited => "imconnector.update.messages",
            InboundKind::Deleted => "imconnector.delete.messages",
            InboundKind::Read => "imconnector.send.status.reading",
        }
    }
}

impl Delivery {
    /// The event of this action.
    pub(crate) fn inbound(data: &Inbound) -> Result<Delivery, DecodeError> {
        own::delivery(INBOUND, data)
    }
}

impl Inbound {
    /// Decodes a stored event.
    pub(super) fn decode(item: &Bytes) -> Result<Inbound, DecodeError> {
        own::content(item)
    }
}

/// Whether an event is a client's action.
pub(super) fn is_inbound(event: &Delivery) -> bool {
    event.name == INBOUND
}
