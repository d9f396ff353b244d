//! Access to bots and chats: the checks and errors that all methods of v2 share.
//!
//! An application owns its bots by its client id, and needs no `botToken`. A webhook owns them by
//! `custom` and the `botToken`, which is required in every call.

use serde_json::{Map, Value};

use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::Call;
use crate::emulator::rest::params::{Params, as_id, as_text};
use crate::emulator::world::access::Owner;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::dialog::{Address, parse};
use crate::emulator::world::message::Message;
use crate::emulator::world::user::User;

impl Call<'_, '_> {
    /// Returns the owner of the bots of this call.
    pub(super) fn bot_owner(&self) -> Result<Owner, Refusal> {
        match &self.caller.app {
            Some(client_id) => Ok(Owner::App(client_id.clone())),
            None => bot_token(&self.params).ok_or_else(no_token),
        }
    }

    /// Returns the bot in `botId`, if it is the caller's.
    pub(super) fn own_bot(&self) -> Result<User, Refusal> {
        let owner = self.bot_owner()?;
        let id = self.id_of("botId");
        let id = id.ok_or_else(|| Refusal::new("BOT_ID_REQUIRED", "Bot ID is required"))?;
        let user = self.tx.world.users.get(&id).cloned();
        let user = user.filter(|user| user.bot.is_some()).ok_or_else(no_bot)?;
        if user.bot.as_ref().is_some_and(|bot| bot.owner == owner) {
            Ok(user)
        } else {
            Err(Refusal::new(
                "BOT_OWNERSHIP_ERROR",
                "Bot is registered by another application",
            ))
        }
    }

    /// Returns that bot, and acts as this bot from now on.
    pub(super) fn act_as_own_bot(&mut self) -> Result<u64, Refusal> {
        let bot = self.own_bot()?.id;
        self.tx.user = bot;
        Ok(bot)
    }

    /// Returns the chat in `dialogId` of the acting user; a private dialog is created if needed.
    pub(super) fn dialog(&mut self) -> Result<Chat, Refusal> {
        let dialog_id = self.text_of("dialogId").filter(|id| !id.is_empty());
        let dialog_id =
            dialog_id.ok_or_else(|| Refusal::new("DIALOG_ID_EMPTY", "Dialog ID can't be empty"))?;
        let chat = match parse(&dialog_id) {
            Some(Address::User(user)) if user != self.tx.user => self.tx.private_chat(user),
            _ => self.tx.chat_at(&dialog_id),
        };
        chat.map_err(|_| denied())
    }

    /// Returns the message in `messageId`, if it is in a chat of the acting user and not deleted;
    /// otherwise fails with `missing`.
    pub(super) fn message(
        &self,
        missing: impl Fn() -> Refusal,
    ) -> Result<(Chat, Message), Refusal> {
        let id = self.id_of("messageId").ok_or_else(&missing)?;
        self.tx.message_in_reach(id).map_err(|_| missing())
    }

    /// A text or a number under exactly this name.
    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        self.params.exact(name).and_then(as_text)
    }

    /// A positive number under exactly this name.
    pub(super) fn id_of(&self, name: &str) -> Option<u64> {
        self.params.exact(name).and_then(as_id)
    }

    /// The content of the call.
    pub(super) fn content(&self) -> Map<String, Value> {
        let fields = self.params.exact("fields").and_then(Value::as_object);
        fields.cloned().unwrap_or_default()
    }
}

/// The owner that a `botToken` stands for; before April 2026 it was called `clientId`.
pub(super) fn bot_token(params: &Params) -> Option<Owner> {
    let text = |name| params.exact(name).and_then(as_text);
    let token = text("botToken").or_else(|| text("clientId"));
    token
        .filter(|token| !token.trim().is_empty())
        .map(|token| owner_of(&token))
}

/// What owns the bots of a webhook.
pub(super) fn owner_of(token: &str) -> Owner {
    Owner::Webhook(format!("custom{token}"))
}

pub(super) fn no_token() -> Refusal {
    Refusal::new("BOT_TOKEN_NOT_SPECIFIED", "Bot token is not specified")
}

pub(super) fn no_bot() -> Refusal {
    Refusal::new("BOT_NOT_FOUND", "Bot not found")
}

pub(super) fn denied() -> Refusal {
    Refusal::new("ACCESS_DENIED", "Access denied")
}
