//! `im.dialog.*` and `imbot.dialog.get`: dialogs and their messages.

use serde_json::{Value, json};

use super::call::{Answer, Call, Method, method};
use crate::emulator::clock::{iso, timestamp};
use crate::emulator::refusal::no_access;
use crate::emulator::world::World;
use crate::emulator::world::chat::{Chat, ChatType};
use crate::emulator::world::color;
use crate::emulator::world::message::Message;

pub(super) const METHODS: &[Method] = &[
    method("im.dialog.get", "im", dialog),
    method("im.dialog.messages.get", "im", messages),
    method("imbot.dialog.get", "imbot", dialog),
];

/// Maximum and default number of messages in an answer.
const MESSAGES_MAX: usize = 50;
const MESSAGES_DEFAULT: usize = 20;

/// Returns the newest messages of a dialog, or those before or after one.
fn messages(call: &mut Call<'_, '_>) -> Answer {
    let dialog_id = call.dialog_id()?;
    let chat = call.tx.chat_at(&dialog_id)?;
    let world = &call.tx.world;
    let wanted = call
        .params
        .id("LIMIT")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MESSAGES_DEFAULT);
    let before = call.params.id("LAST_ID").unwrap_or(u64::MAX);
    let after = call.params.id("FIRST_ID").unwrap_or(0);
    let window = chat
        .messages
        .iter()
        .rev()
        .filter(|id| **id < before && **id > after);
    let found: Vec<&Message> = window
        .take(wanted.min(MESSAGES_MAX))
        .filter_map(|id| world.messages.get(id))
        .collect();
    let listed: Vec<Value> = found.iter().map(|message| brief(message)).collect();
    let mut authors: Vec<u64> = found
        .iter()
        .map(|message| message.author)
        .filter(|id| *id > 0)
        .collect();
    authors.sort_unstable();
    authors.dedup();
    let users: Vec<Value> = authors
        .into_iter()
        .filter_map(|id| author(world, id))
        .collect();
    Ok(json!({ "chat_id": chat.id, "messages": listed, "users": users, "files": [] }).into())
}

fn brief(message: &Message) -> Value {
    json!({
        "id": message.id,
        "chat_id": message.chat,
        "author_id": message.author,
        "date": iso(timestamp(message.date)),
        "text": message.text,
        "unread": false,
        "params": {
            "IS_EDITED": if message.edited { "Y" } else { "N" },
            "IS_DELETED": if message.deleted { "Y" } else { "N" },
            "KEYBOARD": message.rich.keyboard,
            "ATTACH": message.rich.attach,
        },
    })
}

pub(super) fn author(world: &World, id: u64) -> Option<Value> {
    let user = world.users.get(&id)?;
    Some(json!({
        "id": user.id,
        "name": user.name(),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "work_position": user.position,
        "gender": user.gender,
        "color": color::hex(&user.color),
        "bot": user.bot.is_some(),
        "connector": user.guest.is_some(),
    }))
}

/// Returns a dialog: `im.dialog.get`, and `imbot.dialog.get`, which uses the token's user.
fn dialog(call: &mut Call<'_, '_>) -> Answer {
    let dialog_id = call.dialog_id()?;
    let chat = match call.tx.chat_at(&dialog_id) {
        Ok(chat) => chat,
        Err(_) => call
            .as_bot()
            .and_then(|_| call.tx.chat_at(&dialog_id))
            .map_err(|_| no_access())?,
    };
    Ok(described(call.tx.world, call.tx.user, &chat).into())
}

pub(super) fn described(world: &World, viewer: u64, chat: &Chat) -> Value {
    let last = chat.messages.back().copied().unwrap_or(0);
    let managers: Vec<u64> = chat.managers.iter().copied().collect();
    json!({
        "id": chat.id,
        "parent_chat_id": 0,
        "parent_message_id": 0,
        "name": world.title(viewer, chat),
        "description": chat.description,
        "owner": chat.owner,
        "extranet": false,
        "avatar": "",
        "color": color::hex(&chat.color),
        "type": match chat.kind {
            ChatType::Private => "private",
            ChatType::Line => "lines",
            ChatType::Group | ChatType::Open => "chat",
        },
        "counter": world.unread(viewer, chat),
        "user_counter": chat.members.len(),
        "message_count": chat.messages.len(),
        "unread_id": chat.read.get(&viewer).copied().unwrap_or(0),
        "last_message_id": last,
        "last_id": last,
        "marked_id": 0,
        "disk_folder_id": 0,
        "entity_type": chat.entity_type,
        "entity_id": chat.entity_id,
        "entity_data_1": chat.entity_data[0],
        "entity_data_2": chat.entity_data[1],
        "entity_data_3": chat.entity_data[2],
        "mute_list": [],
        "date_create": iso(timestamp(chat.created)),
        "message_type": chat.kind.letter(),
        "public": "",
        "role": if chat.owner == viewer { "owner" } else { "member" },
        "text_field_enabled": true,
        "background_id": null,
        "is_new": false,
        "readed_list": [],
        "manager_list": managers,
        "dialog_id": world.dialog_id(viewer, chat),
    })
}
