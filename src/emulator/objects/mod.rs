//! The objects of version 2 as its methods and events print them: section 6 of bots-v2.md, page `entities.md`.
//!
//! The types are native here; an event that is posted loses them in the form encoder. Where the editions of the
//! documentation disagree, the newer one is printed: `textFieldEnabled` is a flag and not `Y` or `N`.

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
