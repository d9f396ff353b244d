//! `imbot.command.*`: slash commands, registered and changed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::answer::answer;
use super::bots::named;
use super::call::{Answer, Call, foreign, wrong, yes};
use super::handlers::address;
use super::params::{as_text, is_yes, items};
use super::table::{Method, method};
use crate::emulator::live::News;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::access::Owner;
use crate::emulator::world::command::{Command, Title};

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
        .hit
        .world
        .commands
        .values()
        .find(|command| command.bot == bot && command.name == name);
    let id = known.map_or(0, |command| command.id);
    let id = if id > 0 {
        id
    } else {
        call.hit.world.new_command_id()
    };
    call.hit
        .world
        .commands
        .entry(id)
        .or_insert_with(|| Command {
            id,
            bot,
            name,
            common: call.params.yes("COMMON"),
            hidden: call.params.yes("HIDDEN"),
            extranet: call.params.yes("EXTRANET_SUPPORT"),
            lang,
        });
    call.hit.world.resubscribe(&owner, EVENT, &url);
    call.hit.news.push(News::Bots);
    Ok(id.into())
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let mut command = own(call, &owner)?;
    let fields = call.params.fields("FIELDS");
    if fields.is_empty() {
        return Err(wrong("Update fields can't be empty"));
    }
    if let Some(url) = fields.get("EVENT_COMMAND_ADD").and_then(as_text) {
        let url = address(&owner, &url).ok_or_else(no_handler)?;
        call.hit.world.resubscribe(&owner, EVENT, &url);
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
    call.hit.world.commands.insert(command.id, command);
    call.hit.news.push(News::Bots);
    yes()
}

fn unregister(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let command = own(call, &owner)?;
    call.hit.world.commands.remove(&command.id);
    call.hit.news.push(News::Bots);
    yes()
}

/// The command that `COMMAND_ID` names, if it is the caller's.
pub(super) fn own(call: &Call<'_, '_>, owner: &Owner) -> Result<Command, Refusal> {
    let command = call
        .params
        .id("COMMAND_ID")
        .and_then(|id| call.hit.world.commands.get(&id))
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
        .hit
        .world
        .users
        .get(&command.bot)
        .and_then(|user| user.bot.as_ref());
    bot.is_some_and(|bot| bot.owner == *owner)
}

/// The name without its slash.
pub(super) fn bare(name: &str) -> String {
    name.trim().trim_start_matches('/').to_owned()
}

fn no_handler() -> Refusal {
    Refusal::new(
        "EVENT_COMMAND_ADD_ERROR",
        "Handler for \"Command add\" event isn't specified",
    )
}

/// Titles by language; an item without a language or a title is passed over.
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
