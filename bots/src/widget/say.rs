//! What a visitor writes: passed to the line, then kept in the chat, once for each id that the page gave it.

use std::sync::Arc;

use imbot::prelude::{Channel, Client, InboundMessage};
use serde::Deserialize;

use super::refused::Refused;
use super::talk::{By, Entry, File, now};
use super::talks::{Open, Turn};
use super::visitor::ChatKey;
use super::{MESSAGES_A_MINUTE_MAX, TEXT_CHARS_MAX};

const MINUTE: u64 = 60_000;
/// The longest id that a page may give a message.
const ID_CHARS_MAX: usize = 64;

/// A message as a page posts it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct VisitorMessage {
    /// Made up by the page; what comes again under it is the same message.
    pub(super) id: String,
    #[serde(default)]
    pub(super) text: String,
    /// What the visitor is called, if the page knows.
    #[serde(default)]
    pub(super) name: String,
}

impl VisitorMessage {
    /// Whether it may be passed on.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let fits = |char: char| char.is_ascii_alphanumeric() || char == '-';
        if self.id.is_empty() || self.id.len() > ID_CHARS_MAX || !self.id.chars().all(fits) {
            let why = "the id of a message is letters, digits and `-`";
            return Err(Refused::Unreadable(why.to_owned()));
        }
        if self.text.chars().count() > TEXT_CHARS_MAX {
            return Err(Refused::TextTooLong);
        }
        Ok(())
    }
}

/// One's turn in the chat, if the message is new and not one too many; else the message that is there.
pub(super) async fn turn(
    open: &Arc<Open>,
    said: &VisitorMessage,
) -> Result<Result<Turn, Entry>, Refused> {
    let turn = open.turn().await?;
    if let Some(known) = turn.find(By::Visitor, &said.id) {
        return Ok(Err(known.clone()));
    }
    if turn.written_since(now().saturating_sub(MINUTE)) >= MESSAGES_A_MINUTE_MAX {
        return Err(Refused::TooQuick);
    }
    Ok(Ok(turn))
}

/// Passes a message on and keeps it. First the line: what is kept here is never missing there.
pub(super) async fn say(
    channel: &Channel,
    chat: &ChatKey,
    turn: Turn,
    said: VisitorMessage,
    file: Option<File>,
) -> Result<Entry, Refused> {
    let client = Client::new(chat.as_str()).name(&said.name);
    let mut message = InboundMessage::new(chat.as_str(), client, &said.id).text(&said.text);
    if let Some(File { name, url, .. }) = &file {
        message = message.file(url, name);
    }
    channel.inbound(message).await.map_err(Refused::NotPassed)?;
    let mut entry = Entry::new(By::Visitor, said.id, said.text);
    entry.files.extend(file);
    Ok(turn.keep(entry).await?)
}
