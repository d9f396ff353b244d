//! Payloads of connectors: what to send, change or delete outside. Only for the application's own
//! connectors.
//!
//! Pages `api-reference/imopenlines/imconnector/events/*` of the documentation.

use serde::Serialize;

use super::Payload;
use crate::event::{ChatId, DecodeError, Delivery, LineId, MessageId, Node, UserId};

/// Messages that were written, changed or deleted on the portal, to be passed to the outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Messages {
    /// The connector. An application with several receives the events of all.
    pub connector: String,
    /// The line.
    pub line: LineId,
    /// The messages.
    pub messages: Vec<Message>,
}

/// A message of the portal, to be passed to the outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The chat on the portal. Report it, with `id`, when the message is delivered.
    pub chat: ChatId,
    /// Its id on the portal.
    pub id: MessageId,
    /// The id of the chat outside.
    pub outside_chat: String,
    /// Its ids outside, as the connector gave them when it delivered the message; empty for a new
    /// one. The documentation shows a list for a changed message, and a single id for a deleted
    /// one.
    pub outside_ids: Vec<String>,
    /// Its author; only for a new one.
    pub user: Option<UserId>,
    /// The text with BB codes, with the author's name in front (`[b]Ann Meyer:[/b] [br]Hi`) unless
    /// the connector declined that.
    pub text: String,
    /// Attached files.
    pub files: Vec<File>,
}

/// A file of a message. The documentation shows none; public integrations read these keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct File {
    /// Its name, from an untrusted source: never use it as a path.
    pub name: String,
    /// `image`, `file`, ….
    pub kind: Option<String>,
    /// The address where people see it.
    pub link: Option<String>,
    /// The address to download it from.
    pub download_link: Option<String>,
    /// Its media type.
    pub mime: Option<String>,
    /// Its size, in bytes.
    pub size: Option<u64>,
}

/// The connector was switched off on a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The connector.
    pub connector: String,
    /// The line.
    pub line: LineId,
}

/// A line was deleted, and its connectors were removed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LineDeleted(pub LineId);

impl Payload for Messages {
    const EVENTS: &'static [&'static str] = &[
        "ONIMCONNECTORMESSAGEADD",
        "ONIMCONNECTORMESSAGEUPDATE",
        "ONIMCONNECTORMESSAGEDELETE",
    ];

    fn read(event: &Delivery) -> Result<Messages, DecodeError> {
        let data = event.required_data()?;
        let messages = data.items_at("MESSAGES").into_iter();
        Ok(Messages {
            connector: data.required_string("CONNECTOR")?,
            line: data.required_number("LINE")?,
            messages: messages.map(Message::read).collect::<Result<_, _>>()?,
        })
    }
}

impl Message {
    fn read(item: Node<'_>) -> Result<Message, DecodeError> {
        let im = item.required_map("im")?;
        let message = item.map_at("message");
        Ok(Message {
            chat: im.required_number("chat_id")?,
            id: im.required_number("message_id")?,
            outside_chat: item.required_map("chat")?.required_string("id")?,
            outside_ids: message.map_or_else(Vec::new, |message| message.strings_at("id")),
            user: message.map_or(Ok(None), |message| message.number_at("user_id"))?,
            text: message
                .and_then(|message| message.string_at("text"))
                .unwrap_or_default(),
            files: message.map_or(Ok(Vec::new()), File::list)?,
        })
    }
}

impl File {
    pub(super) fn list(message: Node<'_>) -> Result<Vec<File>, DecodeError> {
        let files = message.items_at("files").into_iter();
        files.map(File::read).collect()
    }

    fn read(file: Node<'_>) -> Result<File, DecodeError> {
        Ok(File {
            name: file.string_at("name").unwrap_or_default(),
            kind: file.string_at("type"),
            link: file.string_at("link"),
            download_link: file.string_at("downloadLink"),
            mime: file.string_at("mime"),
            size: file.number_at("size")?,
        })
    }
}

impl Payload for Status {
    const EVENTS: &'static [&'static str] = &["ONIMCONNECTORSTATUSDELETE"];

    fn read(event: &Delivery) -> Result<Status, DecodeError> {
        let data = event.required_data()?; // in lower case here, unlike the other events
        Ok(Status {
            connector: data.required_string("connector")?,
            line: data.required_number("line")?,
        })
    }
}

impl Payload for LineDeleted {
    const EVENTS: &'static [&'static str] = &["ONIMCONNECTORLINEDELETE"];

    fn read(event: &Delivery) -> Result<LineDeleted, DecodeError> {
        let line = event.required_data()?.number()?; // the data are the number itself, not a map
        line.map(LineDeleted)
            .ok_or_else(|| event.root().missing("data"))
    }
}
