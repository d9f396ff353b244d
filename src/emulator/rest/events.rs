//! `event.*` and `events`: subscriptions of applications.

use serde_json::{Value, json};

use super::call::{Answer, Call, yes};
use super::handlers::address;
use super::table::{Method, method};
use crate::emulator::events::Tokens;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::access::{Owner, Subscription};
use crate::event::{Category, catalogue};

pub(super) const METHODS: &[Method] = &[
    method("event.bind", "", bind),
    method("event.unbind", "", unbind),
    method("event.get", "", get),
    method("event.test", "", test),
    method("events", "", names),
];

fn bind(call: &mut Call<'_, '_>) -> Answer {
    let owner = Owner::App(call.application()?);
    let event = event(call)?;
    let handler = call.params.text("HANDLER").unwrap_or_default();
    if handler.is_empty() {
        return Err(Refusal::new(
            "ERROR_ARGUMENT",
            "Argument 'HANDLER' is null or empty",
        ));
    }
    let url = address(&owner, &handler);
    let url = url.ok_or_else(|| Refusal::new("ERROR_WRONG_HANDLER_URL", "Wrong handler URL"))?;
    let user = call.params.id("AUTH_TYPE").unwrap_or(0);
    let bound = call.hit.world.rows(&owner, &event);
    if bound.iter().any(|row| row.url == url && row.user == user) {
        return Err(Refusal::new(
            "ERROR_CORE",
            "Unable to set event handler: Handler already binded",
        ));
    }
    call.hit.world.subscribe(&owner, &event, &url, user);
    yes()
}

fn unbind(call: &mut Call<'_, '_>) -> Answer {
    let owner = Owner::App(call.application()?);
    let event = event(call)?;
    let url = call.params.text("HANDLER");
    let user = call
        .params
        .int("AUTH_TYPE")
        .and_then(|user| u64::try_from(user).ok());
    let fits = |row: &Subscription| {
        row.owner == owner
            && row.event == event
            && url.as_ref().is_none_or(|url| row.url == *url)
            && user.is_none_or(|user| row.user == user)
    };
    let before = call.hit.world.subscriptions.len();
    call.hit.world.subscriptions.retain(|_, row| !fits(row));
    Ok(json!({ "count": before - call.hit.world.subscriptions.len() }).into())
}

fn get(call: &mut Call<'_, '_>) -> Answer {
    let owner = Owner::App(call.application()?);
    let rows = call
        .hit
        .world
        .subscriptions
        .values()
        .filter(|row| row.owner == owner);
    let listed: Vec<Value> = rows
        .map(|row| {
            json!({ "event": row.event, "handler": row.url, "auth_type": row.user.to_string(), "offline": 0 })
        })
        .collect();
    Ok(Value::from(listed).into())
}

fn test(call: &mut Call<'_, '_>) -> Answer {
    let owner = Owner::App(call.application()?);
    let query = call.params.to_value();
    call.hit.fire(
        "ONAPPTEST",
        &owner,
        Tokens::WithoutRefresh,
        |_| json!({ "QUERY": query }),
    );
    Ok(1.into())
}

fn names(call: &mut Call<'_, '_>) -> Answer {
    call.application()?;
    let names: Vec<_> = catalogue::names().map(|(name, _)| name).collect();
    Ok(Value::from(names).into())
}

/// The event that is meant, if there is one of that name.
fn event(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let event = call.params.text("EVENT").unwrap_or_default().to_uppercase();
    let known = catalogue::category(&event) != Category::Unknown;
    if known {
        Ok(event)
    } else {
        Err(Refusal::new("ERROR_EVENT_NOT_FOUND", "Event not found"))
    }
}
