//! Tests of bots: an emulated portal, the program, and people who talk, in one process.
//!
//! ```
//! use imbot::prelude::*;
//! use imbot::testing::TestPortal;
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
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // in a test: #[tokio::test] async fn it_repeats_what_was_said() {
//! let portal = TestPortal::with(App::new().bot(Echo)).await;
//! let mut ann = portal.private("Ann", "echo");
//! ann.says("Hello").sees("Hello").await;
//! # }
//! ```
//!
//! The feature `testing` adds this module:
//!
//! ```toml
//! [dev-dependencies]
//! imbot = { version = "0.1", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```
//!
//! - [`TestPortal`] is the portal with the program on it. It crashes, restarts and delays the
//!   program, repeats events, refuses calls, and moves the clock.
//! - [`Person`] writes, presses buttons and waits for messages, in a private chat, a group, or
//!   outside of the portal as a client of an open channel.
//! - [`SeenMessage`] is what a person sees.
//!
//! Nothing leaves the process and nothing listens. The emulated portal is the one of
//! [`emulator`](crate::emulator), with its limits and checks; the store is in memory unless
//! [`App::store`](crate::App::store) sets another.
//!
//! # The clock
//!
//! The clock stands still. It moves when the test waits ([`Person::sees`],
//! [`TestPortal::advance`]), and only as long as nothing else can run: then it jumps to the next
//! timer. So a reminder of tomorrow takes no time, and a retry after five seconds needs no sleep.
//! A test is an ordinary `#[tokio::test]`; the kit pauses tokio's clock.
//!
//! While a handler runs, the clock stands still for 100 ms of real time
//! ([`Settings::handler_time`]), since the handler may wait for something outside of the test. If
//! it runs for longer, it is taken to wait for the clock.
//!
//! # What fails a test
//!
//! When a [`TestPortal`] is dropped, a dead letter and a failed attempt fail the test, unless they
//! were expected ([`TestPortal::expects_failures`], [`TestPortal::expects_dead_letters`]).

mod clock;
mod network;
mod person;
mod portal;
mod settings;

pub use person::{Person, SeenMessage};
pub use portal::{PATIENCE, Program, TestPortal};
pub use settings::{BEGINNING, HANDLER_TIME, Settings};
