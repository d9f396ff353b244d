//! The objects of v2 as methods and events print them: protocol/bots-v2.md 6, page
//! `b24restdocs: api-reference/chat-bots/chat-bots-v2/entities.md`.
//!
//! Values have native types here; a posted event loses them in the form encoding. Where editions of
//! the documentation differ, the newer one is used: `textFieldEnabled` is a flag, not `Y` or `N`.

mod bot;
mod chat;
mod file;
mod message;
mod user;

pub(crate) use self::bot::{bot, own_bot};
pub(crate) use self::chat::{chat, chat_in_answer};
pub(crate) use self::file::{file, full_file};
pub(crate) use self::message::{message, message_in_answer};
pub(crate) use self::user::user;
pub(crate) use bot::{command, listed_command};
