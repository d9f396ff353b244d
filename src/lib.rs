//! imbot is a framework for Bitrix24 chatbots.
//!
//! A bot is a type that implements [`Bot`]. [`run`] gives it a command line, a server and, without
//! a configured portal, an emulated one with a web chat:
//!
//! ```no_run
//! use imbot::prelude::*;
//!
//! struct Echo;
//!
//! impl Bot for Echo {
//!     async fn message(&self, cx: &mut Context, message: Message) -> Result {
//!         cx.say(message.text);
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     imbot::run(Echo)
//! }
//! ```
//!
//! # How to read on
//!
//! - To write bots: [`Bot`], then [`Context`], [`Profile`] and [`message`]. The [`prelude`] has
//!   what nearly every program needs.
//! - To connect a messenger to open channels: [`Connector`]. To receive every other event:
//!   [`App::hook`].
//! - To connect a portal, run, test and operate a program of bots: the chapters of the [`guide`].
//! - To try: [`emulator`]. To test: `testing`.
//!
//! # Modules
//!
//! From the bottom up: a module imports only from those above it in this list.
//!
//! - [`event`]: what a portal sends, decoded
//! - [`message`]: what a bot sends, with the portal's limits
//! - [`store`]: events, conversations, calls and portals, stored
//! - [`portal`]: calling a portal, within its limits
//! - [`handler`]: what you write
//! - [`engine`]: from event to answer
//! - [`serve`]: how events arrive over HTTP
//! - [`emulator`]: a portal on your desk
//! - [`config`]: every setting
//! - `testing`: tests of bots
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `emulator` | on | the portal emulator, its web chat and its commands |
//! | `cli` | on | the command line and the file of settings; enables `sqlite` |
//! | `sqlite` | on | the store in one file |
//! | `postgres` | off | the store in a PostgreSQL database, for several processes |
//! | `testing` | off | the test kit, test seams, and the suite for stores of your own; enables `emulator` |

#[cfg(any(feature = "postgres", feature = "sqlite"))]
#[cfg_attr(
    not(feature = "sqlite"),
    allow(dead_code, reason = "a key file needs less than a store in a file")
)]
mod platform;

mod tasks;

pub mod event;

pub mod message;

pub mod store;

pub mod portal;

pub mod handler;

pub mod engine;

pub mod serve;

#[cfg(feature = "emulator")]
pub mod emulator;

pub mod config;

mod app;

#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "cli")]
mod cli;

pub mod guide;

#[cfg(feature = "cli")]
use std::process::ExitCode;

pub use app::{
    Accepted, App, Ask, AskBroadcast, BotHandle, ChatHandle, ConfigError, Conversations, Handle,
};
pub use config::Config;
pub use handler::{
    Bot, CommandSpec, Connector, Context, Error, HookEvent, Pattern, Profile, Result, State, tell,
};

/// The libraries whose types appear in the signatures of this crate, in the versions that it uses.
pub mod libraries {
    #[cfg(feature = "cli")]
    pub use clap;
    pub use {bytes, poem, secrecy, serde_json, uuid};
}

/// What a program of bots needs in nearly every file.
pub mod prelude {
    pub use std::process::ExitCode;

    pub use crate::event::{
        Api, Command, CommandFrom, Deleted, DialogId, Join, LineId, Message, Reaction, Session,
        SessionId, UserId,
    };
    pub use crate::handler::{
        Audience, Bot, Channel, Channels, Client, CommandSpec, Connector, ConnectorProfile,
        Context, Error, EventMode, FailureExt, Form, HookEvent, InboundMessage, InboundReceipt,
        MessageHandle, OrTell, OutboundMessage, Press, Profile, Receipt, Rest, Result, Role, State,
        TakenOver, tell,
    };
    pub use crate::message::{Attach, Button, Color, Draft, Keyboard, Menu, Text, Tone};
    pub use crate::portal::Status;
    pub use crate::store::{Every, MessageRef, Redelivery, Reminder, ReminderId};
    pub use crate::{App, Handle};
}

/// Runs one bot with the command line that every program of bots has.
#[cfg(feature = "cli")]
pub fn run<S: State>(bot: impl Bot<S>) -> ExitCode {
    App::new().bot(bot).run()
}

/// The README's programs compile.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
#[derive(Debug)]
pub struct ReadmeDoctests;
