//! The methods of the portal, one line each. A new method is a line in its file's list and a
//! function.

use super::call::Method;
use super::request::not_found;
use super::{
    batch, bots, chats, commands, connectors, dialogs, events, im, messages, offline, openlines,
    system, tasks, users, v2,
};
use crate::emulator::refusal::Refusal;

/// All tables, in the order in which `methods` prints them.
const TABLES: [&[Method]; 12] = [
    batch::METHODS,
    system::METHODS,
    users::METHODS,
    tasks::METHODS,
    events::METHODS,
    offline::METHODS,
    bots::METHODS,
    commands::METHODS,
    messages::METHODS,
    chats::METHODS,
    im::METHODS,
    dialogs::METHODS,
];

/// Returns all methods.
pub(super) fn all() -> impl Iterator<Item = &'static Method> {
    TABLES
        .into_iter()
        .chain(v2::TABLES)
        .chain(connectors::TABLES)
        .chain(openlines::TABLES)
        .flatten()
}

/// Returns the method with this name.
pub(super) fn find(name: &str) -> Result<&'static Method, Refusal> {
    all()
        .find(|method| method.name == name)
        .ok_or_else(not_found)
}
