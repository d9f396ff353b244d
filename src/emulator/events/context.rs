//! A bot's dialog was opened with a context: `ONIMBOTCONTEXTGET` and `ONIMBOTV2CONTEXTGET`.
//!
//! Section 3.5 of server-behaviour.md, section 12 of bots-v2.md.

use serde_json::{Map, Value, json};

use crate::emulator::hit::Hit;
use crate::emulator::world::World;
use crate::emulator::world::bot::Generation;
use crate::emulator::world::chat::Chat;

use super::Tokens;
use super::params::{append, letters, user};
use super::v2;

impl Hit<'_> {
    /// Tells a bot with what the acting user has opened its dialog.
    pub(crate) fn announce_context(&mut self, chat: &Chat, bot: u64, context: &Value) {
        let Some(known) = self.world.users.get(&bot).and_then(|user| user.bot.clone()) else {
            return;
        };
        let (tokens, by) = (Tokens::WithRefresh, self.user);
        if self.is_posted(&known, Generation::First, false) {
            self.fire("ONIMBOTCONTEXTGET", &known.owner, tokens, |hit| {
                let items: Map<_, _> = [(bot.to_string(), hit.bot_item(bot).into())]
                    .into_iter()
                    .collect();
                let params = params(hit.world, chat, bot, by, context);
                json!({ "BOT": items, "PARAMS": params, "USER": user(hit.world, by) })
            });
        }
        self.tell("ONIMBOTV2CONTEXTGET", bot, tokens, |world| {
            let dialog = json!({ "dialogId": world.dialog_id(bot, chat), "context": context });
            v2::around(world, bot, chat, by, dialog)
        });
    }
}

fn params(world: &World, chat: &Chat, bot: u64, by: u64, context: &Value) -> Value {
    let mut fields = Map::new();
    append(&mut fields, json!({ "CONTEXT": context }));
    append(&mut fields, letters(chat));
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
