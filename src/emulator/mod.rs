//! A portal on your desk: installation, REST, events and a web chat, in one process.
//!
//! It was written from the documentation and from the behaviour of real servers, and shares only
//! the form encoding, the catalogue of events and the limits of messages with the rest of the
//! crate, so that it can find our client wrong. It keeps production's rules: no switch turns a
//! check off. It has three interfaces that act through the same code: this Rust API for tests,
//! HTTP ([`Emulator::start`]) for programs in any language, and the web chat on the same address
//! for people.
//!
//! # Map
//!
//! Each layer imports only from those above it; a test checks this (`tests/layers.rs`).
//!
//! | layer | content |
//! |---|---|
//! | `clock`, `refusal`, `shorten`, `picture`, `post`, `limit`, `planned` | small parts, without state |
//! | `world` | the state: users, chats, messages, applications, tokens; `world/line` for open channels |
//! | `view`, `objects`, `reply` | the state as JSON: for the page, for v2, and as HTTP answers |
//! | `updates`, `transaction` | one request with exclusive access to the world, and its results |
//! | `traffic_log`, `delivery` | the log of events and calls; one queue of events per address |
//! | `portal`, `feed` | the world under its lock; updates as one person sees them |
//! | `events` | which event is sent to whom, and its body |
//! | `actions` | what users do: send, edit, press, react, and work on open channels |
//! | `install`, `placement`, `faults` | applications, their pages, and faults for tests |
//! | `rest`, then `oauth`, `page` | HTTP for programs, for tokens, and for the web chat (`web/`) |
//! | `serve` | starts and stops the portal; connections, TLS and the proxy |
//! | `api` | the Rust API: methods of [`Emulator`] |
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use imbot::emulator::{Emulator, NewApp, Options};
//!
//! let portal = Emulator::start(Options::default()).await?;
//! let app = portal.register_app(NewApp::new("bots", "http://127.0.0.1:8072/"));
//! portal.install(&app.client_id).await?;
//! println!("talk to it at {}", portal.url());
//! # Ok(()) }
//! ```

mod actions;
mod api;
mod clock;
mod delivery;
mod events;
mod faults;
mod feed;
mod install;
mod limit;
mod oauth;
mod objects;
mod page;
mod picture;
mod placement;
mod planned;
mod portal;
mod post;
mod refusal;
mod reply;
mod rest;
mod serve;
mod shorten;
#[cfg(test)]
mod tests;
mod traffic_log;
mod transaction;
mod updates;
mod view;
mod world;

pub use actions::{Arrival, Client};
pub use api::lines::{NewLine, Opened};
pub use api::tasks::NewTask;
pub use feed::Feed;
pub use install::{Credentials, NewApp};
pub use limit::{Counting, Rate, RateCounts};
#[cfg(feature = "testing")]
pub(crate) use post::Answer;
pub use refusal::Refusal;
pub use serve::{Emulator, Options};
pub use world::answers::MethodAnswer;
