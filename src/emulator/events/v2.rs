//! Events of v2: one bot each, into the event log or to the subscriptions of its owner.
//!
//! protocol/bots-v2.md 3 and protocol/bots-v2.md 5, protocol/server-behaviour.md 4. Both ways carry
//! the same fields; only `bot` differs: the whole object in the log; id, code and tokens in a
//! posted event.

use serde_json::{Map, Value, json};

use crate::emulator::objects;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::World;
use crate::emulator::world::bot::{ApiVersion, Bot, Mode};
use crate::emulator::world::chat::Chat;
use crate::emulator::world::log::Row;
use crate::emulator::world::message::Message;

use super::Tokens;

/// The eight events of a bot: registration with `eventMode=webhook` subscribes to all of them.
pub(crate) const NAMES: [&str; 8] = [
    "ONIMBOTV2MESSAGEADD",
    "ONIMBOTV2MESSAGEUPDATE",
    "ONIMBOTV2MESSAGEDELETE",
    "ONIMBOTV2JOINCHAT",
    "ONIMBOTV2DELETE",
    "ONIMBOTV2CONTEXTGET",
    COMMAND,
    "ONIMBOTV2REACTIONCHANGE",
];

/// The event that ignores `eventMode`: a bot that fetches gets it both ways if its application has
/// subscribed to it for another bot.
pub(super) const COMMAND: &str = "ONIMBOTV2COMMANDADD";

impl Transaction<'_> {
    /// Sends an event of v2 to one bot, if it gets v2 events.
    ///
    /// `data` returns all fields but `bot`. Events are written to the log at once, however long the
    /// chain of events; only posted events are cut.
    pub(super) fn fire_v2(
        &mut self,
        event: &str,
        bot: u64,
        tokens: Tokens,
        data: impl Fn(&World) -> Map<String, Value>,
    ) {
        let Some(user) = self.world.users.get(&bot).cloned() else {
            return;
        };
        let Some(known) = &user.bot else {
            return;
        };
        if known.mode == Mode::Fetch {
            let row = Row {
                event: event.to_owned(),
                data: with_bot(objects::own_bot(self.world, &user), data(self.world)),
                date: self.world.clock.millis(),
            };
            self.world.log.write(bot, row);
        }
        if self.is_posted(known, ApiVersion::V2, event == COMMAND) {
            self.fire(event, &known.owner, tokens, |tx| {
                with_bot(tx.bot_item_v2(bot, known), data(tx.world))
            });
        }
    }

    /// Whether events in the format of this version are posted for a bot.
    ///
    /// The format follows the version that registered the bot, unless `both_formats` is on.
    pub(super) fn is_posted(&self, bot: &Bot, format: ApiVersion, is_command: bool) -> bool {
        (bot.mode == Mode::Webhook || is_command)
            && (bot.version == format || self.world.both_formats)
    }
}

fn with_bot(bot: Value, data: Map<String, Value>) -> Value {
    let bot = [("bot".to_owned(), bot)].into_iter();
    bot.chain(data).collect::<Map<_, _>>().into()
}

/// Returns the data of `ONIMBOTV2MESSAGEADD` and `ONIMBOTV2MESSAGEUPDATE`.
pub(super) fn message(
    world: &World,
    bot: u64,
    chat: &Chat,
    message: &Message,
) -> Map<String, Value> {
    let first = json!({ "message": objects::message(world, message) });
    with_common_fields(world, bot, chat, message.author, first)
}

/// Puts the fields of one event first and adds those that nearly all events have.
pub(super) fn with_common_fields(
    world: &World,
    bot: u64,
    chat: &Chat,
    user: u64,
    first: Value,
) -> Map<String, Value> {
    let mut data = Map::new();
    let last = json!({
        "chat": objects::chat(world, bot, chat),
        "user": objects::user(world, user),
        "language": world.language,
    });
    super::params::append(&mut data, first);
    super::params::append(&mut data, last);
    data
}
