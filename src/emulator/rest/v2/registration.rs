//! The fields of a bot: `fields` of `imbot.v2.Bot.register` and `imbot.v2.Bot.update`.

use serde_json::{Map, Value};

use crate::emulator::picture;
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::call::Call;
use crate::emulator::rest::handlers::address;
use crate::emulator::rest::params::as_text;
use crate::emulator::world::access::Owner;
use crate::emulator::world::bot::{ApiVersion, BACKGROUNDS, Bot, BotType, Mode};
use crate::emulator::world::color;
use crate::emulator::world::user::User;

/// Maximum length of a `botToken`; longer ones are refused since August 2026.
const TOKEN_CHARS_MAX: usize = 40;

/// Returns a new bot.
pub(super) fn new_bot(
    code: String,
    owner: Owner,
    fields: &Map<String, Value>,
) -> Result<Bot, Refusal> {
    let kind = match text(fields, "type") {
        Some(word) => BotType::from_word(&word).ok_or_else(wrong_type)?,
        None => BotType::Plain,
    };
    let mode = mode(fields)?.unwrap_or(Mode::Fetch);
    let url = url(&owner, fields)?;
    if mode == Mode::Webhook && url.is_none() {
        let text = "Webhook URL is required for the webhook event mode";
        return Err(Refusal::new("BOT_WEBHOOK_URL_REQUIRED", text));
    }
    let is_line = kind == BotType::OpenLine;
    Ok(Bot {
        code,
        kind,
        openline: is_line || flag(fields, "isSupportOpenline").unwrap_or(false),
        owner,
        version: ApiVersion::V2,
        mode,
        url,
        hidden: flag(fields, "isHidden").unwrap_or(false),
        reactions: flag(fields, "isReactionsEnabled").unwrap_or(true),
        background: background(fields),
        sent: 0,
    })
}

/// Changes the given fields of a bot. Type and code cannot be changed.
pub(super) fn change(bot: &mut Bot, fields: &Map<String, Value>) -> Result<(), Refusal> {
    bot.mode = mode(fields)?.unwrap_or(bot.mode);
    bot.url = url(&bot.owner, fields)?.or(bot.url.take());
    if bot.mode == Mode::Webhook && bot.url.is_none() && bot.version == ApiVersion::V2 {
        return Err(wrong_address());
    }
    bot.hidden = flag(fields, "isHidden").unwrap_or(bot.hidden);
    bot.reactions = flag(fields, "isReactionsEnabled").unwrap_or(bot.reactions);
    bot.openline = flag(fields, "isSupportOpenline").unwrap_or(bot.openline);
    if fields.contains_key("backgroundId") {
        bot.background = background(fields);
    }
    Ok(())
}

/// Sets a bot's profile; an unknown colour is skipped.
pub(super) fn describe(user: &mut User, fields: &Map<String, Value>) -> Result<(), Refusal> {
    let properties = map(fields, "properties");
    if let Some(avatar) = text(&properties, "avatar") {
        picture::check(&avatar)?;
    }
    for (field, name) in [
        (&mut user.first_name, "name"),
        (&mut user.last_name, "lastName"),
        (&mut user.position, "workPosition"),
    ] {
        if let Some(value) = properties.get(name).and_then(as_text) {
            *field = value;
        }
    }
    if let Some(gender) =
        text(&properties, "gender").filter(|gender| gender == "M" || gender == "F")
    {
        user.gender = gender;
    }
    if let Some(color) = text(&properties, "color").and_then(|name| color::camel(&name)) {
        color.clone_into(&mut user.color);
    }
    Ok(())
}

/// Refuses a `botToken` that is too long.
pub(super) fn fitting(token: &str) -> Result<(), Refusal> {
    if token.chars().count() <= TOKEN_CHARS_MAX {
        return Ok(());
    }
    let text = format!("Bot token must not be longer than {TOKEN_CHARS_MAX} characters");
    Err(Refusal::new("BOT_TOKEN_INVALID_LENGTH", text))
}

fn mode(fields: &Map<String, Value>) -> Result<Option<Mode>, Refusal> {
    match text(fields, "eventMode").as_deref() {
        None => Ok(None),
        Some("fetch") => Ok(Some(Mode::Fetch)),
        Some("webhook") => Ok(Some(Mode::Webhook)),
        Some(_) => Err(Refusal::new(
            "BOT_INVALID_EVENT_MODE",
            "Event mode must be fetch or webhook",
        )),
    }
}

/// Returns `webhookUrl`, which v2 stores unchanged.
fn url(owner: &Owner, fields: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(url) = text(fields, "webhookUrl") else {
        return Ok(None);
    };
    address(owner, &url).ok_or_else(wrong_address)?;
    Ok(Some(url))
}

fn background(fields: &Map<String, Value>) -> Option<String> {
    text(fields, "backgroundId").filter(|name| BACKGROUNDS.contains(&name.as_str()))
}

fn wrong_type() -> Refusal {
    let text = "Bot type must be one of bot, network, openline, supervisor, personal";
    Refusal::new("BOT_INVALID_TYPE", text)
}

fn wrong_address() -> Refusal {
    Refusal::new("BOT_INVALID_CALLBACK", "Webhook URL is not a valid address")
}

/// Returns a text that is not blank.
pub(super) fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name).and_then(as_text);
    text.filter(|text| !text.trim().is_empty())
}

/// Returns a flag, if it was sent: `true`, `"Y"` for clients without JSON, `"1"` from a form.
pub(super) fn flag(fields: &Map<String, Value>, name: &str) -> Option<bool> {
    is_on(fields.get(name)?)
}

/// Returns a flag next to `fields`, if it was sent.
pub(super) fn flag_at(call: &Call<'_, '_>, name: &str) -> Option<bool> {
    is_on(call.params.exact(name)?)
}

/// Whether a flag is on; `None` if it is not a flag.
fn is_on(value: &Value) -> Option<bool> {
    match as_text(value)?.as_str() {
        "1" | "Y" | "true" => Some(true),
        "0" | "N" | "false" | "" => Some(false),
        _ => None,
    }
}

/// Returns the map under a name.
pub(super) fn map(fields: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let map = fields.get(name).and_then(Value::as_object);
    map.cloned().unwrap_or_default()
}
