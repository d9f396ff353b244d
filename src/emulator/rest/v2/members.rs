//! `imbot.v2.Chat.User.*` and `imbot.v2.Chat.Manager.*`: members of a group,
//! protocol/bots-v2.md 7.2.

use serde_json::Value;

use super::access::denied;
use super::chats::group;
use super::done;
use crate::emulator::objects;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::{Answer, Call, Method, method};
use crate::emulator::rest::params::{as_id, as_text, items};
use crate::emulator::world::chat::Chat;

pub(super) const METHODS: &[Method] = &[
    method("imbot.v2.chat.user.add", "imbot", add),
    method("imbot.v2.chat.user.delete", "imbot", delete),
    method("imbot.v2.chat.user.list", "imbot", list),
    method("imbot.v2.chat.manager.add", "imbot", add_managers),
    method("imbot.v2.chat.manager.delete", "imbot", delete_managers),
];

/// Default and maximum number of users in an answer.
const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 200;

/// Adds users; unknown ones are skipped.
fn add(call: &mut Call<'_, '_>) -> Answer {
    let chat = managed(call)?;
    let mut users = ids(call);
    users.retain(|id| call.tx.world.users.contains_key(id));
    call.tx.invite(chat.id, &users).map_err(|_| denied())?;
    done()
}

/// Removes a user; a user who is not a member is not an error.
fn delete(call: &mut Call<'_, '_>) -> Answer {
    let chat = managed(call)?;
    let user = call.id_of("userId").ok_or_else(denied)?;
    if chat.has(user) {
        call.tx.remove_member(chat.id, user).map_err(|_| denied())?;
    }
    done()
}

/// Returns the group, if the bot may change its members.
fn managed(call: &mut Call<'_, '_>) -> Result<Chat, Refusal> {
    let bot = call.act_as_own_bot()?;
    let chat = group(call)?;
    Some(chat)
        .filter(|chat| chat.is_manager(bot))
        .ok_or_else(denied)
}

/// Returns the members, in the order they joined or by `order`. Unlike other answers, it is a plain
/// list.
fn list(call: &mut Call<'_, '_>) -> Answer {
    call.act_as_own_bot()?;
    let chat = call.dialog()?;
    let world = &call.tx.world;
    let mut members = chat.members.clone();
    let order = call.params.exact("order").and_then(Value::as_object);
    if let Some((by, way)) = order.and_then(|order| order.iter().next()) {
        let last = |user: u64| {
            let mut sent = chat.messages.iter().rev();
            sent.find(|id| {
                world
                    .messages
                    .get(id)
                    .is_some_and(|message| message.author == user)
            })
        };
        match by.as_str() {
            "userId" => members.sort_unstable(),
            "lastSendMessageId" => members.sort_by_key(|user| last(*user).copied()),
            _ => {}
        }
        if as_text(way).is_some_and(|way| way.eq_ignore_ascii_case("DESC")) {
            members.reverse();
        }
    }
    let limit = call.id_of("limit").unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let page = members
        .iter()
        .take(usize::try_from(limit).unwrap_or(usize::MAX));
    let users: Vec<Value> = page.map(|id| objects::user(world, *id)).collect();
    Ok(users.into())
}

fn add_managers(call: &mut Call<'_, '_>) -> Answer {
    let (chat, users) = owned(call)?;
    call.tx
        .change_chat(chat.id, |chat| chat.managers.extend(users));
    done()
}

fn delete_managers(call: &mut Call<'_, '_>) -> Answer {
    let (chat, users) = owned(call)?;
    call.tx.change_chat(chat.id, |chat| {
        chat.managers.retain(|id| !users.contains(id))
    });
    done()
}

/// Returns the group, which the bot must own, and the users who are members of it.
fn owned(call: &mut Call<'_, '_>) -> Result<(Chat, Vec<u64>), Refusal> {
    let bot = call.act_as_own_bot()?;
    let mut users = ids(call);
    if users.is_empty() {
        return Err(Refusal::new("EMPTY_USER_IDS", "User IDs are empty"));
    }
    let chat = group(call)?;
    users.retain(|id| chat.has(*id));
    if chat.owner == bot {
        Ok((chat, users))
    } else {
        Err(denied())
    }
}

fn ids(call: &Call<'_, '_>) -> Vec<u64> {
    let ids = call.params.exact("userIds").map(items).unwrap_or_default();
    ids.iter().filter_map(as_id).collect()
}
