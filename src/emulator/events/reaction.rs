//! `ONIMBOTV2REACTIONCHANGE`: somebody reacted to what a bot has said. Version 1 has no such event.
//!
//! Only the bot that wrote the message is told, and only if its reactions are enabled (server-behaviour.md 3.5).

use serde_json::json;

use crate::emulator::hit::Hit;
use crate::emulator::objects;
use crate::emulator::world::World;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;

use super::Tokens;
use super::v2;

impl Hit<'_> {
    /// Tells the bot that the acting user has set a reaction, or taken it back. Its own it knows of.
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
        self.tell_people("ONIMV2REACTIONCHANGE", chat, by, |world, _| first(world));
        let known = self
            .world
            .users
            .get(&bot)
            .and_then(|user| user.bot.as_ref());
        if bot == by || !known.is_some_and(|bot| bot.reactions) {
            return;
        }
        self.tell(
            "ONIMBOTV2REACTIONCHANGE",
            bot,
            Tokens::WithRefresh,
            |world| v2::around(world, bot, chat, by, first(world)),
        );
    }
}
