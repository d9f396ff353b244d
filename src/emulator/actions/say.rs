//! Sends messages. Every message is created here.

use crate::emulator::refusal::{Refusal, no_user};
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::view;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::dialog::{Address, parse};
use crate::emulator::world::message::{MESSAGES_MAX, Message, Refs, Rich, stored};

/// A message without an id.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) author: Author,
    pub(crate) text: String,
    pub(crate) rich: Rich,
    pub(crate) url_preview: bool,
    pub(crate) refs: Refs,
}

/// The author of a message, which decides who receives it.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// A user of the chat: commands are parsed, bots are notified.
    User(u64),
    /// A bot through v1: commands in its messages are never parsed.
    Bot(u64),
    /// The portal itself: bots are not notified.
    System,
}

impl Draft {
    /// Returns a draft with plain text.
    pub(crate) fn text(author: Author, text: impl Into<String>) -> Self {
        Draft {
            author,
            text: text.into(),
            rich: Rich::default(),
            url_preview: true,
            refs: Refs::default(),
        }
    }
}

impl Transaction<'_> {
    /// Sends a message to a dialog id; a private dialog is created if needed.
    pub(crate) fn say_at(&mut self, dialog_id: &str, draft: Draft) -> Result<u64, Refusal> {
        let chat = match parse(dialog_id) {
            Some(Address::User(other)) => self.private_chat(other)?,
            _ => self.chat_at(dialog_id)?,
        };
        Ok(self.say(chat.id, draft))
    }

    /// Sends a text as a person does in the web chat.
    pub(crate) fn send(&mut self, dialog_id: &str, text: &str) -> Result<u64, Refusal> {
        if text.trim().is_empty() {
            return Err(Refusal::new("MESSAGE_EMPTY", "There is nothing to send"));
        }
        if !self.world.users.contains_key(&self.user) {
            return Err(no_user(self.user));
        }
        self.say_at(dialog_id, Draft::text(Author::User(self.user), text))
    }

    /// Stores a message, shows it on the pages, and notifies the bots.
    pub(crate) fn say(&mut self, chat: u64, draft: Draft) -> u64 {
        let id = self.world.new_message_id();
        let message = Message {
            id,
            chat,
            author: draft.author.id(),
            text: stored(&draft.text),
            date: self.world.clock.millis(),
            system: draft.author == Author::System,
            edited: false,
            deleted: false,
            url_preview: draft.url_preview,
            rich: draft.rich,
            refs: draft.refs,
            reactions: Vec::new(),
        };
        self.world.messages.insert(id, message.clone());
        let author = self.world.users.get_mut(&message.author);
        if let Some(bot) = author.and_then(|user| user.bot.as_mut()) {
            bot.sent += 1;
        }
        let Some(chat) = self.keep(chat, &message) else {
            return id;
        };
        self.updates.push(Update::Message {
            chat: chat.id,
            message: view::message(self.world, &message),
        });
        self.announce(&chat, &message, matches!(draft.author, Author::Bot(_)));
        if chat.is_line() {
            self.on_line_message(&chat, &message);
        }
        id
    }

    /// Adds a message to its chat; a full chat drops its oldest message.
    fn keep(&mut self, chat: u64, message: &Message) -> Option<Chat> {
        let chat = self.world.chats.get_mut(&chat)?;
        chat.messages.push_back(message.id);
        if message.author > 0 {
            chat.read.insert(message.author, message.id);
        }
        if chat.messages.len() > MESSAGES_MAX
            && let Some(oldest) = chat.messages.pop_front()
        {
            self.world.messages.remove(&oldest);
        }
        Some(chat.clone())
    }
}

impl Author {
    fn id(self) -> u64 {
        match self {
            Author::User(id) | Author::Bot(id) => id,
            Author::System => 0,
        }
    }
}
