//! A visitor's message: sent to the line, then stored in the chat. A message with a known id is a
//! repeat.

use std::sync::Arc;

use imbot::prelude::{Channel, Client, InboundMessage};
use serde::Deserialize;

use super::chat::{By, Entry, File, now};
use super::chats::{ChatGuard, OpenChat};
use super::refusal::Refused;
use super::visitor::ChatKey;
use super::{MESSAGES_A_MINUTE_MAX, TEXT_CHARS_MAX};

/// A minute, in milliseconds.
const MINUTE: u64 = 60_000;
/// Maximum length of a message's id, in characters.
const ID_CHARS_MAX: usize = 64;

/// A message as a page posts it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct VisitorMessage {
    /// An id that the page chooses. A message with a known id is a repeat.
    pub(super) id: String,
    #[serde(default)]
    pub(super) text: String,
    /// The visitor's name, if the page knows it.
    #[serde(default)]
    pub(super) name: String,
}

impl VisitorMessage {
    /// Returns an error if the id or the text is not allowed.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let is_allowed = |char: char| char.is_ascii_alphanumeric() || char == '-';
        if self.id.is_empty() || self.id.len() > ID_CHARS_MAX || !self.id.chars().all(is_allowed) {
            let reason = "the id of a message may contain only letters, digits and `-`";
            return Err(Refused::Invalid(reason.to_owned()));
        }
        if self.text.chars().count() > TEXT_CHARS_MAX {
            return Err(Refused::TextTooLong);
        }
        Ok(())
    }
}

/// Locks the chat for a new message. Returns the stored entry if the message is a repeat.
pub(super) async fn lock_for(
    chat: &Arc<OpenChat>,
    message: &VisitorMessage,
) -> Result<Result<ChatGuard, Entry>, Refused> {
    let chat = chat.lock().await?;
    if let Some(known) = chat.find(By::Visitor, &message.id) {
        return Ok(Err(known.clone()));
    }
    if chat.sent_since(now().saturating_sub(MINUTE)) >= MESSAGES_A_MINUTE_MAX {
        return Err(Refused::TooManyMessages);
    }
    Ok(Ok(chat))
}

/// Sends a message to the line, then stores it. In this order, a stored message is never missing on
/// the line.
pub(super) async fn send(
    channel: &Channel,
    key: &ChatKey,
    chat: ChatGuard,
    message: VisitorMessage,
    file: Option<File>,
) -> Result<Entry, Refused> {
    let client = Client::new(key.as_str()).name(&message.name);
    let mut inbound = InboundMessage::new(key.as_str(), client, &message.id).text(&message.text);
    if let Some(File { name, url, .. }) = &file {
        inbound = inbound.file(url, name);
    }
    channel.inbound(inbound).await.map_err(Refused::NotSent)?;
    let mut entry = Entry::new(By::Visitor, message.id, message.text);
    entry.files.extend(file);
    Ok(chat.store(entry).await?)
}
