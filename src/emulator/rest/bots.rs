//! `imbot.register`, `imbot.update` and related methods: protocol/server-behaviour.md 3.6.
//!
//! Two oddities of the portal are kept. Registering a `CODE` again returns the existing bot,
//! unchanged, whoever owns it. And the addresses belong to the application: the bot registered last
//! decides where the events of all are sent.

use serde_json::{Map, Value, json};

use super::call::{Answer, Call, Method, Reply, foreign, method, wrong_request, yes};
use super::handlers::{Handlers, bind};
use super::params::{as_text, php_array};
use crate::emulator::refusal::Refusal;
use crate::emulator::updates::Update;
use crate::emulator::world::access::Owner;
use crate::emulator::world::bot::{Bot, BotType};
use crate::emulator::world::color;
use crate::emulator::world::user::User;

pub(super) const METHODS: &[Method] = &[
    method("imbot.register", "imbot", register),
    method("imbot.update", "imbot", update),
    method("imbot.unregister", "imbot", unregister),
    method("imbot.bot.list", "imbot", list),
];

fn register(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let kind = BotType::from_letter(&call.params.text("TYPE").unwrap_or_default());
    let openline = kind == BotType::OpenLine || call.params.yes("OPENLINE");
    let hears_changes = openline || kind == BotType::Supervisor;
    let handlers =
        Handlers::read(&owner, |name| call.params.text(name))?.for_registration(hears_changes)?;
    let code = call
        .params
        .text("CODE")
        .map(|code| code.trim().to_owned())
        .filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| Refusal::new("CODE_ERROR", "Bot code isn't specified"))?;
    let properties = call.params.fields("PROPERTIES");
    if text(&properties, "NAME").is_none() && text(&properties, "LAST_NAME").is_none() {
        return Err(Refusal::new("NAME_ERROR", "Bot name isn't specified"));
    }
    let known = call
        .tx
        .world
        .users
        .values()
        .find(|user| user.bot.as_ref().is_some_and(|bot| bot.code == code));
    let id = match known {
        Some(user) => user.id,
        None => create(
            call,
            Bot::v1(&code, kind, openline, owner.clone()),
            &properties,
        )?,
    };
    bind(call.tx.world, &owner, &handlers);
    Ok(id.into())
}

fn create(
    call: &mut Call<'_, '_>,
    bot: Bot,
    properties: &Map<String, Value>,
) -> Result<u64, Refusal> {
    let max = call.tx.world.bots_max;
    if call.tx.world.bots_of(&bot.owner).count() >= max {
        let text = format!("Has reached the maximum number of bots for application (max: {max})");
        return Err(Refusal::new("MAX_COUNT_ERROR", text));
    }
    let id = call.tx.world.new_user_id();
    let mut user = User {
        id,
        first_name: String::new(),
        last_name: String::new(),
        position: String::new(),
        gender: "M".to_owned(),
        color: color::of_id(id).to_owned(),
        bot: Some(bot),
        guest: None,
        is_admin: false,
        is_dismissed: false,
    };
    describe(&mut user, properties);
    call.tx.world.users.insert(id, user);
    call.tx.updates.push(Update::Bots);
    Ok(id)
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let mut user = named(call, &owner)?;
    let fields = call.params.fields("FIELDS");
    if fields.is_empty() {
        return Err(wrong_request("Update fields can't be empty"));
    }
    let handlers = Handlers::read(&owner, |name| fields.get(name).and_then(as_text))?;
    let properties = fields
        .get("PROPERTIES")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    describe(&mut user, &properties);
    if user.name().is_empty() {
        return Err(Refusal::new("NAME_ERROR", "Bot name isn't specified"));
    }
    if let (Some(bot), Some(code)) = (&mut user.bot, text(&fields, "CODE")) {
        bot.code = code;
    }
    call.tx.world.users.insert(user.id, user);
    bind(call.tx.world, &owner, &handlers);
    call.tx.updates.push(Update::Bots);
    yes()
}

fn unregister(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let bot = named(call, &owner)?.id;
    call.tx.remove_bot(bot);
    yes()
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.owner()?;
    let bots = call
        .tx
        .world
        .bots_of(&owner)
        .filter_map(|user| Some((user, user.bot.as_ref()?)));
    let items = bots.map(|(user, bot)| {
        let openline = if bot.openline { "Y" } else { "N" };
        (
            user.id.to_string(),
            json!({ "ID": user.id, "NAME": user.name(), "CODE": bot.code, "OPENLINE": openline }),
        )
    });
    Ok(Reply::from(php_array(items.collect())))
}

/// Returns the bot in `BOT_ID`; registration methods have no default bot.
pub(super) fn named(call: &Call<'_, '_>, owner: &Owner) -> Result<User, Refusal> {
    let id = call.params.id("BOT_ID").unwrap_or(0);
    let user = call
        .tx
        .world
        .users
        .get(&id)
        .filter(|user| user.bot.is_some())
        .cloned();
    let user = user.ok_or_else(|| Refusal::new("BOT_ID_ERROR", "Bot not found"))?;
    if user.bot.as_ref().is_some_and(|bot| bot.owner == *owner) {
        Ok(user)
    } else {
        Err(foreign())
    }
}

/// Sets the properties that were sent; an unknown colour is skipped.
fn describe(user: &mut User, properties: &Map<String, Value>) {
    let set = |field: &mut String, name| {
        if let Some(value) = properties.get(name).and_then(as_text) {
            *field = value;
        }
    };
    set(&mut user.first_name, "NAME");
    set(&mut user.last_name, "LAST_NAME");
    set(&mut user.position, "WORK_POSITION");
    set(&mut user.gender, "PERSONAL_GENDER");
    if let Some(color) = text(properties, "COLOR").and_then(|name| color::named(&name)) {
        color.clone_into(&mut user.color);
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields
        .get(name)
        .and_then(as_text)
        .filter(|text| !text.trim().is_empty())
}
