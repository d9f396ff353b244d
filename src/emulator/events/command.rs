//! `ONIMCOMMANDADD` and `ONIMBOTV2COMMANDADD`, for typed and pressed commands:
//! protocol/server-behaviour.md 7.
//!
//! A typed command carries almost everything a message event carries, including mentions. A pressed
//! button carries little; its `MESSAGE_ID` is the message with the keyboard.

use serde_json::{Map, Value, json};

use crate::emulator::objects;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::World;
use crate::emulator::world::access::Owner;
use crate::emulator::world::bot::{ANSWER_WINDOW_MS, Use};
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;

use super::Tokens;
use super::audience::CommandCall;
use super::message_params::{dialog_id_for_bots, ending, heading, in_group};
use super::params::{FLAGS, append, chat_types, ids, user};
use super::v2;

/// Values of `COMMAND_CONTEXT`: how a command was given.
const TYPED: &str = "TEXTAREA";
const PRESSED: &str = "KEYBOARD";

impl Transaction<'_> {
    /// Notifies the bots of the commands found in a message.
    pub(super) fn announce_commands(
        &mut self,
        chat: &Chat,
        message: &Message,
        called: &[CommandCall],
    ) {
        let bots: Vec<u64> = called
            .iter()
            .filter_map(|called| Some(self.world.commands.get(&called.command)?.bot))
            .collect();
        self.show_typing(chat, &bots);
        let params = typed(self.world, chat, message);
        self.command_event(chat, message.id, message.author, called, TYPED, &params);
    }

    /// Notifies a bot that a button or a menu item with one of its commands was pressed.
    pub(crate) fn announce_press(
        &mut self,
        chat: &Chat,
        message: u64,
        user: u64,
        called: CommandCall,
    ) {
        let Some(command) = self.world.commands.get(&called.command) else {
            return;
        };
        let text = format!("/{} {}", command.name, called.params)
            .trim_end()
            .to_owned();
        let params = pressed(self.world, chat, message, user, &text);
        self.command_event(chat, message, user, &[called], PRESSED, &params);
    }

    fn command_event(
        &mut self,
        chat: &Chat,
        message: u64,
        author: u64,
        called: &[CommandCall],
        context: &str,
        params: &Value,
    ) {
        self.open_uses(chat.id, message, called);
        for (owner, called) in self.commands_by_owner(called) {
            self.fire("ONIMCOMMANDADD", &owner, Tokens::WithRefresh, |tx| {
                let items: Map<_, _> = called
                    .iter()
                    .map(|called| {
                        (
                            called.command.to_string(),
                            tx.command_item(called, message, context),
                        )
                    })
                    .collect();
                json!({ "COMMAND": items, "PARAMS": params, "USER": user(tx.world, author) })
            });
        }
        for called in called {
            self.command_event_v2(chat, message, author, called, context);
        }
    }

    /// Sends the event of v2, one for each command. `message` is the whole message: for a pressed
    /// button the one with the keyboard.
    fn command_event_v2(
        &mut self,
        chat: &Chat,
        message: u64,
        author: u64,
        called: &CommandCall,
        context: &str,
    ) {
        let Some(command) = self.world.commands.get(&called.command).cloned() else {
            return;
        };
        let bot = command.bot;
        self.fire_v2(v2::COMMAND, bot, Tokens::WithRefresh, |world| {
            let found = world.messages.get(&message);
            let first = json!({
                "command": {
                    "id": command.id,
                    "command": format!("/{}", command.name),
                    "params": called.params,
                    "context": context.to_lowercase(),
                },
                "message": found.map(|message| objects::message(world, message)),
            });
            v2::with_common_fields(world, bot, chat, author, first)
        });
    }

    /// Lets the bots of these commands answer them.
    fn open_uses(&mut self, chat: u64, message: u64, called: &[CommandCall]) {
        let now = self.world.clock.millis();
        self.world.uses.retain(|open| open.until > now);
        for called in called {
            self.world.uses.push(Use {
                command: called.command,
                message,
                chat,
                until: now + ANSWER_WINDOW_MS,
            });
        }
    }

    fn command_item(&mut self, called: &CommandCall, message: u64, context: &str) -> Value {
        let Some(command) = self.world.commands.get(&called.command).cloned() else {
            return Value::Null;
        };
        let mut item = self.bot_item(command.bot);
        append(
            &mut item,
            json!({
                "COMMAND": command.name,
                "COMMAND_ID": command.id,
                "COMMAND_PARAMS": called.params,
                "COMMAND_CONTEXT": context,
                "MESSAGE_ID": message,
            }),
        );
        item.into()
    }

    fn commands_by_owner(&self, called: &[CommandCall]) -> Vec<(Owner, Vec<CommandCall>)> {
        let bot_of = |called: &CommandCall| {
            self.world
                .commands
                .get(&called.command)
                .map(|command| command.bot)
        };
        let bots: Vec<u64> = called.iter().filter_map(bot_of).collect();
        let mine = |bots: &[u64]| -> Vec<CommandCall> {
            called
                .iter()
                .filter(|called| bot_of(called).is_some_and(|bot| bots.contains(&bot)))
                .cloned()
                .collect()
        };
        self.by_owner(&bots, true)
            .into_iter()
            .map(|(owner, bots)| (owner, mine(&bots)))
            .collect()
    }
}

/// Returns `data[PARAMS]` of a typed command.
fn typed(world: &World, chat: &Chat, message: &Message) -> Value {
    let mut fields = heading(world, chat, message, &message.text);
    if chat.is_private() {
        fields.insert("TO_USER_ID".to_owned(), chat.partner(message.author).into());
    } else {
        append(
            &mut fields,
            in_group(
                chat,
                message,
                json!({ "CHAT_PARENT_ID": 0, "CHAT_PARENT_MID": 0 }),
            ),
        );
        let bots = chat.members.iter().copied().filter(|id| world.is_bot(*id));
        fields.insert("BOT_IN_CHAT".to_owned(), ids(bots));
    }
    fields.insert("SKIP_USER_CHECK".to_owned(), "Y".into());
    for (key, value) in FLAGS {
        if key == "RECENT_SKIP_AUTHOR" {
            fields.insert("RECENT_ADD".to_owned(), "Y".into());
        }
        fields.insert(key.to_owned(), value.into());
    }
    fields.insert("SKIP_URL_INDEX".to_owned(), "N".into());
    append(&mut fields, ending(world, chat, message));
    fields.into()
}

/// Returns `data[PARAMS]` of a pressed button.
fn pressed(world: &World, chat: &Chat, message: u64, user: u64, text: &str) -> Value {
    let mut fields = Map::new();
    append(
        &mut fields,
        json!({ "FROM_USER_ID": user, "AUTHOR_ID": user }),
    );
    if chat.is_private() {
        fields.insert("TO_USER_ID".to_owned(), chat.partner(user).into());
    } else {
        fields.insert("TO_CHAT_ID".to_owned(), chat.id.into());
    }
    fields.insert("MESSAGE".to_owned(), text.into());
    append(&mut fields, chat_types(chat));
    append(
        &mut fields,
        json!({
            "CHAT_ENTITY_TYPE": chat.entity_type,
            "CHAT_ENTITY_ID": chat.entity_id,
            "DIALOG_ID": dialog_id_for_bots(world, chat, user),
            "MESSAGE_ID": message,
            "LANGUAGE": world.language,
        }),
    );
    fields.into()
}
