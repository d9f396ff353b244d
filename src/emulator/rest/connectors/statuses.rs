//! The state of a connector on a line: `imconnector.activate`, `.connector.data.set`, `.status`,
//! `.set.error`.

use serde_json::json;

use super::super::call::{Answer, Call, Method, method, yes};
use super::{app, is_on, line, missing, own, required};
use crate::emulator::refusal::Refusal;
use crate::emulator::updates::Update;
use crate::emulator::world::line::connector::Link;

pub(super) const METHODS: &[Method] = &[
    method("imconnector.activate", "imopenlines", activate),
    method("imconnector.connector.data.set", "imopenlines", set_data),
    method("imconnector.status", "imopenlines", status),
    method("imconnector.set.error", "imopenlines", set_error),
];

/// Switches a connector on or off. Off removes its state; the application did it itself and gets no
/// event.
fn activate(call: &mut Call<'_, '_>) -> Answer {
    let active = is_on(call, "ACTIVE");
    change(call, |call, link| {
        if active.ok_or_else(|| missing("ACTIVE"))? {
            link.active = true
        } else {
            *link = Link::default()
        }
        let _ = call;
        Ok(())
    })
}

/// Replaces the whole data; connection and registration count as confirmed.
fn set_data(call: &mut Call<'_, '_>) -> Answer {
    change(call, |call, link| {
        let data = call.params.fields("DATA");
        if data.is_empty() {
            return Err(missing("DATA"));
        }
        link.data = data;
        (link.connection, link.register) = (true, true);
        Ok(())
    })
}

/// Records that the connector does not work, which closes it on this line. The documentation has a
/// sentence about it and no page; `imconnector.activate` with 0, then with 1, opens it again.
fn set_error(call: &mut Call<'_, '_>) -> Answer {
    change(call, |_, link| {
        link.error = true;
        Ok(())
    })
}

/// Changes the caller's connector on an existing line.
fn change(
    call: &mut Call<'_, '_>,
    change: impl FnOnce(&mut Call<'_, '_>, &mut Link) -> Result<(), Refusal>,
) -> Answer {
    let connector = own(call)?.id;
    let line = line(call)?;
    if !call.tx.world.lines.configs.contains_key(&line) {
        return Err(inactive());
    }
    let mut link = call.tx.world.lines.link(&connector, line);
    change(call, &mut link)?;
    call.tx
        .world
        .lines
        .change_link(&connector, line, |old| *old = link);
    call.tx.updates.push(Update::Lines);
    yes()
}

/// Returns the state of a connector; everything is off where it was never connected.
fn status(call: &mut Call<'_, '_>) -> Answer {
    app(call)?;
    let connector = required(call, "CONNECTOR")?.to_lowercase();
    let line = call.params.id("LINE").unwrap_or(0);
    let link = call.tx.world.lines.link(&connector, line);
    Ok(json!({
        "LINE": line,
        "CONNECTOR": connector,
        "ERROR": link.error,
        "CONFIGURED": link.is_configured(),
        "STATUS": link.works(),
    })
    .into())
}

/// The line does not exist or is off, or the connector is off on it.
pub(super) fn inactive() -> Refusal {
    Refusal::new(
        "NOT_ACTIVE_LINE",
        "Line with this ID is not active or does not exist",
    )
}
