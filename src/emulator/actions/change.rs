//! Edits and deletes messages.

use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::message::{Message, Rich, stored};

/// Maximum age of a message that may be changed, in milliseconds: three days.
const EDIT_WINDOW_MS: i64 = 3 * 24 * 3600 * 1000;

impl Transaction<'_> {
    /// Returns a message that the acting user may change: their own and not too old. A bot may also
    /// change system messages, of any age.
    pub(crate) fn own_message(&self, id: u64) -> Result<Message, Refusal> {
        let (_, message) = self.message_in_reach(id)?;
        let age = self.world.clock.millis() - message.date;
        let mine = message.author == self.user && age < EDIT_WINDOW_MS;
        let spoken_for = message.author == 0 && self.world.is_bot(self.user);
        let refusal = || {
            Refusal::new(
                "CANT_EDIT_MESSAGE",
                "Time has expired for modification or you don't have access",
            )
        };
        if mine || spoken_for {
            Ok(message)
        } else {
            Err(refusal().status(403))
        }
    }

    /// Replaces the text of a message; an empty text deletes the message.
    pub(crate) fn edit(&mut self, id: u64, text: &str) -> Result<(), Refusal> {
        if text.trim().is_empty() {
            return self.delete(id, false);
        }
        let old = self.own_message(id)?;
        self.replace_message(&Message {
            text: stored(text),
            edited: true,
            ..old
        });
        Ok(())
    }

    /// Stores a changed message, shows it on the pages, and notifies the bots.
    pub(crate) fn replace_message(&mut self, message: &Message) {
        let changed = self.world.messages.insert(message.id, message.clone());
        self.show_edit(message);
        let Some(chat) = self.world.chats.get(&message.chat).cloned() else {
            return;
        };
        if changed.is_none_or(|before| before.text != message.text) {
            self.announce_edit(&chat, message);
            self.on_line_edit(&chat, message);
        }
    }

    /// Deletes a message. A deleted message stays visible as such, unless `without_trace` is set.
    pub(crate) fn delete(&mut self, id: u64, without_trace: bool) -> Result<(), Refusal> {
        let message = self.own_message(id)?;
        self.delete_unchecked(&message, without_trace);
        Ok(())
    }

    /// Deletes a message without checking who may do so.
    pub(crate) fn delete_unchecked(&mut self, message: &Message, without_trace: bool) {
        let id = message.id;
        let Some(chat) = self.world.chats.get_mut(&message.chat) else {
            return;
        };
        let bare = Message {
            text: String::new(),
            deleted: true,
            rich: Rich::default(),
            ..message.clone()
        };
        if without_trace {
            chat.messages.retain(|kept| *kept != id);
            self.world.messages.remove(&id);
            self.updates.push(Update::Remove {
                chat: message.chat,
                message: id,
            });
        } else {
            self.world.messages.insert(id, bare.clone());
            self.show_edit(&bare);
        }
        if let Some(chat) = self.world.chats.get(&message.chat).cloned() {
            self.announce_deletion(&chat, message, &message.text);
            self.on_line_deletion(&chat, message);
        }
    }
}
