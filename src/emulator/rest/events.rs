//! `event.*` and `events`: subscriptions of applications.

use serde_json::{Value, json};

use super::call::{Answer, Call, Method, method, yes};
use super::handlers::address;
use super::params::as_text;
use crate::emulator::events::NOTICE;
use crate::emulator::events::Tokens;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::access::{Owner, Subscription, Way};
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
    let is_offline = is_offline(call)?;
    let asked = call.params.id("AUTH_TYPE").unwrap_or(0);
    let user = if call.is_admin() {
        asked
    } else if is_offline {
        return Err(denied(
            "Offline events binding requires administrator access rights",
        ));
    } else if asked > 0 && asked != call.caller.user {
        return Err(denied(
            "Event binding with AUTH_TYPE requires administrator access rights",
        ));
    } else {
        call.caller.user
    };
    let event = event(call)?;
    let row = if is_offline {
        if event == NOTICE {
            let text = "Offline event cannot be registered for this event.";
            return Err(Refusal::new("ERROR_ARGUMENT", text));
        }
        let source = call.tx.origin.source.clone();
        row(owner, event, String::new(), 0, Way::Offline { source })
    } else {
        let url = address(&owner, &handler(call)?);
        let url =
            url.ok_or_else(|| Refusal::new("ERROR_WRONG_HANDLER_URL", "Wrong handler URL"))?;
        let options = call.params.fields("OPTIONS");
        let min_timeout = options.get("minTimeout").and_then(as_text);
        let min_timeout = min_timeout.map(|seconds| seconds.parse().unwrap_or(0));
        let way = min_timeout.map_or(Way::PLAIN, |min_timeout| Way::Online { min_timeout });
        row(owner, event, url, user, way)
    };
    let bound = call.tx.world.rows(&row.owner, &row.event);
    let is_same = |known: &Subscription| {
        known.url == row.url && known.user == row.user && known.source() == row.source()
    };
    if bound.iter().any(is_same) {
        return Err(Refusal::new(
            "ERROR_CORE",
            "Unable to set event handler: Handler already binded",
        ));
    }
    call.tx.world.subscribe(row);
    yes()
}

fn row(owner: Owner, event: String, url: String, user: u64, way: Way) -> Subscription {
    Subscription {
        id: 0,
        owner,
        event,
        url,
        user,
        way,
    }
}

fn unbind(call: &mut Call<'_, '_>) -> Answer {
    let owner = Owner::App(call.application()?);
    let event = event(call)?;
    let offline = is_offline(call)?;
    if offline && !call.is_admin() {
        return Err(denied(
            "Offline events unbinding requires administrator access rights",
        ));
    }
    let source = offline.then(|| call.tx.origin.source.clone());
    let url = if offline {
        String::new()
    } else {
        handler(call)?
    };
    let asked = call.params.int("AUTH_TYPE").filter(|_| !offline);
    let asked = asked.map(|user| u64::try_from(user).unwrap_or(0));
    let me = call.caller.user;
    let user = match asked {
        Some(user) if user != me && !call.is_admin() => {
            return Err(denied(
                "Event unbinding with AUTH_TYPE requires administrator access rights",
            ));
        }
        None if !call.is_admin() => Some(me),
        asked => asked,
    };
    let fits = |row: &Subscription| {
        row.owner == owner
            && row.event == event
            && row.url == url
            && row.source() == source.as_deref()
            && user.is_none_or(|user| row.user == user)
    };
    let before = call.tx.world.subscriptions.len();
    call.tx.world.subscriptions.retain(|_, row| !fits(row));
    Ok(json!({ "count": before - call.tx.world.subscriptions.len() }).into())
}

/// Returns the subscriptions. An offline one has a source, but no handler and no user; the page
/// does not mention it.
fn get(call: &mut Call<'_, '_>) -> Answer {
    let owner = Owner::App(call.application()?);
    let sees_all = call.is_admin();
    let rows = call.tx.world.subscriptions.values();
    let rows = rows.filter(|row| row.owner == owner && (sees_all || row.user == call.caller.user));
    let listed: Vec<Value> = rows
        .map(|row| match &row.way {
            Way::Online { .. } => json!({
                "event": row.event,
                "handler": row.url,
                "auth_type": row.user.to_string(),
                "offline": 0,
            }),
            Way::Offline { source } => {
                json!({ "event": row.event, "connector_id": source, "offline": 1 })
            }
        })
        .collect();
    Ok(Value::from(listed).into())
}

/// Whether `event_type` is `offline`; the default is `online`.
fn is_offline(call: &Call<'_, '_>) -> Result<bool, Refusal> {
    let kind = call.params.text("EVENT_TYPE").unwrap_or_default();
    match kind.to_lowercase().as_str() {
        "" | "online" => Ok(false),
        "offline" => Ok(true),
        _ => Err(Refusal::new(
            "ERROR_ARGUMENT",
            "Value must be one of {online|offline}",
        )),
    }
}

fn handler(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let handler = call.params.text("HANDLER").filter(|url| !url.is_empty());
    handler.ok_or_else(|| Refusal::new("ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty"))
}

/// The action requires an administrator.
fn denied(text: &str) -> Refusal {
    Refusal::new("ACCESS_DENIED", format!("Access denied! {text}")).status(403)
}

fn test(call: &mut Call<'_, '_>) -> Answer {
    let owner = Owner::App(call.application()?);
    let query = call.params.to_value();
    call.tx.fire(
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

/// Returns the event in `EVENT`, if it is known.
fn event(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let event = call.params.text("EVENT").unwrap_or_default().to_uppercase();
    let known = catalogue::category(&event) != Category::Unknown;
    if known {
        Ok(event)
    } else {
        Err(Refusal::new("ERROR_EVENT_NOT_FOUND", "Event not found"))
    }
}
