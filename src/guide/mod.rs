//! The guide: how to connect, run, test and trust a program of bots.
//!
//! Start with the example on the [front page](crate), then read the chapter you need:
//!
//! - [`portal`]: from nothing to a bot on a real portal
//! - [`command_line`]: the commands and settings that every program of bots has, and `doctor`
//! - [`speaking`]: messages from endpoints, schedules, background tasks and hooks
//! - [`asking`]: buttons that nobody can forge, and forms
//! - [`growing_answers`]: answers of language models, and calls that must not be paid twice
//! - [`turns`]: what surrounds a turn: its time limit, middleware, and a flood limit
//! - [`broadcast`]: one message to many chats, the list of conversations, and pauses
//! - [`open_channels`]: bots for clients outside the portal, and connectors for their messengers
//! - [`emulator`]: the portal on your desk, for people, tests and programs in other languages
#![cfg_attr(
    feature = "testing",
    doc = "- [`testing`]: tests of a bot, without a network and without waiting"
)]
//! - [`operation`]: running bots for others
//! - [`several_machines`]: two or more processes on one PostgreSQL database
//! - [`trust`]: who can forge which event, and how a bot asks the portal
//! - [`promises`]: what is promised, and which test proves it
//! - [`costs`]: CPU, memory, and smaller builds
//! - [`examples`]: what each example shows, and how long it is
//!
//! The facts about Bitrix24 that the code relies on, with their sources, are in the repository, in
//! `src/guide/protocol`. A source that begins with `b24restdocs:` is a page of the portal's
//! documentation, <https://github.com/bitrix24/b24restdocs>.

#[allow(unused_imports, reason = "the chapters link to them")]
use crate::handler::*;
#[allow(unused_imports, reason = "the chapters link to them")]
use crate::prelude::*;

#[doc = include_str!("asking.md")]
pub mod asking {}
#[doc = include_str!("broadcast.md")]
pub mod broadcast {}
#[doc = include_str!("command_line.md")]
pub mod command_line {}
#[doc = include_str!("costs.md")]
pub mod costs {}
#[doc = include_str!("emulator.md")]
pub mod emulator {}
#[doc = include_str!("examples.md")]
pub mod examples {}
#[doc = include_str!("growing_answers.md")]
pub mod growing_answers {}
#[doc = include_str!("open_channels.md")]
pub mod open_channels {}
#[doc = include_str!("operation.md")]
pub mod operation {}
#[doc = include_str!("portal.md")]
pub mod portal {}
#[doc = include_str!("promises.md")]
pub mod promises {}
#[doc = include_str!("several_machines.md")]
pub mod several_machines {}
#[doc = include_str!("speaking.md")]
pub mod speaking {}
#[cfg(feature = "testing")]
#[doc = include_str!("testing.md")]
pub mod testing {}
#[doc = include_str!("trust.md")]
pub mod trust {}
#[doc = include_str!("turns.md")]
pub mod turns {}
