//! A portal on your desk: installation, REST, events and a web chat, in one process.
//!
//! It is an independent witness. It was written from the documentation and from how the real server
//! behaves, shares nothing with the rest of the crate but the form encoding, and keeps production's
//! rules: there is no switch that turns a check off. One engine has three faces, and all do the
//! same things through it: this type for tests, [`Emulator::start`] for programs in any language,
//! and the web chat on the same address for people.
//!
//! In reading order: `world` is what the portal knows, `talk` what users do, `events` whom it is
//! told, `deliveries` how it gets there, `placement` what the pages of applications are told,
//! `rest` and `oauth` what programs may ask, `objects` how version 2 prints things, `page` what the
//! browser asks, `traffic` what passed by, `trouble` what may go wrong, `secure` how clients of
//! other languages get in. Open channels have a folder `line` in the first three.
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
pub use refusal::Refusal;
pub use serve::{Emulator, Options};
