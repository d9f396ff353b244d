//! `im.v2.Event.*` and `im.v2.Chat.Bot.sendContext`: what a person's own program may do. Section 8 of bots-v2.md.

use serde_json::Value;

use super::access::denied;
use super::done;
use super::events::read;
use crate::emulator::rest::call::{Answer, Call, yes};
use crate::emulator::rest::params::as_id;
use crate::emulator::rest::table::{Method, method};

pub(super) const METHODS: &[Method] = &[
    method("im.v2.event.subscribe", "im", subscribe),
    method("im.v2.event.unsubscribe", "im", unsubscribe),
    method("im.v2.event.get", "im", get),
    method("im.v2.chat.bot.sendcontext", "im", send_context),
];

fn subscribe(call: &mut Call<'_, '_>) -> Answer {
    call.hit.world.subscribers.insert(call.caller.user);
    yes()
}

/// Nothing more is written; what was can still be read.
fn unsubscribe(call: &mut Call<'_, '_>) -> Answer {
    call.hit.world.subscribers.remove(&call.caller.user);
    yes()
}

/// What waits for the user. Whoever confirms it does so for all: a user's events are for one application.
fn get(call: &mut Call<'_, '_>) -> Answer {
    let user = call.caller.user;
    Ok(read(call, &[user]).into())
}

/// What the messenger itself calls when a link with a context has opened the dialog with a bot.
fn send_context(call: &mut Call<'_, '_>) -> Answer {
    let bot = call
        .params
        .exact("dialogId")
        .and_then(as_id)
        .ok_or_else(denied)?;
    let context = call.params.exact("context").cloned().unwrap_or(Value::Null);
    call.hit.open_with_context(bot, &context)?;
    done()
}
