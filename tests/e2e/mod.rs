//! The whole road over real HTTP: an emulated portal, our server, a bot, and back.

mod answers;
mod bindings;
mod connectors;
mod faults;
mod generations;
mod hooks;
mod hooks_categories;
mod hooks_forwarded;
mod hooks_trust;
mod install;
mod limits;
mod lines;
mod lines_race;
mod methods;
mod offline;
mod polling;
mod portal_down;
mod portals;
mod restart;
mod secrets;
mod secure;
mod shared;
pub(crate) mod stage;
mod stop;
mod tokens;
mod unreadable_answers;
mod v2;
