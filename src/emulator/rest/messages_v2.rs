//! `imbot.v2.Chat.Message.send`, the one method of the second generation so far: it knows a repeat by its `templateId`.
//!
//! A lower-case UUID of version 4 makes the send idempotent: a repeat returns the first message (server-behaviour.md
//! 4.3). Unlike on the portal, commands in what a bot says are not run yet.

use serde_json::{Map, Value, json};
use uuid::{Uuid, Version};

use super::call::{Answer, Call};
use super::messages::reachable;
use super::params::as_text;
use super::rich::{self, Part};
use super::table::{Method, method};
use crate::emulator::refusal::Refusal;
use crate::emulator::talk::{Author, Draft};
use crate::emulator::world::message::Rich;

pub(super) const METHODS: &[Method] = &[method("imbot.v2.chat.message.send", "imbot", send)];

fn send(call: &mut Call<'_, '_>) -> Answer {
    let bot = own_bot(call)?;
    call.hit.user = bot;
    let dialog_id = call
        .params
        .text("DIALOGID")
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Refusal::new("DIALOG_ID_EMPTY", "Dialog ID can't be empty"))?;
    let fields = call.params.fields("FIELDS");
    let text = |name: &str| fields.get(name).and_then(as_text).unwrap_or_default();
    let is_on = |name: &str| matches!(text(name).as_str(), "1" | "Y" | "true");
    let part = |part: Part, name: &str| match fields.get(name) {
        Some(value) => rich::read(part, value, Some(bot)),
        None => Ok(None),
    };
    let rich = Rich {
        attach: part(Part::Attach, "attach")?,
        keyboard: part(Part::Keyboard, "keyboard")?,
        menu: None,
    };
    let said = text("message").trim().to_owned();
    if said.is_empty() && rich.attach.is_none() {
        return Err(Refusal::new("EMPTY_MESSAGE", "Message is empty"));
    }
    reachable(call.hit, &dialog_id)
        .map_err(|_| Refusal::new("ACCESS_DENIED", "You do not have access to this dialog"))?;
    let is_system = is_on("system");
    let template = Some(text("templateId")).filter(|id| !is_system && is_template(id));
    if let Some(id) = template
        .as_ref()
        .and_then(|id| call.hit.world.templates.message(bot, id))
    {
        return Ok(sent(id, template.as_deref()).into());
    }
    let draft = Draft {
        author: if is_system {
            Author::System
        } else {
            Author::Bot(bot)
        },
        text: said,
        rich,
        url_preview: !fields.contains_key("urlPreview") || is_on("urlPreview"),
    };
    let id = call.hit.say_at(&dialog_id, draft)?;
    if let Some(template) = &template {
        call.hit.world.templates.keep(bot, template, id);
    }
    Ok(sent(id, template.as_deref()).into())
}

fn sent(id: u64, template: Option<&str>) -> Value {
    let map: Map<String, Value> = template
        .map(|template| (template.to_owned(), id.into()))
        .into_iter()
        .collect();
    json!({ "id": id, "uuidMap": map })
}

/// The portal takes ids of version 4 in lower case, and passes others over.
fn is_template(text: &str) -> bool {
    let is_plain = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_plain && Uuid::try_parse(text).is_ok_and(|id| id.get_version() == Some(Version::Random))
}

/// The bot in `botId`, if it is the caller's.
fn own_bot(call: &Call<'_, '_>) -> Result<u64, Refusal> {
    let id = call
        .params
        .id("BOTID")
        .ok_or_else(|| Refusal::new("BOT_ID_REQUIRED", "Bot ID is required"))?;
    let user = call.hit.world.users.get(&id);
    let bot = user
        .and_then(|user| user.bot.as_ref())
        .ok_or_else(|| Refusal::new("BOT_NOT_FOUND", "Bot not found"))?;
    let owner = call
        .owner()
        .map_err(|_| Refusal::new("BOT_TOKEN_NOT_SPECIFIED", "Bot token is not specified"))?;
    if bot.owner == owner {
        Ok(id)
    } else {
        Err(Refusal::new(
            "BOT_OWNERSHIP_ERROR",
            "The bot belongs to another application",
        ))
    }
}
