//! Private dialogs: created when one side first writes to the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::emulator::refusal::{Refusal, no_user};
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::{TYPING_SECONDS, Update};
use crate::emulator::world::chat::{Chat, ChatType};
use crate::emulator::world::color;
use crate::emulator::world::dialog::pair;

impl Transaction<'_> {
    /// Returns the private chat of the acting user with another user, created if it does not exist.
    ///
    /// A bot is notified that it joined once per pair, when the chat is created, even if the bot
    /// wrote first.
    pub(crate) fn private_chat(&mut self, other: u64) -> Result<Chat, Refusal> {
        let key = pair(self.user, other);
        if let Some(chat) = self
            .world
            .private
            .get(&key)
            .and_then(|id| self.world.chats.get(id))
        {
            return Ok(chat.clone());
        }
        for id in [self.user, other] {
            if !self.world.users.contains_key(&id) {
                return Err(no_user(id));
            }
        }
        let chat = self.new_chat(
            ChatType::Private,
            String::new(),
            self.user,
            vec![self.user, other],
        );
        self.world.private.insert(key, chat.id);
        self.updates.push(Update::Dialog { chat: chat.id });
        self.updates.push(Update::Bots);
        for bot in [other, self.user] {
            if self.world.is_bot(bot) {
                self.announce_join(&chat, bot, chat.partner(bot));
            }
        }
        Ok(chat)
    }

    /// Creates an empty chat with these members.
    pub(super) fn new_chat(
        &mut self,
        kind: ChatType,
        title: String,
        owner: u64,
        members: Vec<u64>,
    ) -> Chat {
        let id = self.world.new_chat_id();
        let chat = Chat {
            id,
            kind,
            title,
            description: String::new(),
            color: color::of_id(id).to_owned(),
            avatar: 0,
            owner,
            members,
            managers: BTreeSet::new(),
            entity_type: String::new(),
            entity_id: String::new(),
            entity_data: Default::default(),
            messages: VecDeque::new(),
            read: BTreeMap::new(),
            text_field: true,
            created: self.world.clock.millis(),
        };
        self.world.chats.insert(id, chat.clone());
        chat
    }

    /// Shows on the pages that a user is typing.
    pub(crate) fn type_at(&mut self, dialog_id: &str) -> Result<(), Refusal> {
        let chat = self.chat_at(dialog_id)?.id;
        self.updates.push(Update::Typing {
            chat,
            user: self.user,
            action: None,
            seconds: TYPING_SECONDS,
        });
        Ok(())
    }

    /// Marks everything in a dialog as read.
    pub(crate) fn read_all(&mut self, dialog_id: &str) -> Result<(), Refusal> {
        let chat = self.chat_at(dialog_id)?;
        let last = chat.messages.back().copied().unwrap_or(0);
        self.read_up_to(chat.id, last);
        Ok(())
    }

    /// Marks a chat as read up to a message.
    pub(crate) fn read_up_to(&mut self, chat: u64, message: u64) {
        let user = self.user;
        if let Some(chat) = self.world.chats.get_mut(&chat) {
            chat.read.insert(user, message);
        }
        self.updates.push(Update::Read { chat, user });
    }
}

impl Transaction<'_> {
    /// Opens the private dialog with a bot, sends it the context of the link, and returns the
    /// dialog's id.
    pub(crate) fn open_with_context(
        &mut self,
        bot: u64,
        context: &Value,
    ) -> Result<String, Refusal> {
        if !self.world.is_bot(bot) {
            return Err(Refusal::new("BOT_NOT_FOUND", "Bot not found"));
        }
        let chat = self.private_chat(bot)?;
        self.announce_context(&chat, bot, context);
        Ok(bot.to_string())
    }
}
