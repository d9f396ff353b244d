//! Messages from a line to a client.

use std::ops::Deref;

use crate::event::payload::connector::Message;
use crate::message::plain;

/// A message of an operator or a bot for a client: the portal's
/// [`Message`](crate::event::payload::connector::Message), and the outside chat.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundMessage {
    /// The outside chat, by the id of the client's messages.
    pub chat: String,
    message: Message,
}

impl OutboundMessage {
    pub(crate) fn new(message: Message) -> Self {
        Self {
            chat: message.outside_chat.clone(),
            message,
        }
    }

    /// Returns the text without BB codes, for messengers that do not know them.
    /// [`bb`](OutboundMessage::bb) returns it with them.
    pub fn text(&self) -> String {
        plain(&self.message.text)
    }

    /// Returns the text with BB codes. It begins with the author's name, unless the profile says
    /// [`without_signature`](super::ConnectorProfile::without_signature).
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

/// The receipt of a delivered message: its outside ids. The portal needs them for later edits and
/// deletions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    pub(crate) ids: Vec<String>,
}

impl Receipt {
    /// Returns the receipt of a message that is one message outside.
    #[expect(clippy::needless_pass_by_value, reason = "an id is a number or a text")]
    pub fn one(id: impl ToString) -> Self {
        Self {
            ids: vec![id.to_string()],
        }
    }

    /// Returns the receipt of a message that is several messages outside, such as a text and a
    /// file.
    pub fn several<I: ToString>(ids: impl IntoIterator<Item = I>) -> Self {
        Self {
            ids: ids.into_iter().map(|id| id.to_string()).collect(),
        }
    }
}
