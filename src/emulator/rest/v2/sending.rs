//! The content of `send`, `update` and `answer`.

use serde_json::{Map, Value};

use super::registration::{flag, text};
use crate::emulator::actions::{Author, Draft};
use crate::emulator::refusal::Refusal;
use crate::emulator::rest::params::as_text;
use crate::emulator::rest::rich::{self, Part};
use crate::emulator::world::message::{OutsideState, Refs, Rich};

/// Parsed content.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) rich: Rich,
    pub(super) is_system: bool,
    pub(super) url_preview: bool,
    /// Whether the client of a line sees it.
    state: OutsideState,
}

impl Content {
    /// Returns the message. Unlike in v1, a command in a bot's message is run.
    pub(super) fn draft(self, bot: u64) -> Draft {
        Draft {
            author: if self.is_system {
                Author::System
            } else {
                Author::User(bot)
            },
            text: self.text,
            rich: self.rich,
            url_preview: self.url_preview,
            refs: Refs::of(self.state),
        }
    }
}

/// Reads the content of a new message, which needs a text or an attachment.
pub(super) fn read(fields: &Map<String, Value>, bot: u64) -> Result<Content, Refusal> {
    let part = |part: Part, name: &str| {
        fields
            .get(name)
            .map_or(Ok(None), |value| self::part(part, value, bot))
    };
    let content = Content {
        text: text(fields, "message")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        rich: Rich {
            attach: part(Part::Attach, "attach")?,
            keyboard: part(Part::Keyboard, "keyboard")?,
            menu: None,
        },
        is_system: flag(fields, "system").unwrap_or(false),
        url_preview: flag(fields, "urlPreview").unwrap_or(true),
        state: state(fields),
    };
    if content.text.is_empty() && content.rich.attach.is_none() {
        return Err(Refusal::new("EMPTY_MESSAGE", "Message is empty"));
    }
    Ok(content)
}

/// Reads `skipConnector` and `silentConnector`, which keep a message from a line's client
/// (protocol/bots-v2.md 7.3).
fn state(fields: &Map<String, Value>) -> OutsideState {
    let is_on = |name| flag(fields, name) == Some(true);
    match () {
        () if is_on("skipConnector") => OutsideState::Skipped,
        () if is_on("silentConnector") => OutsideState::Silent,
        () => OutsideState::Inside,
    }
}

/// Returns the parts of an updated message; those not given stay.
///
/// An attachment must have its full form here: a plain list removes it silently, as `""` does.
pub(super) fn changed(fields: &Map<String, Value>, old: &Rich, bot: u64) -> Result<Rich, Refusal> {
    let attach = match fields.get("attach") {
        None => old.attach.clone(),
        Some(full) if full.get("BLOCKS").is_some() => part(Part::Attach, full, bot)?,
        Some(Value::String(json)) if json.contains("BLOCKS") => {
            part(Part::Attach, &Value::String(json.clone()), bot)?
        }
        Some(_) => None,
    };
    let keyboard = match fields.get("keyboard") {
        None => old.keyboard.clone(),
        Some(keyboard) => part(Part::Keyboard, keyboard, bot)?,
    };
    let menu = old.menu.clone();
    Ok(Rich {
        attach,
        keyboard,
        menu,
    })
}

/// Reads a part of a message; v2 has one code for all its errors.
fn part(part: Part, value: &Value, bot: u64) -> Result<Option<Value>, Refusal> {
    rich::read(part, value, Some(bot)).map_err(|refusal| {
        Refusal::new(&format!("PARAM_{}_ERROR", part.name()), refusal.to_string())
    })
}

/// Returns the new text of a message, if one was sent.
pub(super) fn new_text(fields: &Map<String, Value>) -> Option<String> {
    let text = fields.get("message").and_then(as_text)?;
    Some(text.trim().to_owned())
}
