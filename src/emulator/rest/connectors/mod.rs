//! `imconnector.*`: messengers of applications on open channels, protocol/open-channels.md 2.
//!
//! Only applications may call these methods; webhooks are refused.

mod elements;
mod messages;
mod registration;
mod statuses;

use super::call::{Call, Method};
use super::params::as_text;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::line::connector::Connector;

/// The tables of this folder.
pub(super) const TABLES: [&[Method]; 3] =
    [registration::METHODS, statuses::METHODS, messages::METHODS];

/// Returns the calling application.
fn app(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let text = "Current authorization type is denied for this method Application context required";
    let refusal = || Refusal::new("WRONG_AUTH_TYPE", text).status(403);
    call.caller.app.clone().ok_or_else(refusal)
}

/// Returns a required text.
fn required(call: &Call<'_, '_>, name: &str) -> Result<String, Refusal> {
    let text = call.params.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Refusal {
    Refusal::new(
        "ERROR_ARGUMENT",
        format!("Argument '{name}' is null or empty"),
    )
}

/// Returns the line in the required `LINE`; `0` if it is not a number.
fn line(call: &Call<'_, '_>) -> Result<u64, Refusal> {
    Ok(required(call, "LINE")?.trim().parse().unwrap_or(0))
}

/// Returns the connector in `CONNECTOR`, if it is the caller's.
fn own(call: &Call<'_, '_>) -> Result<Connector, Refusal> {
    let app = app(call)?;
    let id = required(call, "CONNECTOR")?.to_lowercase();
    let known = call.tx.world.lines.connectors.get(&id).cloned();
    let own = known.filter(|connector| connector.app.as_ref() == Some(&app));
    own.ok_or_else(|| {
        Refusal::new(
            "IMCONNECTOR_NO_CORRECT_PROVIDER",
            "Could not find a suitable provider for the connector",
        )
    })
}

/// Whether a flag is on, if it was sent: anything but an empty text, `0`, `N` and `false`.
fn is_on(call: &Call<'_, '_>, name: &str) -> Option<bool> {
    let text = call.params.get(name).and_then(as_text)?;
    Some(!["", "0", "N", "n", "false"].contains(&text.as_str()))
}
