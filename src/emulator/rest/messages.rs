//! `imbot.message.*` and the typing indicator.

use super::call::{Answer, Call, Method, method, yes};
use super::params::as_text;
use super::rich::{self, Part};
use crate::emulator::actions::{Author, Draft, Like};
use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::dialog::{Address, parse};
use crate::emulator::world::message::{Message, OutsideState, Refs, Rich, stored};

pub(super) const METHODS: &[Method] = &[
    method("imbot.message.add", "imbot", add),
    method("imbot.message.update", "imbot", update),
    method("imbot.message.delete", "imbot", delete),
    method("imbot.message.like", "imbot", like),
    method("imbot.chat.sendtyping", "imbot", typing),
];

fn add(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.as_bot()?;
    if let (Some(from), Some(to)) = (call.params.id("FROM_USER_ID"), call.params.id("TO_USER_ID")) {
        return between(call, bot, from, to);
    }
    let dialog_id = call.dialog_id()?;
    let (text, rich) = (required_text(call)?, extras(call, Some(bot))?);
    reachable(call.tx, &dialog_id)?;
    let author = if call.params.yes("SYSTEM") {
        Author::System
    } else {
        Author::Bot(bot)
    };
    let draft = Draft {
        author,
        text,
        rich,
        url_preview: call.params.unless_no("URL_PREVIEW"),
        refs: staying(call),
    };
    Ok(call.tx.say_at(&dialog_id, draft)?.into())
}

/// Returns whether the client of a line may see the message, from `SKIP_CONNECTOR` and
/// `SILENT_CONNECTOR`.
pub(super) fn staying(call: &Call<'_, '_>) -> Refs {
    let state = match () {
        () if call.params.yes("SKIP_CONNECTOR") => OutsideState::Skipped,
        () if call.params.yes("SILENT_CONNECTOR") => OutsideState::Silent,
        () => OutsideState::Inside,
    };
    Refs::of(state)
}

/// Sends a system message to the private dialog of two users.
fn between(call: &mut Call<'_, '_>, bot: u64, from: u64, to: u64) -> Answer {
    let (text, rich) = (required_text(call)?, extras(call, Some(bot))?);
    call.tx.user = from;
    let draft = Draft {
        author: Author::System,
        text,
        rich,
        url_preview: call.params.unless_no("URL_PREVIEW"),
        refs: Refs::default(),
    };
    Ok(call.tx.say_at(&to.to_string(), draft)?.into())
}

/// Refuses a dialog the acting user may not write to; groups and private dialogs have different
/// codes.
pub(super) fn reachable(tx: &Transaction<'_>, dialog_id: &str) -> Result<(), Refusal> {
    match parse(dialog_id) {
        Some(Address::User(user)) if tx.world.users.contains_key(&user) => Ok(()),
        Some(Address::Chat(chat)) if tx.my_chat(chat).is_ok() => Ok(()),
        Some(Address::Chat(_)) => Err(Refusal::new(
            "CANCELED",
            "You cannot send messages to this chat",
        )),
        _ => Err(Refusal::new(
            "ERROR_NO_ACCESS",
            "You cannot send messages to this user",
        )),
    }
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let bot = call.as_bot()?;
    let id = message_id(call)?;
    let old = call.tx.own_message(id)?;
    let text = call
        .params
        .get("MESSAGE")
        .and_then(as_text)
        .map(|text| text.trim().to_owned());
    if text.as_deref() == Some("") {
        return call.tx.delete(id, false).and(yes());
    }
    let rich = changed_extras(call, &old, Some(bot))?;
    let text = text.map_or_else(|| old.text.clone(), |text| stored(&text));
    let url_preview = call.params.unless_no("URL_PREVIEW");
    call.tx.replace_message(&Message {
        text,
        rich,
        url_preview,
        edited: true,
        ..old
    });
    yes()
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let id = message_id(call)?;
    call.tx.delete(id, call.params.yes("COMPLETE"))?;
    yes()
}

fn like(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let id = message_id(call)?;
    call.tx.like(
        id,
        Like::from_action(&call.params.text("ACTION").unwrap_or_default()),
    )?;
    yes()
}

fn typing(call: &mut Call<'_, '_>) -> Answer {
    call.as_bot()?;
    let dialog_id = call.dialog_id()?;
    // The portal returns `true` wherever the bot types, also where nobody can see it.
    let _ = call.tx.type_at(&dialog_id);
    yes()
}

/// Returns the number in `MESSAGE_ID`.
pub(super) fn message_id(call: &Call<'_, '_>) -> Result<u64, Refusal> {
    call.params
        .id("MESSAGE_ID")
        .ok_or_else(|| Refusal::new("MESSAGE_ID_ERROR", "Message ID can't be empty"))
}

/// Returns the text of `MESSAGE`, trimmed; in v1 a message needs a text.
pub(super) fn required_text(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let text = call
        .params
        .text("MESSAGE")
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    text.ok_or_else(|| Refusal::new("MESSAGE_EMPTY", "Message can't be empty"))
}

/// Returns keyboard, attachment and menu of a new message.
pub(super) fn extras(call: &Call<'_, '_>, bot: Option<u64>) -> Result<Rich, Refusal> {
    let part = |part: Part| {
        call.params
            .get(part.name())
            .map_or(Ok(None), |value| rich::read(part, value, bot))
    };
    Ok(Rich {
        attach: part(Part::Attach)?,
        keyboard: part(Part::Keyboard)?,
        menu: part(Part::Menu)?,
    })
}

/// Returns those of a changed message: parts that were not sent stay, `N` and empty values remove
/// them.
pub(super) fn changed_extras(
    call: &Call<'_, '_>,
    old: &Message,
    bot: Option<u64>,
) -> Result<Rich, Refusal> {
    let part = |part: Part, old: &Option<_>| match call.params.get(part.name()) {
        Some(value) => rich::read(part, value, bot),
        None => Ok(old.clone()),
    };
    Ok(Rich {
        attach: part(Part::Attach, &old.rich.attach)?,
        keyboard: part(Part::Keyboard, &old.rich.keyboard)?,
        menu: part(Part::Menu, &old.rich.menu)?,
    })
}
