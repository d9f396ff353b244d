//! `imbot.v2.Bot.*` and `imbot.v2.Revision.get`: protocol/bots-v2.md 7.1.
//!
//! Registering a code again returns the existing bot unchanged; a code of another application's bot
//! is refused.

use serde_json::{Map, Value, json};

use super::access::{no_bot, no_token, owner_of};
use super::done;
use super::registration::{change, describe, fitting, new_bot};
use super::registration::{map, text};
use crate::emulator::events::v2::NAMES;
use crate::emulator::objects;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call, Method, method};
use crate::emulator::updates::Update;
use crate::emulator::world::access::Owner;
use crate::emulator::world::bot::{Bot, Mode};
use crate::emulator::world::color;
use crate::emulator::world::user::User;

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.revision.get", "imbot", revision),
    method("imbot.v2.bot.register", "imbot", register),
    method("imbot.v2.bot.update", "imbot", update),
    method("imbot.v2.bot.get", "imbot", get),
    method("imbot.v2.bot.list", "imbot", list),
    method("imbot.v2.bot.unregister", "imbot", unregister),
];

/// Maximum number of bots of one application.
const BOTS_MAX: usize = 100;

/// Default number of bots in an answer.
const LIMIT_DEFAULT: u64 = 50;

/// Returns the revision whose rules apply here: subscriptions are cleaned, `appId` is removed.
fn revision(_: &mut Call<'_, '_>) -> Answer {
    Ok(json!({ "rest": 36, "web": 130, "mobile": 23, "desktop": 6 }).into())
}

fn register(call: &mut Call<'_, '_>) -> Answer {
    let fields = call.content();
    let owner = new_owner(call, &fields)?;
    let code = text(&fields, "code").map(|code| code.trim().to_owned());
    let code = code.ok_or_else(|| Refusal::new("BOT_CODE_REQUIRED", "Bot code is required"))?;
    if text(&map(&fields, "properties"), "name").is_none() {
        let text = "Bot properties are required";
        return Err(Refusal::new("BOT_PROPERTIES_REQUIRED", text));
    }
    if let Some((id, known)) = with_code(call, &code) {
        return if known.owner == owner {
            shown(call, id)
        } else {
            Err(Refusal::new(
                "BOT_CODE_ALREADY_TAKEN",
                "Bot code is already taken",
            ))
        };
    }
    let bot = new_bot(code, owner, &fields)?;
    if call.tx.world.bots_of(&bot.owner).count() >= BOTS_MAX {
        let text = format!("The application has {BOTS_MAX} bots already");
        return Err(Refusal::new("BOT_LIMIT_EXCEEDED", text));
    }
    let id = call.tx.world.new_user_id();
    let (mode, url, owner) = (bot.mode, bot.url.clone(), bot.owner.clone());
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
    describe(&mut user, &fields)?;
    call.tx.world.users.insert(id, user);
    if let (Mode::Webhook, Some(url)) = (mode, url) {
        call.tx.world.subscribe_once(&owner, &NAMES, &url);
    }
    call.tx.updates.push(Update::Bots);
    shown(call, id)
}

/// Returns the owner of a new bot. The token is in `fields`; in the quick start it is next to them.
fn new_owner(call: &Call<'_, '_>, fields: &Map<String, Value>) -> Result<Owner, Refusal> {
    if let Some(client_id) = &call.caller.app {
        return Ok(Owner::App(client_id.clone()));
    }
    let token = text(fields, "botToken").or_else(|| call.text_of("botToken"));
    let token = token
        .filter(|token| !token.trim().is_empty())
        .ok_or_else(no_token)?;
    fitting(&token)?;
    Ok(owner_of(&token))
}

fn with_code(call: &Call<'_, '_>, code: &str) -> Option<(u64, Bot)> {
    let mut bots = call.tx.world.users.values();
    bots.find_map(|user| {
        let bot = user.bot.as_ref().filter(|bot| bot.code == code)?;
        Some((user.id, bot.clone()))
    })
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut user = call.own_bot()?;
    let fields = call.content();
    let Some(before) = user.bot.clone() else {
        return Err(no_bot());
    };
    let mut after = before.clone();
    change(&mut after, &fields)?;
    if let Some(token) = text(&fields, "botToken").filter(|_| call.caller.app.is_none()) {
        after.owner = rotated(call, user.id, &token)?;
    }
    user.bot = Some(after.clone());
    describe(&mut user, &fields)?;
    let id = user.id;
    call.tx.world.users.insert(id, user);
    rebind(call, &before, &after);
    if (before.mode, after.mode) == (Mode::Fetch, Mode::Webhook) {
        call.tx.world.log.purge(id);
    }
    call.tx.updates.push(Update::Bots);
    shown(call, id)
}

