//! The whole road over real HTTP: an emulated portal, our server, a bot, and back.

mod answers;
mod hooks;
mod install;
mod limits;
mod methods;
mod nonsense;
mod polling;
mod portals;
mod restart;
mod secrets;
pub(crate) mod stage;
mod stop;
mod tokens;
mod trouble;
