//! End-to-end tests over real HTTP: an emulated portal, our server, a bot.

mod answers;
mod bindings;
mod connectors;
mod faults;
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
mod v1_and_v2;
mod v2;
