//! Methods about the portal itself.

use serde_json::{Value, json};

use super::call::{Answer, Call, Method, method};
use super::table;
use crate::emulator::clock::iso;
use crate::emulator::refusal::Refusal;

pub(super) const METHODS: &[Method] = &[
    method("app.info", "", app_info),
    method("scope", "", scope),
    method("server.time", "", server_time),
    method("method.get", "", method_get),
    method("methods", "", methods),
    method("feature.get", "", feature),
];

/// The known features; this portal has them all.
const FEATURES: [&str; 2] = ["rest_offline_extended", "rest_auth_connector"];

fn app_info(call: &mut Call<'_, '_>) -> Answer {
    let app = call
        .caller
        .app
        .as_ref()
        .and_then(|client_id| call.tx.world.apps.get(client_id));
    let app = app.ok_or_else(|| Refusal::new("ACCESS_DENIED", "Application context required"))?;
    Ok(json!({
        "ID": app.id,
        "CODE": app.client_id,
        "VERSION": 1,
        "STATUS": "L",
        "INSTALLED": app.installed,
        "PAYMENT_EXPIRED": "N",
        "DAYS": null,
        "LANGUAGE_ID": call.tx.world.language,
        "LICENSE": "en_emulator",
        "LICENSE_TYPE": "emulator",
        "LICENSE_FAMILY": "emulator",
    })
    .into())
}

fn scope(call: &mut Call<'_, '_>) -> Answer {
    let app = call
        .caller
        .app
        .as_ref()
        .and_then(|client_id| call.tx.world.apps.get(client_id));
    let granted = app
        .filter(|_| !call.params.yes("FULL"))
        .map(|app| app.scope.clone());
    let granted: Vec<String> = match granted {
        Some(scope) => scope
            .split(',')
            .map(|scope| scope.trim().to_owned())
            .collect(),
        None => scopes(),
    };
    Ok(Value::from(granted).into())
}

/// Returns every scope that a method needs.
fn scopes() -> Vec<String> {
    let mut scopes: Vec<&str> = table::all()
        .map(|method| method.scope)
        .filter(|scope| !scope.is_empty())
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes.into_iter().map(str::to_owned).collect()
}

fn server_time(call: &mut Call<'_, '_>) -> Answer {
    Ok(iso(call.tx.world.clock.now()).into())
}

fn method_get(call: &mut Call<'_, '_>) -> Answer {
    let name = call.params.text("NAME").unwrap_or_default();
    let found = table::find(&name.to_lowercase()).ok();
    let available = found.is_some_and(|method| {
        super::auth::check_scope(call.tx.world, &call.caller, method.scope).is_ok()
    });
    Ok(json!({ "isExisting": found.is_some(), "isAvailable": available }).into())
}

fn methods(_: &mut Call<'_, '_>) -> Answer {
    Ok(Value::from(table::all().map(|method| method.name).collect::<Vec<_>>()).into())
}

fn feature(call: &mut Call<'_, '_>) -> Answer {
    let code = call.params.text("CODE").filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| Refusal::new("CODE_EMPTY", "CODE can't be empty"))?;
    Ok(json!({ "value": if FEATURES.contains(&code.as_str()) { "Y" } else { "N" } }).into())
}