/// Returns the owner for a new token. Errors have no reason, since it would reveal the tokens of
/// others.
fn rotated(call: &Call<'_, '_>, bot: u64, token: &str) -> Result<Owner, Refusal> {
    let owner = owner_of(token);
    let is_taken = call.tx.world.bots_of(&owner).any(|other| other.id != bot);
    if is_taken || fitting(token).is_err() {
        let text = "Bot token rotation failed";
        return Err(Refusal::new("BOT_TOKEN_ROTATION_FAILED", text));
    }
    Ok(owner)
}

/// Updates the subscriptions, if anything about them has changed.
fn rebind(call: &mut Call<'_, '_>, before: &Bot, after: &Bot) {
    let same = (before.mode, &before.url, &before.owner) == (after.mode, &after.url, &after.owner);
    if same || ![before.mode, after.mode].contains(&Mode::Webhook) {
        return;
    }
    clean(call, &before.owner, 1);
    if let (Mode::Webhook, Some(url)) = (after.mode, &after.url) {
        call.tx.world.subscribe_once(&after.owner, &NAMES, url);
    }
}

/// Removes the eight subscriptions of an owner, unless an application has more bots
/// than this.
fn clean(call: &mut Call<'_, '_>, owner: &Owner, bots: usize) {
    let is_shared = matches!(owner, Owner::App(_)) && call.tx.world.bots_of(owner).count() > bots;
    if !is_shared {
        call.tx.world.unsubscribe(owner, &NAMES);
    }
}

/// Returns a bot by `botId` or `code`, whoever owns it; its owner sees more fields.
fn get(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.bot_owner()?;
    let by_id = call.id_of("botId");
    let by_code = call.text_of("code").and_then(|code| with_code(call, &code));
    if by_id.is_none() && call.text_of("code").is_none() {
        return Err(Refusal::new(
            "PARAMS_REQUIRED",
            "Either botId or code is required",
        ));
    }
    let id = by_id.or(by_code.map(|(id, _)| id)).ok_or_else(no_bot)?;
    let user = call.tx.world.users.get(&id).cloned();
    let bot = user.and_then(|user| user.bot).ok_or_else(no_bot)?;
    if bot.owner == owner {
        return shown(call, id);
    }
    let world = &call.tx.world;
    let user = &world.users[&id];
    Ok(json!({ "bot": objects::bot(world, user), "users": [objects::user(world, id)] }).into())
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let owner = call.bot_owner()?;
    let filter = call
        .params
        .exact("filter")
        .and_then(Value::as_object)
        .cloned();
    let kind = filter.and_then(|filter| text(&filter, "type"));
    let limit = size(call.id_of("limit").unwrap_or(LIMIT_DEFAULT));
    let offset = size(call.id_of("offset").unwrap_or(0));
    let world = &call.tx.world;
    let fits = |user: &&User| {
        let bot = user.bot.as_ref();
        bot.is_some_and(|bot| kind.as_ref().is_none_or(|kind| bot.kind.word() == kind))
    };
    let found: Vec<&User> = world.bots_of(&owner).filter(fits).collect();
    let page = found.iter().skip(offset).take(limit);
    let (bots, users): (Vec<Value>, Vec<Value>) = page
        .map(|user| (objects::own_bot(world, user), objects::user(world, user.id)))
        .unzip();
    let more = found.len() > offset.saturating_add(limit);
    Ok(json!({ "bots": bots, "users": users, "hasNextPage": more }).into())
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn unregister(call: &mut Call<'_, '_>) -> Answer {
    let user = call.own_bot()?;
    call.tx.remove_bot(user.id);
    if let Some(bot) = user.bot {
        clean(call, &bot.owner, 0);
    }
    done()
}

/// Returns a bot as its owner sees it.
fn shown(call: &Call<'_, '_>, id: u64) -> Answer {
    let world = &call.tx.world;
    let user = world.users.get(&id).ok_or_else(no_bot)?;
    Ok(json!({ "bot": objects::own_bot(world, user), "users": [objects::user(world, id)] }).into())
}
