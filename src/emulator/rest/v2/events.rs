//! `imbot.v2.Event.get`: protocol/bots-v2.md 3, protocol/server-behaviour.md 4.1.
//!
//! `lastEventId`, the older name of `nextOffset`, was returned until 25 September 2026.

use serde_json::{Value, json};

use super::access::denied;
use super::done;
use super::registration::flag_at;
use crate::emulator::clock::{iso, timestamp};
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::auth::check_scope;
use crate::emulator::rest::call::{Answer, Call, Method, method, yes};
use crate::emulator::rest::params::as_id;
use crate::emulator::world::log::Row;

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.event.get", "imbot", get),
    method("im.v2.event.subscribe", "im", subscribe),
    method("im.v2.event.unsubscribe", "im", unsubscribe),
    method("im.v2.event.get", "im", get_user_events),
    method("im.v2.chat.bot.sendcontext", "im", send_context),
];

/// Default and maximum number of events in an answer.
const LIMIT_DEFAULT: u64 = 100;
const LIMIT_MAX: u64 = 1000;

/// Returns the events of a bot, and with `withUserEvents` also of the caller, with ids from one
/// sequence.
///
/// An offset confirms all events below it; a missing offset and 0 confirm nothing.
fn get(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.own_bot()?.id;
    if flag_at(call, "withUserEvents") != Some(true) {
        return Ok(read(call, &[bot]).into());
    }
    let user = call.caller.user;
    check_scope(call.tx.world, &call.caller, "im")
        .map_err(|_| Refusal::new("SCOPE_ERROR", "The im scope is required for user events"))?;
    if !call.tx.world.subscribers.contains(&user) {
        let text = "User is not subscribed to events";
        return Err(Refusal::new("USER_NOT_SUBSCRIBED", text));
    }
    Ok(read(call, &[bot, user]).into())
}

/// Confirms events and returns the next ones. `hasMore` only means that the page is full.
pub(super) fn read(call: &mut Call<'_, '_>, users: &[u64]) -> Value {
    let offset = call.id_of("offset").unwrap_or(0);
    let limit = call.id_of("limit").unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let now = call.tx.world.clock.millis();
    if offset > 0 {
        call.tx.world.log.acknowledge(users, offset);
    }
    let rows = call.tx.world.log.read(users, offset, limit, now);
    let next = rows.last().map_or(offset, |(id, _)| id + 1);
    let events: Vec<Value> = rows.iter().map(|(id, row)| event(*id, row)).collect();
    json!({ "events": events, "nextOffset": next, "hasMore": rows.len() >= limit })
}

fn event(id: u64, row: &Row) -> Value {
    json!({ "eventId": id, "type": row.event, "date": iso(timestamp(row.date)), "data": row.data })
}

fn subscribe(call: &mut Call<'_, '_>) -> Answer {
    call.tx.world.subscribers.insert(call.caller.user);
    yes()
}

/// Stops logging events; those logged can still be read.
fn unsubscribe(call: &mut Call<'_, '_>) -> Answer {
    call.tx.world.subscribers.remove(&call.caller.user);
    yes()
}

/// Returns the events of the user. Confirming them does so for all applications.
fn get_user_events(call: &mut Call<'_, '_>) -> Answer {
    let user = call.caller.user;
    Ok(read(call, &[user]).into())
}

/// The call of the messenger when a link with a context has opened the dialog with a bot.
fn send_context(call: &mut Call<'_, '_>) -> Answer {
    let bot = call
        .params
        .exact("dialogId")
        .and_then(as_id)
        .ok_or_else(denied)?;
    let context = call.params.exact("context").cloned().unwrap_or(Value::Null);
    call.tx.open_with_context(bot, &context)?;
    done()
}
