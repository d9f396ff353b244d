//! The bots and commands that an event concerns: the items of `data[BOT]` and `data[COMMAND]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::missing;
use crate::event::form::Raw;
use crate::event::{BotId, BotRef, Command, CommandFrom, CommandId, DecodeError, MessageId};

/// Numbers the keys in the order of their first occurrence, since an item's pairs may be scattered
/// over the body.
#[derive(Default)]
pub(super) struct Numbers<'p>(BTreeMap<Cow<'p, [u8]>, usize>);

impl<'p> Numbers<'p> {
    pub(super) fn of(&mut self, key: Cow<'p, [u8]>) -> usize {
        let next = self.0.len();
        *self.0.entry(key).or_insert(next)
    }
}

/// Returns the item of this number, and creates it if it is the next one.
pub(super) fn numbered(items: &mut Vec<Item>, number: usize) -> &mut Item {
    if number == items.len() {
        items.push(Item::default());
    }
    &mut items[number]
}

/// A bot or a command.
#[derive(Default)]
pub(super) struct Item {
    bot: Option<BotId>,
    code: String,
    command: Option<CommandId>,
    name: String,
    params: String,
    context: String,
    message: Option<MessageId>,
}

/// The line of a chat that contains commands.
pub(super) struct Line {
    pub(super) id: MessageId,
    pub(super) text: String,
    pub(super) bots_in_chat: Vec<BotId>,
}

impl Item {
    pub(super) fn put(&mut self, key: &[u8], value: Raw<'_>) -> Result<(), DecodeError> {
        match key {
            b"BOT_ID" => self.bot = value.number()?,
            b"BOT_CODE" => self.code = value.string(),
            b"COMMAND" => self.name = value.string(),
            b"COMMAND_ID" => self.command = value.number()?,
            b"COMMAND_PARAMS" => self.params = value.string(),
            b"COMMAND_CONTEXT" => self.context = value.string(),
            b"MESSAGE_ID" => self.message = value.number()?,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn bot(self, wanted: &str) -> Result<BotRef, DecodeError> {
        Ok(BotRef {
            id: self.bot.ok_or_else(|| missing(wanted))?,
            code: self.code,
        })
    }

    pub(super) fn command(&self, line: &Line) -> Result<Command, DecodeError> {
        let command = Command {
            id: self
                .command
                .ok_or_else(|| missing("data[COMMAND][…][COMMAND_ID]"))?,
            name: self.name.clone(),
            params: self.params.clone(),
            from: command_from(&self.context),
            message: self.message.unwrap_or(line.id),
            text: line.text.clone(),
            bots_in_chat: line.bots_in_chat.clone(),
            is_single_use: false,
        };
        Ok(command.without_mark())
    }
}

/// Returns how a command was given, from its word in v1 or v2.
pub(in crate::event) fn command_from(word: &str) -> CommandFrom {
    match word.to_ascii_uppercase().as_str() {
        "" | "TEXTAREA" => CommandFrom::Text,
        "KEYBOARD" => CommandFrom::Keyboard,
        "MENU" => CommandFrom::Menu,
        _ => CommandFrom::Other(word.to_owned()),
    }
}
