//! `imbot.v2.Chat.Message.read`, `.get` and `.getContext`: messages a bot may look up. See
//! protocol/bots-v2.md 7.3.

use serde_json::{Value, json};

use super::access::denied;
use crate::emulator::objects;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call, Method, method};
use crate::emulator::world::chat::Chat;
use crate::emulator::world::message::Message;

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.chat.message.read", "imbot", read),
    method("imbot.v2.chat.message.get", "imbot", get),
    method("imbot.v2.chat.message.getcontext", "imbot", context),
];

/// Maximum number of messages on either side of the requested one.
const RANGE_MAX: u64 = 50;

/// Marks all messages as read, or all up to one.
fn read(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.act_as_own_bot()?;
    let chat = call.dialog()?;
    let upto = match call.params.exact("messageId").filter(|id| !id.is_null()) {
        Some(_) => {
            let id = call
                .id_of("messageId")
                .filter(|id| chat.messages.contains(id));
            id.ok_or_else(not_found)?
        }
        None => chat.messages.back().copied().unwrap_or(0),
    };
    let before = chat.read.get(&bot).copied().unwrap_or(0);
    let last = before.max(upto);
    let world = &call.tx.world;
    let fresh = chat
        .messages
        .iter()
        .filter(|id| **id > before && **id <= last);
    let is_theirs = |id: &&u64| world.messages.get(id).is_some_and(|one| one.author != bot);
    let viewed: Vec<u64> = fresh.filter(is_theirs).copied().collect();
    call.tx.read_up_to(chat.id, last);
    let chat = call.tx.my_chat(chat.id).map_err(|_| denied())?;
    let counter = call.tx.world.unread(bot, &chat);
    Ok(
        json!({ "chatId": chat.id, "lastId": last, "counter": counter, "viewedMessages": viewed })
            .into(),
    )
}

fn get(call: &mut Call<'_, '_>) -> Answer {
    let (bot, _, message) = looked_up(call)?;
    let world = &call.tx.world;
    let shown = objects::message_in_answer(world, bot, &message);
    Ok(json!({ "message": shown, "user": objects::user(world, message.author) }).into())
}

/// Returns a message and its neighbours, oldest first.
fn context(call: &mut Call<'_, '_>) -> Answer {
    let (bot, chat, message) = looked_up(call)?;
    let range = call.id_of("range").unwrap_or(RANGE_MAX).min(RANGE_MAX);
    let range = usize::try_from(range).unwrap_or(usize::MAX);
    let place = chat
        .messages
        .iter()
        .position(|id| *id == message.id)
        .unwrap_or(0);
    let (begin, end) = (place.saturating_sub(range), place + range + 1);
    let world = &call.tx.world;
    let window = chat.messages.iter().take(end).skip(begin);
    let found: Vec<&Message> = window.filter_map(|id| world.messages.get(id)).collect();
    let mut authors: Vec<u64> = found.iter().map(|message| message.author).collect();
    authors.sort_unstable();
    authors.dedup();
    authors.retain(|id| *id > 0);
    let messages = found
        .iter()
        .map(|message| objects::message_in_answer(world, bot, message));
    let users = authors.iter().map(|id| objects::user(world, *id));
    Ok(json!({
        "messages": messages.collect::<Vec<Value>>(),
        "users": users.collect::<Vec<Value>>(),
        "hasPrevPage": begin > 0,
        "hasNextPage": end < chat.messages.len(),
    })
    .into())
}

/// Returns the message in `messageId`, for the types of bots that may look messages up.
fn looked_up(call: &mut Call<'_, '_>) -> Result<(u64, Chat, Message), Refusal> {
    let user = call.own_bot()?;
    if !user.bot.is_some_and(|bot| bot.kind.receives_all()) {
        let text = "The method is available for bots of type supervisor and personal only";
        return Err(Refusal::new("BOT_TYPE_NOT_ALLOWED", text));
    }
    call.tx.user = user.id;
    let id = call.id_of("messageId").unwrap_or(0);
    let message = call
        .tx
        .world
        .messages
        .get(&id)
        .cloned()
        .ok_or_else(not_found)?;
    let chat = call.tx.my_chat(message.chat).map_err(|_| {
        Refusal::new(
            "MESSAGE_ACCESS_DENIED",
            "You do not have access to the message",
        )
    })?;
    Ok((user.id, chat, message))
}

fn not_found() -> Refusal {
    Refusal::new("MESSAGE_NOT_FOUND", "Message not found")
}
