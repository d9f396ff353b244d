//! Events about edits and deletions: protocol/server-behaviour.md 3.4.
//!
//! In groups the events of v1 do not name the author: no `FROM_USER_ID`, and so no `data[USER]`.
//! The events of v2 always do.

use serde_json::{Map, Value, json};

use super::mention::{mentioned, without_mentions};
use super::message_params::dialog_id_for_bots;
use super::params::{append, entity_data, full_user, ids};
use super::{Tokens, audience, v2};
use crate::emulator::clock::in_text;
use crate::emulator::objects;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::World;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;

impl Transaction<'_> {
    /// Notifies the bots that a message has a new text.
    pub(crate) fn announce_edit(&mut self, chat: &Chat, message: &Message) {
        self.log_message_for_people("ONIMV2MESSAGEUPDATE", chat, message);
        let mut params = heading(chat, message, &text_for_bots(chat, &message.text));
        append(
            &mut params,
            json!({ "CHAT_USER_COUNT": chat.members.len() }),
        );
        if !chat.is_private() {
            let named = mentioned(&message.text);
            let first = named.first().copied().unwrap_or(0);
            append(
                &mut params,
                json!({ "MENTIONED_LIST": ids(named), "PLATFORM_CONTEXT": "web" }),
            );
            append(
                &mut params,
                json!({ "MESSAGE_ORIGINAL": message.text, "TO_USER_ID": first }),
            );
        } else {
            params.insert("PLATFORM_CONTEXT".to_owned(), "web".into());
        }
        append(&mut params, ending(self.world, chat, message));
        let bots = audience::change(self.world, chat, message.author, &message.text);
        self.announce_change("ONIMBOTMESSAGEUPDATE", chat, message, &bots, &params);
        for bot in bots {
            self.fire_v2(
                "ONIMBOTV2MESSAGEUPDATE",
                bot,
                Tokens::WithRefresh,
                |world| v2::message(world, bot, chat, message),
            );
        }
    }

    /// Notifies the bots that a message was deleted. `text` is its old text, which the event does
    /// not carry.
    pub(crate) fn announce_deletion(&mut self, chat: &Chat, message: &Message, text: &str) {
        if !message.system {
            let id = json!({ "messageId": message.id });
            self.log_for_people("ONIMV2MESSAGEDELETE", chat, message.author, |_, _| {
                id.clone()
            });
        }
        let gone = format!("Message from {} has been deleted", in_text(message.date));
        let mut params = heading(chat, message, &gone);
        append(&mut params, ending(self.world, chat, message));
        let bots = audience::change(self.world, chat, message.author, text);
        self.announce_change("ONIMBOTMESSAGEDELETE", chat, message, &bots, &params);
        for bot in bots {
            self.fire_v2(
                "ONIMBOTV2MESSAGEDELETE",
                bot,
                Tokens::WithRefresh,
                |world| {
                    let id = json!({ "messageId": message.id });
                    v2::with_common_fields(world, bot, chat, message.author, id)
                },
            );
        }
    }

    fn announce_change(
        &mut self,
        event: &str,
        chat: &Chat,
        message: &Message,
        bots: &[u64],
        params: &Map<String, Value>,
    ) {
        for (owner, bots) in self.by_owner(bots, false) {
            self.fire(event, &owner, Tokens::WithRefresh, |tx| {
                let items: Map<_, _> = bots
                    .iter()
                    .map(|bot| (bot.to_string(), tx.bot_item(*bot).into()))
                    .collect();
                let user = if chat.is_private() {
                    full_user(tx.world, message.author)
                } else {
                    Value::Null
                };
                json!({ "BOT": items, "PARAMS": params, "USER": user })
            });
        }
    }
}

/// Returns the start of `data[PARAMS]`. In private chats the type of the entity is missing; its id
/// is not.
fn heading(chat: &Chat, message: &Message, text: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    append(
        &mut fields,
        json!({
            "ID": message.id,
            "CHAT_ID": chat.id,
            "AUTHOR_ID": message.author,
            "MESSAGE": text,
            "MESSAGE_TYPE": chat.kind.letter(),
            "CHAT_AUTHOR_ID": chat.owner,
        }),
    );
    if !chat.is_private() {
        fields.insert(
            "CHAT_ENTITY_TYPE".to_owned(),
            chat.entity_type.clone().into(),
        );
    }
    fields.insert("CHAT_ENTITY_ID".to_owned(), chat.entity_id.clone().into());
    append(&mut fields, entity_data(chat));
    if chat.is_private() {
        append(
            &mut fields,
            json!({ "FROM_USER_ID": message.author, "TO_USER_ID": chat.partner(message.author) }),
        );
    }
    fields
}

fn ending(world: &World, chat: &Chat, message: &Message) -> Value {
    json!({
        "DIALOG_ID": dialog_id_for_bots(world, chat, message.author),
        "MESSAGE_ID": message.id,
        "CHAT_TYPE": chat.kind.letter(),
        "LANGUAGE": world.language,
    })
}

fn text_for_bots(chat: &Chat, text: &str) -> String {
    if chat.is_private() {
        text.to_owned()
    } else {
        without_mentions(text)
    }
}

impl Transaction<'_> {
    /// Notifies a bot that the acting user has set or removed a reaction. It is not notified of its
    /// own.
    pub(crate) fn announce_reaction(
        &mut self,
        chat: &Chat,
        message: &Message,
        code: &str,
        is_set: bool,
    ) {
        let (bot, by) = (message.author, self.user);
        let first = |world: &World| {
            json!({
                "reaction": code,
                "action": if is_set { "add" } else { "delete" },
                "message": objects::message(world, message),
            })
        };
        self.log_for_people("ONIMV2REACTIONCHANGE", chat, by, |world, _| first(world));
        let known = self
            .world
            .users
            .get(&bot)
            .and_then(|user| user.bot.as_ref());
        if bot == by || !known.is_some_and(|bot| bot.reactions) {
            return;
        }
        self.fire_v2(
            "ONIMBOTV2REACTIONCHANGE",
            bot,
            Tokens::WithRefresh,
            |world| v2::with_common_fields(world, bot, chat, by, first(world)),
        );
    }
}
