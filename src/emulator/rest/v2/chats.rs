//! `imbot.v2.Chat.*`: groups managed by bots, protocol/bots-v2.md 7.2.

use serde_json::{Map, Value, json};

use super::access::denied;
use super::done;
use super::registration::{flag_at, text};
use crate::emulator::actions::{Author, Draft, NewChat};
use crate::emulator::objects;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call, Method, method};
use crate::emulator::rest::params::{as_id, as_text, items};
use crate::emulator::world::chat::{Chat, ChatType};
use crate::emulator::world::color;

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.chat.add", "imbot", add),
    method("imbot.v2.chat.get", "imbot", get),
    method("imbot.v2.chat.update", "imbot", update),
    method("imbot.v2.chat.leave", "imbot", leave),
    method("imbot.v2.chat.setowner", "imbot", set_owner),
    method("imbot.v2.chat.textfield.enabled", "imbot", text_field),
];

/// Creates a group of the bot and existing users; unknown users are skipped, as unknown fields are.
fn add(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let fields = call.content();
    let owner = fields.get("ownerId").and_then(as_id).unwrap_or(bot);
    let asked = fields.get("userIds").map(items).unwrap_or_default();
    let mut members: Vec<u64> = asked.iter().filter_map(as_id).collect();
    members.push(owner);
    members.retain(|id| call.tx.world.users.contains_key(id));
    let is_open = text(&fields, "type").as_deref() == Some("open");
    let new = NewChat {
        kind: if is_open {
            ChatType::Open
        } else {
            ChatType::Group
        },
        title: text(&fields, "title").unwrap_or_default(),
        members,
    };
    let chat = call.tx.create_group(new)?.id;
    describe(call, chat, &fields);
    if call.tx.world.users.contains_key(&owner) {
        call.tx.change_chat(chat, |chat| chat.owner = owner);
    }
    if let Some(text) = text(&fields, "message") {
        let draft = Draft::text(Author::User(bot), text.trim());
        call.tx.say(chat, draft);
    }
    let chat = call.tx.my_chat(chat).map_err(|_| denied())?;
    let world = &call.tx.world;
    let users: Vec<Value> = chat
        .members
        .iter()
        .map(|id| objects::user(world, *id))
        .collect();
    let shown = objects::chat_in_answer(world, bot, &chat);
    Ok(json!({ "chat": shown, "users": users }).into())
}

/// Sets the fields of a group, except for its title; an unknown colour is skipped.
fn describe(call: &mut Call<'_, '_>, chat: u64, fields: &Map<String, Value>) {
    let color = text(fields, "color").and_then(|name| color::camel(&name));
    let avatar = text(fields, "avatar").is_some();
    call.tx.change_chat(chat, |chat| {
        if let Some(description) = fields.get("description").and_then(as_text) {
            chat.description = description;
        }
        color
            .unwrap_or(&chat.color.clone())
            .clone_into(&mut chat.color);
        chat.avatar += u64::from(avatar);
    });
}

fn get(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let chat = call.dialog()?;
    let shown = objects::chat_in_answer(call.tx.world, bot, &chat);
    Ok(json!({ "chat": shown }).into())
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    call.act_as_own_bot()?;
    let chat = group(call)?.id;
    let fields = call.content();
    if let Some(title) = text(&fields, "title") {
        call.tx.rename(chat, &title).map_err(|_| denied())?;
    }
    describe(call, chat, &fields);
    done()
}

fn leave(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let chat = group(call)?.id;
    call.tx.remove_member(chat, bot).map_err(|_| denied())?;
    done()
}

/// Transfers a group to one of its members; only the owner may.
fn set_owner(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let chat = group(call)?;
    let user = call.id_of("userId").filter(|user| chat.has(*user));
    let user = user.filter(|_| chat.owner == bot).ok_or_else(denied)?;
    call.tx.change_chat(chat.id, |chat| chat.owner = user);
    done()
}

/// Shows or hides the text field; hiding it does not prevent other ways of writing.
fn text_field(call: &mut Call<'_, '_>) -> Answer {
    call.act_as_own_bot()?;
    let chat = call.dialog()?.id;
    let enabled = flag_at(call, "enabled").unwrap_or(true);
    call.tx.change_chat(chat, |chat| chat.text_field = enabled);
    done()
}

/// Returns the group in `dialogId`; fails for a private dialog.
pub(super) fn group(call: &mut Call<'_, '_>) -> Result<Chat, Refusal> {
    let chat = call.dialog()?;
    if chat.is_private() {
        Err(denied())
    } else {
        Ok(chat)
    }
}
