//! The methods of the portal, one line each. A new method is a line in its file's list and a function.

use super::call::{Answer, Call};
use super::request::not_found;
use super::{
    batch, bots, chats, commands, connectors, dialogs, events, im, messages, offline, openlines,
    system, tasks, users, v2,
};
use crate::emulator::refusal::Refusal;

/// One method.
pub(super) struct Method {
    /// Lower case, as it is looked up.
    pub(super) name: &'static str,
    /// The scope an application needs; empty for none.
    pub(super) scope: &'static str,
    pub(super) run: fn(&mut Call<'_, '_>) -> Answer,
}

/// A line of a table.
pub(super) const fn method(
    name: &'static str,
    scope: &'static str,
    run: fn(&mut Call<'_, '_>) -> Answer,
) -> Method {
    Method { name, scope, run }
}

/// All tables, in the order `methods` prints them.
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

/// All methods.
pub(super) fn all() -> impl Iterator<Item = &'static Method> {
    TABLES
        .into_iter()
        .chain(v2::TABLES)
        .chain(connectors::TABLES)
        .chain(openlines::TABLES)
        .flatten()
}

/// The method of this name.
pub(super) fn find(name: &str) -> Result<&'static Method, Refusal> {
    all()
        .find(|method| method.name == name)
        .ok_or_else(not_found)
}
