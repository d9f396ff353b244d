//! The whole road over real HTTP: an emulated portal, our server, a bot, and back.

mod answers;
mod bindings;
mod connectors;
mod generations;
mod hard_days;
mod hooks;
mod hooks_categories;
mod hooks_forwarded;
mod hooks_trust;
mod install;
mod limits;
mod lines;
mod lines_race;
mod methods;
mod nonsense;
mod offline;
mod polling;
mod portals;
mod restart;
mod second;
mod secrets;
mod secure;
mod shared;
pub(crate) mod stage;
mod stop;
mod tokens;
mod trouble;
