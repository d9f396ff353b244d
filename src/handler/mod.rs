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
mod error;
mod forward;
mod hook;
mod open_channel;
mod profile;
mod turn;

pub use args::{Arg, Args, ArgsError, Rest};
pub use bot::{Bot, State};
pub use command::CommandSpec;
pub use connector::*;
pub(crate) use connector::{AnyConnector, ConnectorGateway, ErasedConnector, Joined};
pub use context::{Context, RestCall, Showing, When};
pub use error::{Error, Result, tell};
pub(crate) use forward::Forward;
pub use hook::{Hook, HookEvent, Pattern};
pub use open_channel::TransferTo;
pub(crate) use open_channel::to_people;
pub use profile::{BotColor, BotKind, EventMode, Gender, Profile};
pub(crate) use turn::context::{Attempt, EventContext, Trigger, TurnResult};
pub use turn::effects::MessageHandle;
pub use turn::handover::{Role, TakenOver};
pub(crate) use turn::stored_row::is_open_channel;
pub(crate) use turn::{AnyBot, Erased, guarded};
