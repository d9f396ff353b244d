//! `imbot.v2.Command.*`: protocol/bots-v2.md 7.4. Names are sent without a slash and shown with
//! one.
//!
//! The flat form of `register`, without `fields`, was accepted until 30 September 2026.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::done;
use super::registration::{flag, map};
use super::sending::read;
use crate::emulator::objects;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call, Method, method};
use crate::emulator::rest::commands::bare;
use crate::emulator::rest::commands::post;
use crate::emulator::rest::params::as_text;
use crate::emulator::updates::Update;
use crate::emulator::world::bot::{Command, Title};

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.command.register", "imbot", register),
    method("imbot.v2.command.update", "imbot", update),
    method("imbot.v2.command.list", "imbot", list),
    method("imbot.v2.command.unregister", "imbot", unregister),
    method("imbot.v2.command.answer", "imbot", answer),
];

/// Registers a command; an existing one is returned unchanged.
fn register(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.own_bot()?.id;
    let fields = call.content();
    let name = name(&fields)?.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::new("COMMAND_REQUIRED", "Command is required"))?;
    let hidden = flag(&fields, "hidden").unwrap_or(false);
    let titles = map(&fields, "title");
    if titles.is_empty() && !hidden {
        let text = "Command title is required";
        return Err(Refusal::new("COMMAND_TITLE_REQUIRED", text));
    }
    if let Some(known) = named(call, bot, &name) {
        return shown(&known);
    }
    let mut command = Command {
        id: call.tx.world.new_command_id(),
        bot,
        name,
        common: flag(&fields, "common").unwrap_or(false),
        hidden,
        extranet: flag(&fields, "extranetSupport").unwrap_or(false),
        lang: BTreeMap::new(),
    };
    translate(&mut command, &titles, &map(&fields, "params"));
    keep(call, &command);
    shown(&command)
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut command = own(call)?;
    let fields = call.content();
    if let Some(name) = name(&fields)? {
        if name.is_empty() {
            return Err(Refusal::new("COMMAND_NAME_EMPTY", "Command name is empty"));
        }
        let other = named(call, command.bot, &name);
        if other.is_some_and(|other| other.id != command.id) {
            let text = "Command already exists";
            return Err(Refusal::new("COMMAND_ALREADY_EXISTS", text));
        }
        command.name = name;
    }
    command.common = flag(&fields, "common").unwrap_or(command.common);
    command.hidden = flag(&fields, "hidden").unwrap_or(command.hidden);
    command.extranet = flag(&fields, "extranetSupport").unwrap_or(command.extranet);
    translate(
        &mut command,
        &map(&fields, "title"),
        &map(&fields, "params"),
    );
    keep(call, &command);
    shown(&command)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.own_bot()?.id;
    let world = &call.tx.world;
    let mine = world.commands.values().filter(|command| command.bot == bot);
    let listed: Vec<Value> = mine
        .map(|command| objects::listed_command(world, command))
        .collect();
    Ok(json!({ "commands": listed }).into())
}

fn unregister(call: &mut Call<'_, '_>) -> Answer {
    let command = own(call)?;
    call.tx.world.commands.remove(&command.id);
    call.tx.updates.push(Update::Bots);
    done()
}

/// Answers a command. Ten minutes after the command the answer is not posted, and the
/// result is the same: protocol/server-behaviour.md 7.3.
fn answer(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.own_bot()?.id;
    let failed = || Refusal::new("COMMAND_ANSWER_FAILED", "Command answer failed");
    let command = own(call).map_err(|_| failed())?;
    let message = call.id_of("messageId").ok_or_else(failed)?;
    call.text_of("dialogId")
        .filter(|id| !id.is_empty())
        .ok_or_else(failed)?;
    let content = read(&call.content(), bot).map_err(|_| failed())?;
    post(call, &command, message, content.draft(bot));
    done()
}

/// Returns the command in `commandId`, if it is the bot's.
fn own(call: &Call<'_, '_>) -> Result<Command, Refusal> {
    let bot = call.own_bot()?.id;
    let command = call
        .id_of("commandId")
        .and_then(|id| call.tx.world.commands.get(&id));
    let command = command.filter(|command| command.bot == bot).cloned();
    command.ok_or_else(|| Refusal::new("COMMAND_NOT_FOUND", "Command not found"))
}

fn named(call: &Call<'_, '_>, bot: u64, name: &str) -> Option<Command> {
    let mut commands = call.tx.world.commands.values();
    commands
        .find(|command| command.bot == bot && command.name == name)
        .cloned()
}

/// Returns the name without its slash, if it was sent; it must be a text.
fn name(fields: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match fields.get("command") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(bare(name))),
        Some(_) => Err(Refusal::new(
            "COMMAND_NAME_INVALID",
            "Command name is invalid",
        )),
    }
}

/// Sets the titles of the given languages and removes those given as null; `params` applies only to
/// a language with a title in the same call.
fn translate(command: &mut Command, titles: &Map<String, Value>, params: &Map<String, Value>) {
    for (language, title) in titles {
        match as_text(title) {
            None => {
                let _ = command.lang.remove(language);
            }
            Some(title) => {
                let known = command.lang.remove(language).unwrap_or_default();
                let params = match params.get(language) {
                    Some(text) => as_text(text).unwrap_or_default(),
                    None => known.params,
                };
                command
                    .lang
                    .insert(language.clone(), Title { title, params });
            }
        }
    }
}

fn keep(call: &mut Call<'_, '_>, command: &Command) {
    call.tx.world.commands.insert(command.id, command.clone());
    call.tx.updates.push(Update::Bots);
}

fn shown(command: &Command) -> Answer {
    Ok(json!({ "command": objects::command(command) }).into())
}
