//! What goes from a line to a client.

use std::ops::Deref;

use crate::event::payload::connector::Message;
use crate::message::plain;

/// A message of an operator or a bot, for the client: [`Message`](crate::event::payload::connector::Message) as the portal
/// tells it, and the chat outside that it goes to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundMessage {
    /// The chat outside that it is for, by the id that came with what the client wrote.
    pub chat: String,
    message: Message,
}

impl OutboundMessage {
    pub(crate) fn new(message: Message) -> OutboundMessage {
        OutboundMessage {
            chat: message.outside_chat.clone(),
            message,
        }
    }

    /// The text without BB codes, as a messenger shows it that knows none. The portal's text is in
    /// [`bb`](Outgoing::bb).
    pub fn text(&self) -> String {
        plain(&self.message.text)
    }

    /// The text with BB codes, who wrote it in front unless the connector declined that.
    pub fn bb(&self) -> &str {
        &self.message.text
    }
}

impl Deref for OutboundMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

/// That a message was passed on: the ids that it has outside. The portal needs them to tell of edits and deletions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    pub(crate) ids: Vec<String>,
}

impl Receipt {
    /// As one message.
    #[expect(clippy::needless_pass_by_value, reason = "an id is a number or a text")]
    pub fn one(id: impl ToString) -> Receipt {
        Receipt {
            ids: vec![id.to_string()],
        }
    }

    /// As several messages: a text that was too long for one, a file apart.
    pub fn several<I: ToString>(ids: impl IntoIterator<Item = I>) -> Receipt {
        Receipt {
            ids: ids.into_iter().map(|id| id.to_string()).collect(),
        }
    }
}
