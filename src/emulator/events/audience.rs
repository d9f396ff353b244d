//! Selects who receives a message: protocol/server-behaviour.md 3.1.
//!
//! Pure rules over the world. `message` is for new messages, where commands come first and replace
//! the message event; `change` is for edits and deletions, where commands are not parsed.

use crate::emulator::world::World;
use crate::emulator::world::bot::Command;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;

use super::mention::mentioned;
use super::slash::{Slash, slashes};

/// The receivers of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Nobody, or only people.
    None,
    /// The bots of the commands found; nobody gets a message event.
    Commands(Vec<CommandCall>),
    /// These bots.
    Bots(Vec<u64>),
}

/// A command used in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandCall {
    pub(crate) command: u64,
    pub(crate) params: String,
}

/// Returns who receives a new message. `skip_command` is set for everything v1 bots send.
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

/// Returns the bots that are notified of an edit or a deletion.
///
/// The rule that a bot's messages reach no bot checks `FROM_USER_ID`, which groups do not have: in
/// groups a bot is notified of changes to its own messages.
pub(crate) fn change(world: &World, chat: &Chat, author: u64, text: &str) -> Vec<u64> {
    if chat.is_private() && world.is_bot(author) {
        Vec::new()
    } else {
        recipients(world, chat, author, text)
    }
}

/// Returns the bots of a chat that a text is meant for.
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

/// Returns the commands of a text that work in this chat, with repetitions.
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
