//! Members of the chats of a CRM object: `imopenlines.crm.chat.user.add` and `.delete`.

use super::super::call::{Answer, Call, Method, method};
use super::crm::tied;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::chat::Chat;

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.crm.chat.user.add", "imopenlines", add),
    method("imopenlines.crm.chat.user.delete", "imopenlines", delete),
];

/// Adds a person or a bot; returns the chat, or `0` if the user is already in it.
fn add(call: &mut Call<'_, '_>) -> Answer {
    let chat = meant(call)?;
    let user = user(call)?;
    if !call.tx.world.users.contains_key(&user) {
        let text = "The user does not work here";
        return Err(Refusal::new("CRM_CHAT_USER_NOT_ACTIVE", text));
    }
    if chat.has(user) {
        return Ok(0.into());
    }
    call.tx.add_to_chat(chat.id, user);
    Ok(chat.id.into())
}

/// Removes a user; returns the chat, or `0` if the user was not in it.
fn delete(call: &mut Call<'_, '_>) -> Answer {
    let chat = meant(call)?;
    let user = user(call)?;
    if !chat.has(user) {
        return Ok(0.into());
    }
    if call.tx.world.is_guest(user) {
        let text = "The client cannot be taken out of the chat";
        return Err(Refusal::new("CHAT_DELETE_USER_PERMISSION_DENIED", text).status(403));
    }
    call.tx.remove_from_chat(chat.id, user);
    Ok(chat.id.into())
}

fn user(call: &Call<'_, '_>) -> Result<u64, Refusal> {
    let user = call.params.id("USER_ID");
    user.ok_or_else(|| Refusal::new("CRM_CHAT_EMPTY_USER", "User ID can't be empty"))
}

/// Returns the chat in `CHAT_ID`, which must belong to the CRM object, or the object's last chat.
fn meant(call: &Call<'_, '_>) -> Result<Chat, Refusal> {
    let mut chats = tied(call)?;
    let found = match call.params.id("CHAT_ID") {
        Some(id) => chats.into_iter().find(|chat| chat.id == id),
        None => chats.pop(),
    };
    found.ok_or_else(|| {
        Refusal::new(
            "CHAT_NOT_IN_CRM",
            "The chat does not belong to the CRM entity",
        )
    })
}
