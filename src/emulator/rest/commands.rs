//! `imbot.command.*`: registers, changes and answers slash commands.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bots::named;
use super::call::{Answer, Call, Method, foreign, method, wrong_request, yes};
use super::handlers::address;
use super::messages::{extras, required_text};
use super::params::{as_text, is_yes, items};
use crate::emulator::actions::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::updates::Update;
use crate::emulator::world::access::Owner;
use crate::emulator::world::bot::{Command, Title, Use};
use crate::emulator::world::message::Refs;

pub(super) const METHODS: &[Method] = &[
    method("imbot.command.register", "imbot", register),
    method("imbot.command.update", "imbot", update),
    method("imbot.command.unregister", "imbot", unregister),
    method("imbot.command.answer", "imbot", answer),
];

const EVENT: &str = "ONIMCOMMANDADD";

fn register(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let url = call
        .params
        .text("EVENT_COMMAND_ADD")
        .and_then(|url| address(&owner, &url))
        .ok_or_else(no_handler)?;
    let name = call
        .params
        .text("COMMAND")
        .map(|name| bare(&name))
        .filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::new("COMMAND_ERROR", "Command isn't specified"))?;
    let bot = named(call, &owner)?.id;
    let lang = call
        .params
        .get("LANG")
        .map(titles)
        .filter(|lang| !lang.is_empty());
    let lang = lang.ok_or_else(|| Refusal::new("LANG_ERROR", "Lang set can't be empty"))?;
    let known = call
        .tx
        .world
        .commands
        .values()
        .find(|command| command.bot == bot && command.name == name);
    let id = known.map_or(0, |command| command.id);
    let id = if id > 0 {
        id
    } else {
        call.tx.world.new_command_id()
    };
    call.tx.world.commands.entry(id).or_insert_with(|| Command {
        id,
        bot,
        name,
        common: call.params.yes("COMMON"),
        hidden: call.params.yes("HIDDEN"),
        extranet: call.params.yes("EXTRANET_SUPPORT"),
        lang,
    });
    call.tx.world.resubscribe(&owner, EVENT, &url);
    call.tx.updates.push(Update::Bots);
    Ok(id.into())
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let mut command = own(call, &owner)?;
    let fields = call.params.fields("FIELDS");
    if fields.is_empty() {
        return Err(wrong_request("Update fields can't be empty"));
    }
    if let Some(url) = fields.get("EVENT_COMMAND_ADD").and_then(as_text) {
        let url = address(&owner, &url).ok_or_else(no_handler)?;
        call.tx.world.resubscribe(&owner, EVENT, &url);
    }
    if let Some(name) = fields.get("COMMAND").and_then(as_text) {
        command.name = bare(&name);
    }
    command.hidden = fields.get("HIDDEN").map_or(command.hidden, is_yes);
    command.extranet = fields
        .get("EXTRANET_SUPPORT")
        .map_or(command.extranet, is_yes);
    command.lang = fields
        .get("LANG")
        .map(titles)
        .filter(|lang| !lang.is_empty())
        .unwrap_or(command.lang);
    call.tx.world.commands.insert(command.id, command);
    call.tx.updates.push(Update::Bots);
    yes()
}

fn unregister(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let command = own(call, &owner)?;
    call.tx.world.commands.remove(&command.id);
    call.tx.updates.push(Update::Bots);
    yes()
}

/// Returns the command in `COMMAND_ID`, if it is the caller's.
pub(super) fn own(call: &Call<'_, '_>, owner: &Owner) -> Result<Command, Refusal> {
    let command = call
        .params
        .id("COMMAND_ID")
        .and_then(|id| call.tx.world.commands.get(&id))
        .cloned();
    let command = command.ok_or_else(|| Refusal::new("COMMAND_ID_ERROR", "Command not found"))?;
    if is_owned(call, owner, &command) {
        Ok(command)
    } else {
        Err(foreign())
    }
}

pub(super) fn is_owned(call: &Call<'_, '_>, owner: &Owner, command: &Command) -> bool {
    let bot = call
        .tx
        .world
        .users
        .get(&command.bot)
        .and_then(|user| user.bot.as_ref());
    bot.is_some_and(|bot| bot.owner == *owner)
}

/// Returns the name without its slash.
pub(super) fn bare(name: &str) -> String {
    name.trim().trim_start_matches('/').to_owned()
}

fn no_handler() -> Refusal {
    Refusal::new(
        "EVENT_COMMAND_ADD_ERROR",
        "Handler for \"Command add\" event isn't specified",
    )
}

/// Returns titles by language; an item without a language or a title is skipped.
fn titles(lang: &Value) -> BTreeMap<String, Title> {
    let title = |item: &Value| {
        let field = |name: &str| item.get(name).and_then(as_text);
        Some((
            field("LANGUAGE_ID")?,
            Title {
                title: field("TITLE")?,
                params: field("PARAMS").unwrap_or_default(),
            },
        ))
    };
    items(lang).iter().filter_map(title).collect()
}

/// Answers a command. Ten minutes after its use the portal still returns `true`, but posts nothing.
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

/// Posts an answer to the chat of the command, if it may still be answered. If the bot is not in
/// the chat, the portal posts it with the bot's name.
pub(super) fn post(
    call: &mut Call<'_, '_>,
    command: &Command,
    message: u64,
    draft: Draft,
) -> Option<u64> {
    let open = open_use(call, command.id, message)?;
    call.tx.user = command.bot;
    let present = call
        .tx
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
    Some(call.tx.say(open.chat, draft))
}

fn open_use(call: &Call<'_, '_>, command: u64, message: u64) -> Option<Use> {
    let now = call.tx.world.clock.millis();
    let fits = |open: &&Use| open.command == command && open.message == message && open.until > now;
    call.tx.world.uses.iter().find(fits).cloned()
}

fn name_of(call: &Call<'_, '_>, bot: u64) -> String {
    call.tx
        .world
        .users
        .get(&bot)
        .map(|user| user.name())
        .unwrap_or_default()
}

fn by_name(call: &Call<'_, '_>, owner: &Owner, name: &str) -> Result<Command, Refusal> {
    let mut named = call
        .tx
        .world
        .commands
        .values()
        .filter(|command| command.name == name);
    let command = named
        .find(|command| is_owned(call, owner, command))
        .cloned();
    command.ok_or_else(|| Refusal::new("COMMAND_ID_ERROR", "Command not found"))
}
