//! What a client wrote outside, on its way to a line: an event of our own, so that it is written down as all others are.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DecodeError, Delivery, LineId};

/// Its name. No portal sends it, and in a form it means nothing.
const INBOUND: &str = "IMBOT.INWARD";

/// What a client did outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// What it was.
    #[serde(rename = "what")]
    pub kind: InboundKind,
    /// The connector through which it came.
    pub connector: String,
    /// The line it is for.
    pub line: LineId,
    /// The chat outside.
    pub chat: String,
    /// The message's id outside.
    pub id: String,
    /// The message as an element of `MESSAGES` (open-channels, section 2.1).
    pub message: Value,
}

/// What a client can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InboundKind {
    /// Wrote a message.
    Wrote,
    /// Changed one.
    Edited,
    /// Deleted one.
    Deleted,
    /// Read what was written to them.
    Read,
}

impl InboundKind {
    /// The method that passes it on to a line.
    pub(crate) fn method(self) -> &'static str {
        match self {
            InboundKind::Wrote => "imconnector.send.messages",
            InboundKind::Edited => "imconnector.update.messages",
            InboundKind::Deleted => "imconnector.delete.messages",
            InboundKind::Read => "imconnector.send.status.reading",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Item<T> {
    r#type: String,
    data: T,
}

impl Delivery {
    /// The event of this act.
    pub(crate) fn inbound(data: &Inbound) -> Result<Delivery, DecodeError> {
        let r#type = INBOUND.to_owned();
        let item = serde_json::to_vec(&Item { r#type, data }).unwrap_or_default(); // texts and numbers: cannot fail
        Delivery::from_item(item.into())
    }
}

impl Inbound {
    /// Reads it back.
    pub(super) fn decode(item: &Bytes) -> Result<Inbound, DecodeError> {
        let item: Result<Item<Inbound>, _> = serde_json::from_slice(item);
        item.map(|item| item.data)
            .map_err(|error| DecodeError::NotJson(error.to_string()))
    }
}

/// Whether an event is one of these.
pub(super) fn is_inbound(event: &Delivery) -> bool {
    event.name == INBOUND
}
