//! What you write: a [`Bot`], and [`Hook`]s for the events that are no bot's.
//!
//! A handler runs as one **turn**: the conversation's state is loaded into [`Context::state`], the handler changes it and
//! says things, and when it returns `Ok` the new state and the messages are committed together. On an error or a panic
//! nothing of the turn is kept. [`Context::say`] therefore does not wait and cannot fail for the network's sake: it puts
//! a message among the turn's, and the sender takes over after the commit.

#![doc = include_str!("open_channels.md")]

mod args;
mod bot;
mod command;
mod connector;
mod context;
mod erased;
mod error;
mod floor;
mod forward;
mod hook;
mod kept;
mod on_line;
mod profile;
mod said;

pub use args::{Arg, Args, ArgsError, Rest};
pub use bot::{Bot, State};
pub use command::CommandSpec;
pub use connector::*;
pub(crate) use connector::{AnyConnector, Door, ErasedConnector, Joined};
pub use context::{Context, RestCall, Showing, When};
pub(crate) use erased::{AnyBot, Attempt, Erased, Occasion, Outcome, Scene, guarded};
pub use error::{Error, Result, tell};
pub use floor::{Role, TakenOver};
pub(crate) use forward::Forward;
pub use hook::{Hook, HookEvent, Pattern};
pub(crate) use kept::is_on_line;
pub use on_line::TransferTo;
pub(crate) use on_line::to_people;
pub use profile::{BotColor, BotKind, EventMode, Gender, Profile};
pub use said::Said;
