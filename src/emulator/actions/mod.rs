//! Actions of users. The API, the page and REST all use these, so all see the same portal.
//!
//! Each action changes the world, adds updates for the pages, and sends events through `events`.

mod bots;
mod change;
mod group;
mod line;
mod press;
mod private;
mod react;
mod say;

pub(crate) use self::group::NewChat;
pub use self::line::{Arrival, Client};
pub(crate) use self::line::{ClientMessage, Sender, Target};
pub(crate) use self::react::Like;
pub(crate) use self::say::{Author, Draft};

use super::refusal::{Refusal, no_access};
use super::transaction::Transaction;
use super::updates::Update;
use super::view;
use super::world::chat::Chat;
use super::world::message::Message;

impl Transaction<'_> {
    /// Returns the chat for a dialog id as the acting user writes it.
    pub(crate) fn chat_at(&self, dialog_id: &str) -> Result<Chat, Refusal> {
        self.world
            .chat_at(self.user, dialog_id)
            .cloned()
            .ok_or_else(no_access)
    }

    /// Returns a chat of which the acting user is a member.
    pub(crate) fn my_chat(&self, id: u64) -> Result<Chat, Refusal> {
        self.world
            .chats
            .get(&id)
            .filter(|chat| chat.has(self.user))
            .cloned()
            .ok_or_else(no_access)
    }

    /// Returns a message in a chat of the acting user that has not been deleted.
    pub(crate) fn message_in_reach(&self, id: u64) -> Result<(Chat, Message), Refusal> {
        let message = self
            .world
            .messages
            .get(&id)
            .filter(|message| !message.deleted)
            .cloned();
        let message =
            message.ok_or_else(|| Refusal::new("MESSAGE_ID_ERROR", "There is no such message"))?;
        Ok((self.my_chat(message.chat)?, message))
    }

    /// Shows a changed message on the pages.
    pub(crate) fn show_edit(&mut self, message: &Message) {
        self.updates.push(Update::Edit {
            chat: message.chat,
            message: view::message(self.world, message),
        });
    }
}
