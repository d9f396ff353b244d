//! Setup from outside: registers and installs applications, fires events, causes faults, resets the
//! portal.

use poem::Request;
use serde_json::{Value, json};

use super::acts::{Act, text};
use super::answer::Answer;
use crate::emulator::events::samples::sample;
use crate::emulator::faults::Fault;
use crate::emulator::install::NewApp;
use crate::emulator::portal::Portal;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::user::User;
use crate::event::{catalogue, form};

/// All actions of a program that brings its own bot, as the administrator.
pub(super) const ACTS: &[(&str, Act)] = &[
    ("/emulator/app", register),
    ("/emulator/install", |portal, body| {
        portal.act(admin(portal), |tx| {
            tx.install(text(body, "client_id")?, None)
        })?;
        Ok(json!({}))
    }),
    ("/emulator/finish", |portal, body| {
        portal.act(admin(portal), |tx| {
            tx.finish_install(text(body, "client_id")?)
        })?;
        Ok(json!({}))
    }),
    ("/emulator/uninstall", |portal, body| {
        let clean = body["clean"].as_bool().unwrap_or(false);
        portal.act(admin(portal), |tx| {
            tx.uninstall(text(body, "client_id")?, clean)
        })?;
        Ok(json!({}))
    }),
    ("/emulator/fire", |portal, body| {
        let event = text(body, "event")?;
        let data = payload(event, body)?;
        let sent = portal.act(admin(portal), |tx| tx.fire_to_all(event, &data));
        Ok(json!({ "sent": sent, "data": data }))
    }),
    ("/emulator/faults", |portal, body| {
        for fault in faults(body)? {
            fault.cause(portal)?;
        }
        Ok(json!({}))
    }),
    ("/emulator/reset", |portal, _| {
        portal.forget();
        Ok(json!({}))
    }),
];

/// Returns the data of an event: `data` as JSON, `form` in the form that follows `data` in a body,
/// such as `FIELDS[ID]=5`, or the sample of this event.
fn payload(event: &str, body: &Value) -> Answer {
    match (&body["data"], body["form"].as_str()) {
        (Value::Null, None) => Ok(sample(event)),
        (Value::Null, Some(form)) => form::decode(form.as_bytes())
            .map_err(|error| Refusal::new("ERROR_ARGUMENT", error.to_string())),
        (data, _) => Ok(data.clone()),
    }
}

/// Handles `GET /emulator/samples`: every event of the catalogue, its category, and its number of
/// subscriptions.
pub(super) fn samples(portal: &Portal, _: &Request) -> Answer {
    let events = catalogue::names().map(|(event, category)| {
        let bound = portal.read(|world| world.bound(event));
        json!({
            "event": event,
            "category": format!("{category:?}"),
            "data": sample(event),
            "bound": bound,
        })
    });
    Ok(json!({ "events": events.collect::<Vec<_>>() }))
}

/// Reads one fault or a list of them; all are read before the first is caused.
fn faults(body: &Value) -> Result<Vec<Fault>, Refusal> {
    let read = |fault: &Value| {
        let fault = serde_json::from_value(fault.clone());
        fault.map_err(|error| Refusal::new("ERROR_ARGUMENT", error.to_string()))
    };
    match body {
        Value::Array(faults) => faults.iter().map(read).collect(),
        fault => Ok(vec![read(fault)?]),
    }
}

fn register(portal: &Portal, body: &Value) -> Answer {
    let mut app = NewApp::new(text(body, "title")?, text(body, "handler")?);
    if let Some(install) = body["install"].as_str() {
        install.clone_into(&mut app.install);
    }
    if let Some(scope) = body["scope"].as_str() {
        scope.clone_into(&mut app.scope);
    }
    app.interface = body["interface"].as_bool().unwrap_or(false);
    let made = portal.act(admin(portal), |tx| tx.register_app(app));
    Ok(json!({ "client_id": made.client_id, "client_secret": made.client_secret }))
}

pub(super) fn admin(portal: &Portal) -> u64 {
    portal.read(|world| {
        world
            .users
            .values()
            .find(|user| User::is_admin(user))
            .map_or(1, |user| user.id)
    })
}
