//! `imconnector.register`, `.unregister` and `.list`.
//!
//! Failures come with HTTP 200 and the error next to `"result": false`
//! (protocol/server-behaviour.md 5.2).

use serde_json::{Map, Value, json};

use super::super::call::{Answer, Call, Method, method};
use super::super::handlers::address;
use super::super::params::php_array;
use super::{app, is_on};
use crate::emulator::refusal::Refusal;
use crate::emulator::updates::Update;
use crate::emulator::world::access::Owner;
use crate::emulator::world::line::connector::{Connector, ConnectorOptions};

pub(super) const METHODS: &[Method] = &[
    method("imconnector.register", "imopenlines", register),
    method("imconnector.unregister", "imopenlines", unregister),
    method("imconnector.list", "imopenlines", list),
];

/// Creates a connector, or changes the one with this id. Its settings page needs no
/// `placement.bind`.
fn register(call: &mut Call<'_, '_>) -> Answer {
    let app = app(call)?;
    let text = |name| call.params.text(name).filter(|text| !text.is_empty());
    let id =
        text("ID").ok_or_else(|| failed("CONNECTOR_ID_REQUIRED", "Connector ID is required"))?;
    let id = fitting(&id)?;
    let title =
        text("NAME").ok_or_else(|| failed("NAME_REQUIRED", "Connector name is required"))?;
    let icon = call.params.fields("ICON");
    if icon.get("DATA_IMAGE").and_then(Value::as_str).is_none() {
        return Err(failed("ICON_REQUIRED", "Connector icon is required"));
    }
    let handler = text("PLACEMENT_HANDLER")
        .filter(|url| address(&Owner::App(app.clone()), url).is_some())
        .ok_or_else(|| failed("NO_PLACEMENT_HANDLER", "Placement handler is not specified"))?;
    let known = call.tx.world.lines.connectors.get(&id);
    if known.is_some_and(|known| known.app.as_ref() != Some(&app)) {
        let text = "A connector with this ID is registered already";
        return Err(failed("GENERAL_CONNECTOR_REGISTRATION_ERROR", text));
    }
    let connector = Connector {
        id: id.clone(),
        title,
        app: Some(app),
        handler,
        options: options(call),
    };
    call.tx.world.lines.connectors.insert(id, connector);
    call.tx.updates.push(Update::Lines);
    Ok(json!({ "result": true }).into())
}

/// Returns the id as it is stored: in lower case, of letters, digits and `_`.
fn fitting(id: &str) -> Result<String, Refusal> {
    if id.contains('.') {
        let text = "The connector ID must not contain a dot";
        return Err(failed("APPLICATION_REGISTRATION_ERROR_POINT", text));
    }
    let id = id.to_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if id.chars().all(fits) {
        Ok(id)
    } else {
        let text = "The connector ID may have chat_types, digits and _ only";
        Err(failed("APPLICATION_REGISTRATION_ERROR", text))
    }
}

fn options(call: &Call<'_, '_>) -> ConnectorOptions {
    let plain = ConnectorOptions::default();
    let flag = |name, otherwise| is_on(call, name).unwrap_or(otherwise);
    ConnectorOptions {
        signature: flag("NEED_SIGNATURE", plain.signature),
        system_messages: flag("NEED_SYSTEM_MESSAGES", plain.system_messages),
        edits: flag("EDIT_INTERNAL_MESSAGES", plain.edits),
        deletions: flag("DEL_INTERNAL_MESSAGES", plain.deletions),
        group: flag("CHAT_GROUP", plain.group),
    }
}

fn unregister(call: &mut Call<'_, '_>) -> Answer {
    let app = app(call)?;
    let id = call.params.text("ID").unwrap_or_default().to_lowercase();
    let known = call.tx.world.lines.connectors.get(&id);
    if known.is_none_or(|known| known.app.as_ref() != Some(&app)) {
        let text = "The application has no connector with this ID";
        return Err(failed("APPLICATION_UNREGISTRATION_ERROR", text));
    }
    call.tx.remove_connector(&id);
    Ok(json!({ "result": true }).into())
}

/// Returns all connectors of the portal, by id, for callers who may change connectors.
fn list(call: &mut Call<'_, '_>) -> Answer {
    app(call)?;
    if !call.is_admin() {
        return Err(Refusal::new("ACCESS_DENIED", "Access denied"));
    }
    let connectors = call.tx.world.lines.connectors.values();
    let listed: Map<_, _> = connectors
        .map(|connector| (connector.id.clone(), connector.title.clone().into()))
        .collect();
    Ok(php_array(listed).into())
}

/// A failure with HTTP status 200.
fn failed(code: &str, text: &str) -> Refusal {
    Refusal::new(code, text).status(200)
}
