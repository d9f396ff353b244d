//! `data[PARAMS]` of message events, and the parts that typed commands share.
//!
//! protocol/server-behaviour.md 3.3; the keys are in the order of the documentation's samples.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::emulator::objects;
use crate::emulator::world::World;
use crate::emulator::world::chat::{Chat, ChatType};
use crate::emulator::world::message::Message;

use super::mention::{mentioned, without_mentions};
use super::params::{FLAGS, append, entity_data, flag, ids};

/// Returns `data[PARAMS]` of a message event.
pub(super) fn params(world: &World, chat: &Chat, message: &Message) -> Value {
    let named = mentioned(&message.text);
    let text = if chat.is_private() {
        message.text.clone()
    } else {
        without_mentions(&message.text)
    };
    let mut fields = heading(world, chat, message, &text);
    if chat.is_private() {
        fields.insert("TO_USER_ID".to_owned(), chat.partner(message.author).into());
    } else {
        append(&mut fields, in_group(chat, message, Value::Null));
    }
    append(&mut fields, flags(message));
    append(
        &mut fields,
        json!({ "COMMAND_CONTEXT": "TEXTAREA", "CHAT_USER_COUNT": chat.members.len() }),
    );
    append(
        &mut fields,
        json!({ "MENTIONED_LIST": ids(named.iter().copied()), "PLATFORM_CONTEXT": "web" }),
    );
    if !chat.is_private() {
        let first = named.first().copied().unwrap_or(0);
        append(
            &mut fields,
            json!({ "MESSAGE_ORIGINAL": message.text, "TO_USER_ID": first }),
        );
    }
    fields.insert("FILES".to_owned(), files(world, message));
    if let Some(reply) = message.refs.reply {
        fields.insert("PARAMS".to_owned(), json!({ "REPLY_ID": reply }));
    }
    append(&mut fields, ending(world, chat, message));
    fields.into()
}

/// Returns `FILES`, by id; without files the key is lost in the form encoding.
fn files(world: &World, message: &Message) -> Value {
    let found = message
        .refs
        .files
        .iter()
        .filter_map(|id| world.files.get(*id));
    found
        .map(|file| (file.id.to_string(), objects::full_file(world, file)))
        .collect::<Map<_, _>>()
        .into()
}

/// Returns the start of `data[PARAMS]` of messages and typed commands.
pub(super) fn heading(
    world: &World,
    chat: &Chat,
    message: &Message,
    text: &str,
) -> Map<String, Value> {
    let mut fields = Map::new();
    append(
        &mut fields,
        json!({
            "MESSAGE": text,
            "TEMPLATE_ID": Uuid::new_v4().to_string(),
            "MESSAGE_TYPE": chat.kind.letter(),
            "FROM_USER_ID": message.author,
            "DIALOG_ID": dialog_id_for_bots(world, chat, message.author),
            "TO_CHAT_ID": chat.id,
            "AUTHOR_ID": message.author,
            "SYSTEM": flag(message.system),
        }),
    );
    fields
}

/// Returns the fields about a group; `parents` are the two fields that only commands have.
pub(super) fn in_group(chat: &Chat, message: &Message, parents: Value) -> Value {
    let before = chat
        .messages
        .iter()
        .rev()
        .find(|id| **id < message.id)
        .copied()
        .unwrap_or(0);
    let mut fields = Map::new();
    append(&mut fields, json!({ "CHAT_ID": chat.id }));
    append(&mut fields, parents);
    append(
        &mut fields,
        json!({
            "CHAT_TITLE": chat.title,
            "CHAT_AUTHOR_ID": chat.owner,
            "CHAT_TYPE": chat.kind.letter(),
            "CHAT_AVATAR": chat.avatar,
            "CHAT_COLOR": chat.color,
            "CHAT_ENTITY_TYPE": chat.entity_type,
            "CHAT_ENTITY_ID": chat.entity_id,
        }),
    );
    append(&mut fields, entity_data(chat));
    append(
        &mut fields,
        json!({
            "CHAT_EXTRANET": flag(chat.kind == ChatType::Line),
            "CHAT_PREV_MESSAGE_ID": before,
            "CHAT_CAN_POST": "MEMBER",
            "RID": message.author,
            "IS_MANAGER": flag(chat.is_manager(message.author)),
        }),
    );
    fields.into()
}

/// Returns the end of `data[PARAMS]` of messages and typed commands.
pub(super) fn ending(world: &World, chat: &Chat, message: &Message) -> Value {
    json!({ "MESSAGE_ID": message.id, "CHAT_TYPE": chat.kind.letter(), "LANGUAGE": world.language })
}

/// Returns the send flags, `SKIP_URL_INDEX` last.
fn flags(message: &Message) -> Value {
    let pairs = FLAGS.iter().chain(&[("SKIP_URL_INDEX", "N")]);
    let set = message.refs.outside.state.flag();
    pairs
        .map(|(key, value)| {
            let value = if set == Some(*key) { "Y" } else { *value };
            ((*key).to_owned(), Value::from(value))
        })
        .collect::<Map<_, _>>()
        .into()
}

/// Returns `DIALOG_ID` as a bot sees it: in a private chat the author's id.
pub(super) fn dialog_id_for_bots(world: &World, chat: &Chat, author: u64) -> String {
    world.dialog_id(chat.partner(author), chat)
}
