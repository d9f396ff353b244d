//! `imopenlines.*`: lines, sessions, and actions of bots and operators on them. See
//! protocol/open-channels.md 5, protocol/open-channels.md 6, protocol/open-channels.md 7 and
//! protocol/open-channels.md 8.

mod bots;
mod configs;
mod crm;
mod dialogs;
mod members;
mod sessions;
mod settings;

use super::call::{Call, Method};
use super::params::as_id;
use crate::emulator::actions::Target;
use crate::emulator::refusal::Refusal;

/// The tables of this folder.
pub(super) const TABLES: [&[Method]; 6] = [
    bots::METHODS,
    sessions::METHODS,
    dialogs::METHODS,
    crm::METHODS,
    members::METHODS,
    configs::METHODS,
];

/// Returns the number in `CHAT_ID`, with the error of the operators' methods.
fn chat(call: &Call<'_, '_>) -> Result<u64, Refusal> {
    let id = call.params.id("CHAT_ID");
    id.ok_or_else(|| Refusal::new("CHAT_ID", "Chat ID can't be empty"))
}

/// Returns the receiver of a session: `USER_ID` before `QUEUE_ID` before `TRANSFER_ID`, read by
/// `given`.
fn target(given: impl Fn(&str) -> Option<String>) -> Result<Target, Refusal> {
    let number = |text: &str, code: &str| {
        let id = as_id(&text.into());
        id.ok_or_else(|| Refusal::new(code, format!("{code}: a number is expected")))
    };
    if let Some(user) = given("USER_ID") {
        return number(&user, "USER_ID_EMPTY").map(Target::User);
    }
    if let Some(line) = given("QUEUE_ID") {
        return number(&line, "QUEUE_ID_EMPTY").map(Target::Queue);
    }
    let to = given("TRANSFER_ID").unwrap_or_default();
    match to.strip_prefix("queue") {
        Some(line) => number(line, "QUEUE_ID_EMPTY").map(Target::Queue),
        None => number(&to, "TRANSFER_ID_EMPTY").map(Target::User),
    }
}
