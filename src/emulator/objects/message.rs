//! `Message`, including mentions.

use serde_json::{Map, Value, json};

use crate::emulator::clock::{iso, timestamp};
use crate::emulator::world::World;
use crate::emulator::world::message::{Message, OutsideState};

/// Returns a message as events and answers print it.
///
/// `chat_id` and `author_id` repeat their neighbours, as seen on portals. `params` is a PHP array:
/// `[]` if empty. Its keys are not documented; these were seen in captures or are named as in
/// `im.dialog.messages.get`.
pub(crate) fn message(world: &World, message: &Message) -> Value {
    json!({
        "id": message.id,
        "chatId": message.chat,
        "chat_id": message.chat,
        "authorId": message.author,
        "author_id": message.author,
        "date": iso(timestamp(message.date)),
        "text": message.text,
        "isSystem": message.system,
        "uuid": message.refs.uuid,
        "forward": message.refs.forward.as_ref().map(|from| json!({
            "id": format!("{}/{}", from.chat, from.id),
            "userId": from.user,
            "chatId": from.chat,
            "date": iso(timestamp(from.date)),
        })),
        "params": params(world, message),
        "viewedByOthers": is_viewed(world, message),
    })
}

/// Returns a message as methods print it: with whether the viewer has seen it.
pub(crate) fn message_in_answer(world: &World, viewer: u64, shown: &Message) -> Value {
    let chat = world.chats.get(&shown.chat);
    let read = chat
        .and_then(|chat| chat.read.get(&viewer))
        .copied()
        .unwrap_or(0);
    let is_viewed = shown.author == viewer || shown.id <= read;
    let mut answer = message(world, shown);
    answer["unread"] = (!is_viewed).into();
    answer["viewed"] = is_viewed.into();
    answer
}

fn params(world: &World, message: &Message) -> Value {
    let mut params = Map::new();
    let rich = &message.rich;
    for (name, part) in [("ATTACH", &rich.attach), ("KEYBOARD", &rich.keyboard)] {
        if let Some(part) = part {
            params.insert(name.to_owned(), part.clone());
        }
    }
    if message.refs.outside.state == OutsideState::Silent && !world.is_bot(message.author) {
        params.insert("COMPONENT_ID".to_owned(), "HiddenMessage".into());
    }
    if let Some(reply) = message.refs.reply {
        params.insert("REPLY_ID".to_owned(), reply.into());
    }
    if !message.refs.files.is_empty() {
        let ids = message
            .refs
            .files
            .iter()
            .map(|id| Value::from(id.to_string()));
        params.insert("FILE_ID".to_owned(), ids.collect::<Vec<_>>().into());
    }
    if params.is_empty() {
        json!([])
    } else {
        params.into()
    }
}

/// Whether anybody but the author has read up to this message.
fn is_viewed(world: &World, message: &Message) -> bool {
    let Some(chat) = world.chats.get(&message.chat) else {
        return false;
    };
    chat.read
        .iter()
        .any(|(user, last)| *user != message.author && *last >= message.id)
}
