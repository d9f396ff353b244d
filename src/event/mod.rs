//! Decodes a portal's events from the bodies of its requests and answers.
//!
//! One POST (or one item of a poll) is a [`Delivery`]. It is read in two steps, since nothing in it
//! is trusted before its token is compared: [`Delivery::from_form`] reads the envelope,
//! [`Delivery::events`] decodes the rest. A delivery can concern several bots or commands, so it
//! may contain several [`Event`]s.
//!
//! Events have the same types however they were delivered and whichever API they belong to; only
//! the delivery knows. Whatever is unknown (an event, a key, a value) is kept and passed on; it is
//! never an error.
//!
//! ```
//! use imbot::event::{ChatEventKind, Delivery, Event};
//!
//! let body = "event=ONIMBOTMESSAGEADD&data[BOT][7][BOT_ID]=7&data[BOT][7][BOT_CODE]=echo\
//!             &data[PARAMS][DIALOG_ID]=27&data[PARAMS][MESSAGE_ID]=84351\
//!             &data[PARAMS][MESSAGE]=hi+there";
//! let delivery = Delivery::from_form(body)?;
//! let Event::Chat(event) = &delivery.events()?[0] else { panic!() };
//! let ChatEventKind::Message(message) = &event.kind else { panic!() };
//! assert_eq!((event.dialog.as_str(), message.text.as_str()), ("27", "hi there"));
//! # Ok::<(), imbot::event::DecodeError>(())
//! ```

mod app;
mod auth;
pub mod catalogue;
mod chat;
mod connector;
mod delivery;
mod error;
pub(super) mod escape;
pub mod form;
mod ids;
mod inbound;
mod json;
mod line;
mod mention;
mod own;
mod page;
pub mod payload;
mod posted_json;
mod request;
mod scan;
mod tree;
mod v1;
mod v2;

pub use app::{AppEvent, SettingsReason};
pub use auth::Auth;
pub use catalogue::Category;
pub use chat::*;
pub(crate) use chat::{PRESS, SINGLE_USE};
pub use connector::{ConnectorEvent, OutboundKind};
pub use delivery::{Api, Delivery, Event, Source};
pub use error::DecodeError;
pub(crate) use error::excerpt;
pub use form::{BODY_BYTES_MAX, PAIRS_MAX};
pub use ids::{BotId, ChatId, CommandId, DialogId, LineId, MemberId, MessageId, SessionId, UserId};
pub use inbound::{Inbound, InboundKind};
pub use line::{CrmObject, LineChat, SessionChange};
pub use page::Page;
pub use payload::{Payload, Session};
pub use request::{Request, RequestKind};
pub use tree::{DEPTH_MAX, Node, Tree};
pub use v2::BOT_EVENTS_V2;
