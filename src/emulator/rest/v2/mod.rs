//! `imbot.v2.*` and `im.v2.*`: v2 of the bot platform, protocol/bots-v2.md 7 and
//! protocol/bots-v2.md 8.
//!
//! Names of parameters are camel case, exactly. Content is in `fields`; the objects it concerns are
//! next to it. Methods without another result return `{"result": true}` inside `result`.

mod access;
mod bots;
mod chats;
mod commands;
mod events;
mod files;
mod members;
mod messages;
mod reading;
mod registration;
mod sending;

use serde_json::json;

use self::access::bot_token;
use super::call::{Answer, Method, Reply};
use super::params::Params;
use crate::emulator::world::access::Owner;

/// The tables of this folder.
pub(super) const TABLES: [&[Method]; 8] = [
    bots::METHODS,
    commands::METHODS,
    messages::METHODS,
    reading::METHODS,
    chats::METHODS,
    members::METHODS,
    events::METHODS,
    files::METHODS,
];

/// Returns the owner of the bots in a call through a webhook, if it is given; for the traffic log.
pub(super) fn webhook_owner(params: &Params) -> Option<Owner> {
    let fields = Params::new(params.fields("FIELDS"));
    bot_token(params).or_else(|| bot_token(&fields))
}

/// Returns the nested `true`.
fn done() -> Answer {
    Ok(Reply::from(json!({ "result": true })))
}
