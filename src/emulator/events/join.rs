//! Events when a bot joins a chat or is removed from the portal: protocol/server-behaviour.md 3.5.
//! There is no event for leaving a chat.

use serde_json::{Map, Value, json};

use super::params::{append, chat_types, user};
use super::{Tokens, v2};
use crate::emulator::transaction::Transaction;
use crate::emulator::world::World;
use crate::emulator::world::bot::{ApiVersion, Bot};
use crate::emulator::world::chat::Chat;

impl Transaction<'_> {
    /// Notifies a bot that it joined a chat: `by` is the user who added it, or the other side of a
    /// private dialog. People are notified of everybody who joins.
    pub(crate) fn announce_join(&mut self, chat: &Chat, bot: u64, by: u64) {
        self.log_join_for_people(chat, bot);
        let Some(known) = self.world.users.get(&bot).and_then(|user| user.bot.clone()) else {
            return;
        };
        let tokens = Tokens::WithoutRefresh;
        if self.is_posted(&known, ApiVersion::V1, false) {
            self.fire("ONIMBOTJOINCHAT", &known.owner, tokens, |tx| {
                let items: Map<_, _> = [(bot.to_string(), tx.bot_item(bot).into())].into_iter().collect();
                json!({ "BOT": items, "PARAMS": params(tx.world, chat, bot, by), "USER": user(tx.world, by) })
            });
        }
        self.fire_v2("ONIMBOTV2JOINCHAT", bot, tokens, |world| {
            let dialog = json!({ "dialogId": world.dialog_id(bot, chat) });
            v2::with_common_fields(world, bot, chat, by, dialog)
        });
    }

    /// Notifies an application that one of its bots is about to be removed; the bot still exists.
    pub(crate) fn announce_removal(&mut self, id: u64, bot: &Bot) {
        let tokens = Tokens::WithoutRefresh;
        if self.is_posted(bot, ApiVersion::V1, false) {
            self.fire(
                "ONIMBOTDELETE",
                &bot.owner,
                tokens,
                |_| json!({ "BOT_ID": id, "BOT_CODE": bot.code }),
            );
        }
        self.fire_v2("ONIMBOTV2DELETE", id, tokens, |_| Map::new());
    }
}

fn params(world: &World, chat: &Chat, bot: u64, by: u64) -> Value {
    let mut fields = Map::new();
    append(&mut fields, chat_types(chat));
    append(&mut fields, json!({ "BOT_ID": bot, "USER_ID": by }));
    if chat.is_private() {
        append(
            &mut fields,
            json!({ "TO_USER_ID": by, "FROM_USER_ID": bot }),
        );
    } else {
        append(
            &mut fields,
            json!({
                "CHAT_ID": chat.id,
                "CHAT_AUTHOR_ID": chat.owner,
                "CHAT_ENTITY_TYPE": chat.entity_type,
                "CHAT_ENTITY_ID": chat.entity_id,
                "ACCESS_HISTORY": true,
            }),
        );
    }
    append(
        &mut fields,
        json!({ "DIALOG_ID": world.dialog_id(bot, chat), "LANGUAGE": world.language }),
    );
    fields.into()
}

impl Transaction<'_> {
    /// Sends a bot the context with which the acting user opened its dialog.
    pub(crate) fn announce_context(&mut self, chat: &Chat, bot: u64, context: &Value) {
        let Some(known) = self.world.users.get(&bot).and_then(|user| user.bot.clone()) else {
            return;
        };
        let (tokens, by) = (Tokens::WithRefresh, self.user);
        if self.is_posted(&known, ApiVersion::V1, false) {
            self.fire("ONIMBOTCONTEXTGET", &known.owner, tokens, |tx| {
                let items: Map<_, _> = [(bot.to_string(), tx.bot_item(bot).into())]
                    .into_iter()
                    .collect();
                let params = context_params(tx.world, chat, bot, by, context);
                json!({ "BOT": items, "PARAMS": params, "USER": user(tx.world, by) })
            });
        }
        self.fire_v2("ONIMBOTV2CONTEXTGET", bot, tokens, |world| {
            let dialog = json!({ "dialogId": world.dialog_id(bot, chat), "context": context });
            v2::with_common_fields(world, bot, chat, by, dialog)
        });
    }
}

fn context_params(world: &World, chat: &Chat, bot: u64, by: u64, context: &Value) -> Value {
    let mut fields = Map::new();
    append(&mut fields, json!({ "CONTEXT": context }));
    append(&mut fields, chat_types(chat));
    append(
        &mut fields,
        json!({
            "USER_ID": by,
            "CHAT_AUTHOR_ID": chat.owner,
            "CHAT_ENTITY_TYPE": chat.entity_type,
            "CHAT_ENTITY_ID": chat.entity_id,
            "DIALOG_ID": world.dialog_id(bot, chat),
            "LANGUAGE": world.language,
        }),
    );
    fields.into()
}
