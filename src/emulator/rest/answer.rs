//! `imbot.command.answer`: the right to answer a command where it was given. Section 7.3 of server-behaviour.md.

use super::call::{Answer, Call, yes};
use super::commands::{bare, is_owned, own};
use super::messages::{extras, required_text};
use crate::emulator::refusal::Refusal;
use crate::emulator::talk::{Author, Draft};
use crate::emulator::world::access::Owner;
use crate::emulator::world::command::{Command, Use};
use crate::emulator::world::message::Refs;

/// Answers a command. Ten minutes after it was used the portal still says `true`, and posts nothing.
pub(super) fn answer(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let command = match (call.params.id("COMMAND_ID"), call.params.text("COMMAND")) {
        (None, Some(name)) => by_name(call, &owner, &bare(&name))?,
        _ => own(call, &owner)?,
    };
    let message = call.params.id("MESSAGE_ID");
    let message =
        message.ok_or_else(|| Refusal::new("MESSAGE_ID_EMPTY", "Message ID can't be empty"))?;
    let (text, rich) = (required_text(call)?, extras(call, Some(command.bot))?);
    let draft = Draft {
        author: if call.params.yes("SYSTEM") {
            Author::System
        } else {
            Author::Bot(command.bot)
        },
        text,
        rich,
        url_preview: call.params.unless_no("URL_PREVIEW"),
        refs: Refs::default(),
    };
    match post(call, &command, message, draft) {
        Some(id) => Ok(id.into()),
        None => yes(),
    }
}

/// Posts an answer where the command was given, if the right to answer is still open. A bot that is not there is
/// spoken for by the portal, which gives its name.
pub(super) fn post(
    call: &mut Call<'_, '_>,
    command: &Command,
    message: u64,
    draft: Draft,
) -> Option<u64> {
    let open = open_use(call, command.id, message)?;
    call.hit.user = command.bot;
    let present = call
        .hit
        .world
        .chats
        .get(&open.chat)
        .is_some_and(|chat| chat.has(command.bot));
    let draft = if present {
        draft
    } else {
        Draft {
            author: Author::System,
            text: format!("[b]{}:[/b] {}", name_of(call, command.bot), draft.text),
            ..draft
        }
    };
    Some(call.hit.say(open.chat, draft))
}

fn open_use(call: &Call<'_, '_>, command: u64, message: u64) -> Option<Use> {
    let now = call.hit.world.clock.millis();
    let fits = |open: &&Use| open.command == command && open.message == message && open.until > now;
    call.hit.world.uses.iter().find(fits).cloned()
}

fn name_of(call: &Call<'_, '_>, bot: u64) -> String {
    call.hit
        .world
        .users
        .get(&bot)
        .map(|user| user.name())
        .unwrap_or_default()
}

fn by_name(call: &Call<'_, '_>, owner: &Owner, name: &str) -> Result<Command, Refusal> {
    let mut named = call
        .hit
        .world
        .commands
        .values()
        .filter(|command| command.name == name);
    let command = named
        .find(|command| is_owned(call, owner, command))
        .cloned();
    command.ok_or_else(|| Refusal::new("COMMAND_ID_ERROR", "Command not found"))
}
