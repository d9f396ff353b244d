//! `imbot.chat.*`: groups managed by bots.

use serde_json::Value;

use super::call::{Answer, Call, Method, method, wrong_request, yes};
use super::new_chat::{add, get};
use super::params::{as_id, items};
use crate::emulator::refusal::{Refusal, no_access};
use crate::emulator::world::color;

pub(super) const METHODS: &[Method] = &[
    method("imbot.chat.add", "imbot", add),
    method("imbot.chat.get", "imbot", get),
    method("imbot.chat.leave", "imbot", leave),
    method("imbot.chat.setowner", "imbot", set_owner),
    method("imbot.chat.setmanager", "imbot", set_manager),
    method("imbot.chat.updatetitle", "imbot", update_title),
    method("imbot.chat.updatecolor", "imbot", update_color),
    method("imbot.chat.updateavatar", "imbot", update_avatar),
    method("imbot.chat.user.add", "imbot", add_users),
    method("imbot.chat.user.delete", "imbot", delete_user),
    method("imbot.chat.user.list", "imbot", list_users),
];

fn leave(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.as_bot()?;
    let chat = call.group()?.id;
    call.tx.remove_member(chat, bot)?;
    yes()
}

fn set_owner(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.as_bot()?;
    let (chat, user) = (call.chat_id()?, call.user_id()?);
    let chat = call.tx.my_group(chat)?;
    if chat.owner != bot || !chat.has(user) {
        return Err(wrong_request(
            "Change owner can only owner and user must be member in chat",
        ));
    }
    call.tx.change_chat(chat.id, |chat| chat.owner = user);
    yes()
}

fn set_manager(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.as_bot()?;
    let (chat, user) = (call.chat_id()?, call.user_id()?);
    let chat = call
        .tx
        .my_group(chat)
        .map_err(|_| wrong_request("Change managers can only owner"))?;
    if chat.owner != bot || !chat.has(user) {
        return Err(wrong_request(
            "Change managers can only owner and user must be member in chat",
        ));
    }
    let manages = call.params.unless_no("IS_MANAGER");
    call.tx.change_chat(chat.id, |chat| {
        if manages {
            chat.managers.insert(user)
        } else {
            chat.managers.remove(&user)
        };
    });
    yes()
}

fn update_title(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let chat = call.chat_id()?;
    let title = call
        .params
        .text("TITLE")
        .map(|title| title.trim().to_owned())
        .filter(|title| !title.is_empty());
    let title = title.ok_or_else(|| Refusal::new("TITLE_EMPTY", "Title can't be empty"))?;
    call.tx.rename(chat, &title)?;
    yes()
}

fn update_color(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let chat = call.group()?;
    let color = call
        .params
        .text("COLOR")
        .and_then(|name| color::named(&name));
    let color =
        color.ok_or_else(|| Refusal::new("WRONG_COLOR", "This color currently unavailable"))?;
    if chat.color == color {
        return Err(wrong_request("This color already set or chat isn't exists"));
    }
    call.tx
        .change_chat(chat.id, |chat| color.clone_into(&mut chat.color));
    yes()
}

/// Accepts a picture and stores only that there is one.
fn update_avatar(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let chat = call.group()?.id;
    let picture = call
        .params
        .text("AVATAR")
        .filter(|picture| !picture.is_empty());
    picture.ok_or_else(|| Refusal::new("AVATAR_ERROR", "Avatar incorrect"))?;
    call.tx.change_chat(chat, |chat| chat.avatar += 1);
    yes()
}

fn add_users(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    invite(call)
}

/// Adds the `USERS` to a group: `imbot.chat.user.add` and `im.chat.user.add`.
pub(super) fn invite(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.chat_id()?;
    let users: Vec<u64> = call
        .params
        .get("USERS")
        .map(items)
        .unwrap_or_default()
        .iter()
        .filter_map(as_id)
        .collect();
    if users.is_empty() {
        return Err(wrong_request("Users can't be empty"));
    }
    call.tx.invite(chat, &users)?;
    yes()
}

fn delete_user(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let (chat, user) = (call.chat_id()?, call.user_id()?);
    call.tx.remove_member(chat, user)?;
    yes()
}

fn list_users(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let chat = call.chat_id()?;
    let chat = call.tx.my_chat(chat).map_err(|_| no_access())?;
    Ok(Value::from(chat.members).into())
}
