//! Who hears what is said: section 3.1 of server-behaviour.md, and nothing else.
//!
//! Pure rules over the world. `message` decides for a new message, where commands come first and swallow it;
//! `change` decides for an edit or a deletion, where they are not looked for again.

use crate::emulator::world::World;
use crate::emulator::world::bot::Command;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;

use super::mention::mentioned;
use super::slash::{Slash, slashes};

/// Who hears a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Nobody, or only people.
    None,
    /// Commands were found: their bots, and no message event for anyone.
    Commands(Vec<CommandCall>),
    /// These bots.
    Bots(Vec<u64>),
}

/// A command that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandCall {
    pub(crate) command: u64,
    pub(crate) params: String,
}

/// Who hears a new message. `skip_command` is set on everything bots of v1 send.
pub(crate) fn message(
    world: &World,
    chat: &Chat,
    message: &Message,
    skip_command: bool,
) -> Audience {
    if message.system || skip_command {
        return Audience::None;
    }
    let slashes = slashes(&message.text);
    let called = called(world, chat, message.author, &slashes);
    if !called.is_empty() {
        return Audience::Commands(called);
    }
    if world.is_bot(message.author) || slashes.iter().any(Slash::is_built_in) {
        return Audience::None;
    }
    Audience::Bots(recipients(world, chat, message.author, &message.text))
}

/// Who hears that a message was edited or deleted.
///
/// The rule "a bot's words reach no bot" looks at `FROM_USER_ID`, which groups do not have: there a bot does hear of
/// changes to its own messages.
pub(crate) fn change(world: &World, chat: &Chat, author: u64, text: &str) -> Vec<u64> {
    if chat.is_private() && world.is_bot(author) {
        Vec::new()
    } else {
        recipients(world, chat, author, text)
    }
}

/// The bots of a chat that a text is meant for.
fn recipients(world: &World, chat: &Chat, author: u64, text: &str) -> Vec<u64> {
    let named = mentioned(text);
    let receives = |id: u64| match world.users.get(&id).and_then(|user| user.bot.as_ref()) {
        None => false,
        Some(_) if chat.is_private() => id != author,
        Some(bot) if chat.is_line() => bot.openline,
        Some(bot) => bot.kind.receives_all() || named.contains(&id),
    };
    chat.members
        .iter()
        .copied()
        .filter(|id| receives(*id))
        .collect()
}

/// The commands of a text that work in this chat, as often as they stand there.
fn called(world: &World, chat: &Chat, author: u64, slashes: &[Slash]) -> Vec<CommandCall> {
    let mut found: Vec<CommandCall> = Vec::new();
    for slash in slashes {
        for command in world
            .commands
            .values()
            .filter(|command| command.name == slash.name)
        {
            if works(world, chat, author, command) {
                found.push(CommandCall {
                    command: command.id,
                    params: slash.params.clone(),
                });
            }
        }
    }
    found
}

fn works(world: &World, chat: &Chat, author: u64, command: &Command) -> bool {
    let bot = world
        .users
        .get(&command.bot)
        .and_then(|user| user.bot.as_ref());
    if chat.is_line() {
        return bot.is_some_and(|bot| bot.openline) && chat.has(command.bot);
    }
    let present = if chat.is_private() {
        chat.partner(author) == command.bot
    } else {
        chat.has(command.bot)
    };
    bot.is_some() && (command.common || present)
}
