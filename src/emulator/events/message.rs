//! `ONIMBOTMESSAGEADD`, one event for all receiving bots of an application, and
//! `ONIMBOTV2MESSAGEADD`, one event for each bot.

use serde_json::{Map, json};

use crate::emulator::transaction::Transaction;
use crate::emulator::updates::{TYPING_SECONDS, Update};
use crate::emulator::world::access::Owner;
use crate::emulator::world::bot::{ApiVersion, Bot, BotType, Mode};
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;

use super::Tokens;
use super::audience::{self, Audience};
use super::message_params::params;
use super::params::full_user;
use super::v2;

impl Transaction<'_> {
    /// Notifies the bots of a new message.
    pub(crate) fn announce(&mut self, chat: &Chat, message: &Message, skip_command: bool) {
        self.log_message_for_people("ONIMV2MESSAGEADD", chat, message);
        match audience::message(self.world, chat, message, skip_command) {
            Audience::None => {}
            Audience::Commands(called) => self.announce_commands(chat, message, &called),
            Audience::Bots(bots) => {
                self.show_typing(chat, &bots);
                for (owner, bots) in self.by_owner(&bots, false) {
                    self.fire("ONIMBOTMESSAGEADD", &owner, Tokens::WithRefresh, |tx| {
                        let items: Map<_, _> = bots
                            .iter()
                            .map(|bot| (bot.to_string(), tx.bot_item(*bot).into()))
                            .collect();
                        json!({
                            "BOT": items,
                            "PARAMS": params(tx.world, chat, message),
                            "USER": full_user(tx.world, message.author),
                        })
                    });
                }
                for bot in bots {
                    self.fire_v2("ONIMBOTV2MESSAGEADD", bot, Tokens::WithRefresh, |world| {
                        v2::message(world, bot, chat, message)
                    });
                }
            }
        }
    }

    /// Shows that a v1 bot is typing, as the portal does, except on open channels and for
    /// supervisors.
    pub(super) fn show_typing(&mut self, chat: &Chat, bots: &[u64]) {
        for bot in bots {
            let known = self.world.users.get(bot).and_then(|user| user.bot.as_ref());
            let types = |bot: &Bot| {
                bot.version == ApiVersion::V1
                    && bot.mode == Mode::Webhook
                    && bot.kind != BotType::Supervisor
            };
            if known.is_some_and(types) && !chat.is_line() {
                self.updates.push(Update::Typing {
                    chat: chat.id,
                    user: *bot,
                    action: None,
                    seconds: TYPING_SECONDS,
                });
            }
        }
    }

    /// Groups the bots that get v1 events by application: one event carries all bots of an
    /// application.
    pub(super) fn by_owner(&self, bots: &[u64], is_command: bool) -> Vec<(Owner, Vec<u64>)> {
        let mut groups: Vec<(Owner, Vec<u64>)> = Vec::new();
        for id in bots {
            let Some(bot) = self.world.users.get(id).and_then(|user| user.bot.as_ref()) else {
                continue;
            };
            if !self.is_posted(bot, ApiVersion::V1, is_command) {
                continue;
            }
            match groups.iter_mut().find(|(owner, _)| *owner == bot.owner) {
                Some((_, group)) => group.push(*id),
                None => groups.push((bot.owner.clone(), vec![*id])),
            }
        }
        groups
    }
}
