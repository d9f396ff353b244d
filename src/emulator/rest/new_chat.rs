//! Creates groups and finds chats by their entity: `imbot.chat.add`, `imbot.chat.get`,
//! `im.chat.add`.

use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::params::{as_id, items};
use crate::emulator::actions::{Author, Draft, NewChat};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::chat::{Chat, ChatType};
use crate::emulator::world::color;

pub(super) fn add(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.as_bot()?;
    create(call, Author::Bot(bot))
}

/// Creates a group as the acting user: `imbot.chat.add` and `im.chat.add`.
pub(super) fn create(call: &mut Call<'_, '_>, author: Author) -> Answer {
    let open = call.params.text("TYPE").as_deref() == Some("OPEN");
    let kind = if open {
        ChatType::Open
    } else {
        ChatType::Group
    };
    let members = match call.params.get("USERS") {
        Some(Value::String(text)) if text.parse::<u64>().is_err() => return Err(no_list()),
        Some(users) => items(users).iter().filter_map(as_id).collect(),
        None => Vec::new(),
    };
    let title = call.params.text("TITLE").unwrap_or_default();
    let chat = call
        .tx
        .create_group(NewChat {
            kind,
            title,
            members,
        })?
        .id;
    let field = |name: &str| call.params.text(name).unwrap_or_default();
    let (description, entity_type, entity_id) = (
        field("DESCRIPTION"),
        field("ENTITY_TYPE"),
        field("ENTITY_ID"),
    );
    let color = call
        .params
        .text("COLOR")
        .and_then(|name| color::named(&name));
    call.tx.change_chat(chat, |chat| {
        (chat.description, chat.entity_type, chat.entity_id) =
            (description, entity_type, entity_id);
        chat.color = color.unwrap_or(&chat.color).to_owned();
    });
    if let Some(text) = call
        .params
        .text("MESSAGE")
        .filter(|text| !text.trim().is_empty())
    {
        call.tx.say(chat, Draft::text(author, text.trim()));
    }
    Ok(chat.into())
}

fn no_list() -> Refusal {
    Refusal::new(
        "INVALID_FORMAT",
        "A wrong format for the USERS field is passed",
    )
}

/// Returns the chat of an entity; null if a parameter is missing.
pub(super) fn get(call: &mut Call<'_, '_>) -> Answer {
    let (Some(kind), Some(id)) = (
        call.params.text("ENTITY_TYPE"),
        call.params.text("ENTITY_ID"),
    ) else {
        return Ok(Reply::default());
    };
    let fits = |chat: &&Chat| chat.entity_type == kind && chat.entity_id == id;
    let chat = call.tx.world.chats.values().find(fits);
    Ok(chat.map_or_else(Reply::default, |chat| json!({ "ID": chat.id }).into()))
}
