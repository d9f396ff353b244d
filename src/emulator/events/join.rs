//! `ONIMBOTJOINCHAT` and `ONIMBOTDELETE`: section 3.5 of server-behaviour.md. Leaving a chat is told to nobody.

use serde_json::{Map, Value, json};

use crate::emulator::hit::Hit;
use crate::emulator::world::World;
use crate::emulator::world::access::Owner;
use crate::emulator::world::chat::Chat;

use super::Tokens;
use super::params::{append, letters, user};

impl Hit<'_> {
    /// Tells a bot that it is in a chat now: `by` is who added it, or the other side of a private dialog.
    pub(crate) fn announce_join(&mut self, chat: &Chat, bot: u64, by: u64) {
        let Some(known) = self.world.users.get(&bot).and_then(|user| user.bot.clone()) else {
            return;
        };
        self.fire("ONIMBOTJOINCHAT", &known.owner, Tokens::WithoutRefresh, |hit| {
            let items: Map<_, _> = [(bot.to_string(), hit.bot_item(bot).into())].into_iter().collect();
            json!({ "BOT": items, "PARAMS": params(hit.world, chat, bot, by), "USER": user(hit.world, by) })
        });
    }

    /// Tells an application that one of its bots is gone.
    pub(crate) fn announce_removal(&mut self, owner: &Owner, bot: u64, code: &str) {
        self.fire(
            "ONIMBOTDELETE",
            owner,
            Tokens::WithoutRefresh,
            |_| json!({ "BOT_ID": bot, "BOT_CODE": code }),
        );
    }
}

fn params(world: &World, chat: &Chat, bot: u64, by: u64) -> Value {
    let mut fields = Map::new();
    append(&mut fields, letters(chat));
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
