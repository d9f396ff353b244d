//! Chats of open channels in CRM: `imopenlines.crm.chat.get` and `.getLastId`, `.crm.lead.create`,
//! `.crm.message.add`, `.message.quick.save`. See protocol/open-channels.md 7.

use serde_json::{Value, json};

use super::super::call::{Answer, Call, Method, method, yes};
use super::super::params::is_yes;
use super::chat;
use crate::emulator::actions::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::chat::Chat;

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.crm.chat.get", "imopenlines", chats),
    method("imopenlines.crm.chat.getlastid", "imopenlines", last),
    method("imopenlines.crm.lead.create", "imopenlines", make_lead),
    method("imopenlines.crm.message.add", "imopenlines", say),
    method("imopenlines.message.quick.save", "imopenlines", save),
];

/// The kinds of objects a chat can be linked to.
const KINDS: [&str; 4] = ["lead", "deal", "company", "contact"];

/// Returns kind and id of the CRM object of a call.
pub(super) fn entity(call: &Call<'_, '_>) -> Result<(String, u64), Refusal> {
    let kind = call.params.text("CRM_ENTITY_TYPE").unwrap_or_default();
    let kind = kind.to_lowercase();
    match call.params.id("CRM_ENTITY") {
        Some(id) if KINDS.contains(&kind.as_str()) => Ok((kind.to_uppercase(), id)),
        _ => Err(Refusal::new(
            "ERROR_ARGUMENT",
            "CRM_ENTITY_TYPE and CRM_ENTITY are required",
        )),
    }
}

/// Returns the chats of the CRM object of a call, oldest first.
pub(super) fn tied(call: &Call<'_, '_>) -> Result<Vec<Chat>, Refusal> {
    let (kind, id) = entity(call)?;
    Ok(call.tx.chats_in_crm(&kind, id))
}

/// Returns the chats of a CRM object; those without an open session only if `ACTIVE_ONLY` is `N`.
fn chats(call: &mut Call<'_, '_>) -> Answer {
    let all = call
        .params
        .get("ACTIVE_ONLY")
        .is_some_and(|flag| !is_yes(flag));
    let chats = tied(call)?;
    let lines = &call.tx.world.lines;
    let shown = chats
        .iter()
        .filter(|chat| all || lines.open_session(chat.id).is_some());
    let listed: Vec<Value> = shown
        .filter_map(|chat| {
            let (connector, _) = call.tx.connector_of(chat)?;
            Some(json!({
                "CHAT_ID": chat.id.to_string(),
                "CONNECTOR_ID": connector.id,
                "CONNECTOR_TITLE": connector.title,
            }))
        })
        .collect();
    Ok(listed.into())
}

fn last(call: &mut Call<'_, '_>) -> Answer {
    let chats = tied(call)?;
    let last = chats.last().map(|chat| chat.id);
    let last = last.ok_or_else(|| {
        Refusal::new(
            "CRM_CHAT_EMPTY_CRM_DATA",
            "There is no chat of this CRM entity",
        )
    })?;
    Ok(last.into())
}

/// Stores the session of a chat as a lead.
fn make_lead(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    let session = call.tx.my_session(chat)?;
    if session.operator != call.caller.user {
        let text = "Only the operator of the session can do this";
        return Err(Refusal::new("ERROR_USER_NOT_OPERATOR", text));
    }
    call.tx.make_lead(session.id);
    yes()
}

/// Sends a message to a chat of a CRM object, as one of its members.
fn say(call: &mut Call<'_, '_>) -> Answer {
    let (chats, chat) = (tied(call)?, call.params.id("CHAT_ID"));
    let chat = chats.into_iter().find(|known| Some(known.id) == chat);
    let chat = chat.ok_or_else(|| {
        Refusal::new(
            "CHAT_NOT_IN_CRM",
            "The chat does not belong to the CRM entity",
        )
    })?;
    let (user, text) = (call.user_id()?, call.params.text("MESSAGE"));
    let text = text.filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| Refusal::new("ERROR_ARGUMENT", "MESSAGE is required"))?;
    if !chat.has(user) {
        let text = "You cannot send messages to this chat";
        return Err(Refusal::new("CANCELED", text));
    }
    let author = if call.tx.world.is_bot(user) {
        Author::Bot(user)
    } else {
        Author::User(user)
    };
    Ok(call
        .tx
        .say(chat.id, Draft::text(author, text.trim()))
        .into())
}

/// Accepts a message as a quick answer. No method reads quick answers, so none are stored.
fn save(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.tx.line_chat(chat(call)?)?.id;
    let message = call.params.id("MESSAGE_ID").unwrap_or(0);
    let known = call.tx.world.messages.get(&message);
    if known.is_some_and(|message| message.chat == chat && !message.text.is_empty()) {
        yes()
    } else {
        Err(Refusal::new(
            "CANT_SAVE_QUICK_ANSWER",
            "Can't save quick answer",
        ))
    }
}
