//! `im.*`: actions of the token's user in the messenger.

use super::call::{Answer, Call, Method, method, yes};
use super::chats::invite;
use super::messages::{changed_extras, extras, message_id, reachable, required_text, staying};
use super::new_chat::create;
use super::params::as_text;
use crate::emulator::actions::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::message::{Message, Refs, stored};

pub(super) const METHODS: &[Method] = &[
    method("im.message.add", "im", add),
    method("im.message.update", "im", update),
    method("im.message.delete", "im", delete),
    method("im.message.command", "im", command),
    method("im.dialog.writing", "im", writing),
    method("im.chat.add", "im", add_chat),
    method("im.chat.user.add", "im", invite),
];

fn add(call: &mut Call<'_, '_>) -> Answer {
    let dialog_id = call.dialog_id()?;
    let rich = extras(call, None)?;
    let text = if rich.attach.is_some() {
        call.params.text("MESSAGE").unwrap_or_default()
    } else {
        required_text(call)?
    };
    reachable(call.tx, &dialog_id)?;
    let author = if call.params.yes("SYSTEM") {
        Author::System
    } else {
        Author::User(call.caller.user)
    };
    let refs = Refs {
        reply: replied(call, &dialog_id)?,
        ..staying(call)
    };
    let draft = Draft {
        author,
        text,
        rich,
        url_preview: call.params.unless_no("URL_PREVIEW"),
        refs,
    };
    Ok(call.tx.say_at(&dialog_id, draft)?.into())
}

/// Returns the message in `REPLY_ID`, which must be in the dialog (protocol/bots-v1.md 4.8).
fn replied(call: &Call<'_, '_>, dialog_id: &str) -> Result<Option<u64>, Refusal> {
    let Some(id) = call.params.id("REPLY_ID") else {
        return Ok(None);
    };
    let (chat, _) = call.tx.message_in_reach(id).map_err(|_| {
        let text = "Action unavailable: no access to the message being replied to";
        Refusal::new("REPLY_ACCESS_ERROR", text)
    })?;
    if call.tx.world.dialog_id(call.caller.user, &chat) == dialog_id {
        return Ok(Some(id));
    }
    let text = "You cannot reply to a message from another chat";
    Err(Refusal::new("REPLY_FROM_OTHER_CHAT_ERROR", text))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let id = message_id(call)?;
    let old = call.tx.own_message(id)?;
    let text = call.params.get("MESSAGE").and_then(as_text);
    if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return call.tx.delete(id, false).and(yes());
    }
    let rich = changed_extras(call, &old, None)?;
    let text = text.map_or_else(|| old.text.clone(), |text| stored(&text));
    call.tx.replace_message(&Message {
        text,
        rich,
        edited: true,
        ..old
    });
    yes()
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    let id = message_id(call)?;
    call.tx.delete(id, false)?;
    yes()
}

/// Presses a button that has no keyboard.
fn command(call: &mut Call<'_, '_>) -> Answer {
    let message = message_id(call)?;
    let bot = call
        .params
        .id("BOT_ID")
        .ok_or_else(|| Refusal::new("BOT_ID_ERROR", "Bot ID can't be empty"))?;
    let name = call.params.text("COMMAND").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::new("COMMAND_ERROR", "Command can't be empty"))?;
    call.tx.run_command(
        message,
        bot,
        &name,
        &call.params.text("COMMAND_PARAMS").unwrap_or_default(),
    )?;
    yes()
}

fn writing(call: &mut Call<'_, '_>) -> Answer {
    let dialog_id = call.dialog_id()?;
    call.tx.type_at(&dialog_id)?;
    yes()
}

fn add_chat(call: &mut Call<'_, '_>) -> Answer {
    let author = Author::User(call.caller.user);
    create(call, author)
}
