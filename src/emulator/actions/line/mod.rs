//! Actions on open channels: clients write, bots greet, operators take over, sessions end. Section
//! protocol/server-behaviour.md 6, protocol/open-channels.md 6.

mod bots;
mod clients;
mod incoming;
mod operators;
mod outgoing;
mod queue;
mod sessions;
mod setup;

pub use self::clients::Client;
pub use self::incoming::Arrival;
pub(crate) use self::incoming::{ClientMessage, Sender};
pub(crate) use self::queue::Target;

use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::line::session::Session;

impl Transaction<'_> {
    /// Returns a chat of an open channel, whoever asks.
    pub(crate) fn line_chat(&self, id: u64) -> Result<Chat, Refusal> {
        let chat = self.world.chats.get(&id).cloned();
        let chat = chat.ok_or_else(|| Refusal::new("CHAT_ID", "Chat ID is not correct"))?;
        if chat.is_line() {
            Ok(chat)
        } else {
            Err(Refusal::new("CHAT_TYPE", "Chat is not open line"))
        }
    }

    /// Returns the open session of a chat.
    pub(crate) fn session_in(&self, chat: u64) -> Result<Session, Refusal> {
        let open = self.world.lines.open_session(chat).cloned();
        open.ok_or_else(|| Refusal::new("CHAT_ID", "There is no open session in this chat"))
    }

    /// Changes a session if it still exists.
    fn change_session(&mut self, id: u64, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.world.lines.sessions.get_mut(&id) {
            change(session);
        }
    }
}
