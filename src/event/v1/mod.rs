//! The events of v1, as PHP writes them: upper-case keys, all values text.
//!
//! Pages `api-reference/chat-bots/outdated/**` of the documentation. Any key may be missing, since
//! PHP drops nulls and empty lists; only the bot, the dialog and the message's id are required.

mod item;
mod read;

use std::iter::repeat_n;

use super::form::Pairs;
use super::tree::Node;
use super::{ChatEvent, ChatEventKind, DecodeError, Deleted, Event};

pub(super) use item::command_from;
use item::{Item, Line};
use read::Read;

/// The names that this module decodes.
pub(super) const NAMES: &[&str] = &[
    "ONIMBOTMESSAGEADD",
    "ONIMBOTMESSAGEUPDATE",
    "ONIMBOTMESSAGEDELETE",
    "ONIMBOTJOINCHAT",
    "ONIMBOTDELETE",
    "ONIMCOMMANDADD",
    "ONIMBOTCONTEXTGET",
];

pub(super) fn decode(name: &str, pairs: &Pairs) -> Result<Vec<Event>, DecodeError> {
    let Read {
        event,
        has_dialog,
        mut message,
        has_id,
        join,
        bots_in_chat,
        bots,
        commands,
        removed,
        ..
    } = Read::new(pairs)?;
    if name == "ONIMBOTDELETE" {
        return Ok(vec![Event::Removed(removed.bot("data[BOT_ID]")?)]);
    }
    if !has_dialog {
        return Err(missing("data[PARAMS][DIALOG_ID]"));
    }
    let kind = match name {
        "ONIMCOMMANDADD" => {
            let line = Line {
                id: message.id,
                text: message.text,
                bots_in_chat,
            };
            return for_commands(event, commands, &line);
        }
        "ONIMBOTJOINCHAT" => ChatEventKind::Join(join),
        "ONIMBOTCONTEXTGET" => {
            // protocol/server-behaviour.md 3.5
            let tree = pairs.tree();
            let context = tree.at(&["data", "PARAMS", "CONTEXT"]);
            let from = event.from.or(join.user);
            let event = Box::new(ChatEvent { from, ..*event });
            let context = context.map_or(serde_json::Value::Null, Node::to_json);
            return for_bots(event, bots, ChatEventKind::Opened(context));
        }
        _ if !has_id => return Err(missing("data[PARAMS][MESSAGE_ID]")),
        "ONIMBOTMESSAGEDELETE" => ChatEventKind::Deleted(Deleted {
            id: message.id,
            notice: Some(message.text),
        }),
        _ => {
            let has_cut_mention = message
                .original
                .as_ref()
                .is_some_and(|original| *original != message.text);
            message.clean(has_cut_mention);
            if name == "ONIMBOTMESSAGEUPDATE" {
                ChatEventKind::Edited(message)
            } else {
                ChatEventKind::Message(message)
            }
        }
    };
    for_bots(event, bots, kind)
}

/// Returns one event for each bot.
fn for_bots(
    mut event: Box<ChatEvent>,
    bots: Vec<Item>,
    kind: ChatEventKind,
) -> Result<Vec<Event>, DecodeError> {
    if bots.is_empty() {
        return Err(missing("data[BOT]"));
    }
    event.kind = kind;
    let events = repeat_n(event, bots.len()).zip(bots);
    events
        .map(|(mut event, bot)| {
            event.bot = Some(bot.bot("data[BOT][…][BOT_ID]")?);
            Ok(Event::Chat(event))
        })
        .collect()
}

/// Returns one event for each command.
fn for_commands(
    event: Box<ChatEvent>,
    commands: Vec<Item>,
    line: &Line,
) -> Result<Vec<Event>, DecodeError> {
    if commands.is_empty() {
        return Err(missing("data[COMMAND]"));
    }
    let events = repeat_n(event, commands.len()).zip(commands);
    events
        .map(|(mut event, command)| {
            event.kind = ChatEventKind::Command(command.command(line)?);
            event.bot = Some(command.bot("data[COMMAND][…][BOT_ID]")?);
            Ok(Event::Chat(event))
        })
        .collect()
}

fn missing(key: &str) -> DecodeError {
    DecodeError::Missing {
        key: key.to_owned(),
    }
}
