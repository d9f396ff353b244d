//! Payloads of open channels: messages in the chats of lines.
//!
//! Pages `api-reference/imopenlines/openlines/events/*` of the documentation.

use serde::Serialize;

use super::Payload;
use super::connector::File;
use crate::event::{ChatId, DecodeError, Delivery, LineId, MessageId, Node, UserId};

/// Messages that were written, changed or deleted in the chats of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Messages {
    /// The messages.
    pub messages: Vec<Message>,
}

/// A message in the chat of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The chat on the portal.
    pub chat: ChatId,
    /// Its id on the portal.
    pub id: MessageId,
    /// The connector through which the client writes.
    pub connector: String,
    /// The line.
    pub line: Option<LineId>,
    /// The chat's id outside; like all following fields, for a new message only.
    pub outside_chat: Option<String>,
    /// The client, as a user of the portal. Their id outside is in the events of the connector only
    /// (protocol/open-channels.md 1).
    pub client: Option<UserId>,
    /// The author.
    pub user: Option<UserId>,
    /// The text with BB codes.
    pub text: String,
    /// When it was written; often missing.
    pub date: Option<String>,
    /// Whether the portal wrote it.
    pub system: Option<bool>,
    /// Attached files.
    pub files: Vec<File>,
    /// The codes of the tracker that link the message to a CRM object.
    pub trackers: Vec<String>,
    /// An address for external users, in Bitrix24.Network.
    pub extra_url: Option<String>,
}

impl Payload for Messages {
    const EVENTS: &'static [&'static str] = &[
        "ONOPENLINEMESSAGEADD",
        "ONOPENLINEMESSAGEUPDATE",
        "ONOPENLINEMESSAGEDELETE",
    ];

    fn read(event: &Delivery) -> Result<Messages, DecodeError> {
        let data = event.required_data()?;
        let messages = data.items_at("DATA").into_iter();
        Ok(Messages {
            messages: messages
                .map(|item| Message::read(data, item))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Message {
    /// Reads an item. A new message has the connector in its item, others have it in the event.
    fn read(data: Node<'_>, item: Node<'_>) -> Result<Message, DecodeError> {
        let message = item.required_map("message")?;
        let from = item.map_at("connector");
        let outside = |key| from.and_then(|from| from.string_at(key));
        let line = from.map_or(Ok(None), |from| from.number_at("line_id"))?;
        Ok(Message {
            chat: item.required_map("chat")?.required_number("id")?,
            id: message.required_number("id")?,
            connector: outside("connector_id")
                .or_else(|| data.string_at("CONNECTOR"))
                .unwrap_or_default(),
            line: line.map_or_else(|| data.number_at("LINE"), |line| Ok(Some(line)))?,
            outside_chat: outside("chat_id"),
            client: outside("user_id").and_then(|id| id.parse().ok()),
            user: message.number_at("user_id")?,
            text: message.string_at("text").unwrap_or_default(),
            date: message.string_at("date"),
            system: message.flag_at("system"),
            files: File::list(message)?,
            trackers: item.strings_at("ref"),
            extra_url: item
                .map_at("extra")
                .and_then(|extra| extra.string_at("EXTRA_URL")),
        })
    }
}
