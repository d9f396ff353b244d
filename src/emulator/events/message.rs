//! `ONIMBOTMESSAGEADD`: one event for all bots of an application that hear a message.

use serde_json::{Map, json};

use crate::emulator::hit::Hit;
use crate::emulator::live::News;
use crate::emulator::world::access::Owner;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;
use crate::emulator::world::user::BotType;

use super::Tokens;
use super::audience::{self, Audience};
use super::params::user_in_full;
use super::said::params;

impl Hit<'_> {
    /// Tells the bots about a message that was just stored.
    pub(crate) fn announce(&mut self, chat: &Chat, message: &Message, skip_command: bool) {
        match audience::message(self.world, chat, message, skip_command) {
            Audience::None => {}
            Audience::Commands(called) => self.announce_commands(chat, message, &called),
            Audience::Bots(bots) => {
                self.show_typing(chat, &bots);
                for (owner, bots) in self.by_owner(&bots) {
                    self.fire("ONIMBOTMESSAGEADD", &owner, Tokens::WithRefresh, |hit| {
                        let items: Map<_, _> = bots
                            .iter()
                            .map(|bot| (bot.to_string(), hit.bot_item(*bot).into()))
                            .collect();
                        json!({
                            "BOT": items,
                            "PARAMS": params(hit.world, chat, message),
                            "USER": user_in_full(hit.world, message.author),
                        })
                    });
                }
            }
        }
    }

    /// The portal itself shows that a bot of v1 is about to answer, except in open lines and for supervisors.
    pub(super) fn show_typing(&mut self, chat: &Chat, bots: &[u64]) {
        for bot in bots {
            let kind = self
                .world
                .users
                .get(bot)
                .and_then(|user| user.bot.as_ref())
                .map(|bot| bot.kind);
            if kind.is_some_and(|kind| kind != BotType::Supervisor) && !chat.is_line() {
                self.news.push(News::Typing {
                    chat: chat.id,
                    user: *bot,
                });
            }
        }
    }

    /// Bots grouped by application: one event carries all that belong to it.
    pub(super) fn by_owner(&self, bots: &[u64]) -> Vec<(Owner, Vec<u64>)> {
        let mut groups: Vec<(Owner, Vec<u64>)> = Vec::new();
        for id in bots {
            let Some(bot) = self.world.users.get(id).and_then(|user| user.bot.as_ref()) else {
                continue;
            };
            match groups.iter_mut().find(|(owner, _)| *owner == bot.owner) {
                Some((_, group)) => group.push(*id),
                None => groups.push((bot.owner.clone(), vec![*id])),
            }
        }
        groups
    }
}
