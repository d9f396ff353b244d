//! Keyboards, attachments and menus, parsed and checked as the portal does.
//!
//! Each may be an object, a list or a JSON string. Buttons without a text or an action and blocks
//! of an unknown kind are dropped silently; it is an error only if nothing is left. The pages of v1
//! give a limit of 30 KB, the source 60,000 characters; the limit of the source applies here.

use serde_json::Value;

use super::attach::attach;
use super::button::buttons;
use super::params::items;
use crate::emulator::refusal::Refusal;

/// Maximum length of a part as JSON, in characters.
const CHARS_MAX: usize = 60_000;

/// A part of a message besides its text.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Attach,
    Keyboard,
    Menu,
}

impl Part {
    /// Returns the name of its parameter.
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Attach => "ATTACH",
            Part::Keyboard => "KEYBOARD",
            Part::Menu => "MENU",
        }
    }

    fn error(self) -> Refusal {
        self.refusal("ERROR", "Incorrect params of")
    }

    fn oversize(self) -> Refusal {
        self.refusal(
            "OVERSIZE",
            "You have exceeded the maximum allowable size of",
        )
    }

    fn refusal(self, what: &str, text: &str) -> Refusal {
        Refusal::new(
            &format!("{}_{what}", self.name()),
            format!("{text} {}", self.name().to_lowercase()),
        )
    }
}

/// Returns a part in its full form; `N` and empty values mean that the part is absent. Buttons
/// belong to
/// `bot` unless they name another bot.
pub(super) fn read(part: Part, value: &Value, bot: Option<u64>) -> Result<Option<Value>, Refusal> {
    let parsed = match value {
        Value::String(text) if text.is_empty() || text == "N" => return Ok(None),
        Value::String(text) => serde_json::from_str(text).map_err(|_| part.error())?,
        other => other.clone(),
    };
    if matches!(&parsed, Value::Null | Value::Bool(false)) || items(&parsed).is_empty() {
        return Ok(None);
    }
    let full = match part {
        Part::Attach => attach(&parsed),
        Part::Keyboard => buttons(&parsed, "BUTTONS", bot),
        Part::Menu => buttons(&parsed, "ITEMS", bot),
    };
    let full = full.ok_or_else(|| part.error())?;
    if full.to_string().chars().count() > CHARS_MAX {
        Err(part.oversize())
    } else {
        Ok(Some(full))
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::rich::*;
    use serde_json::json;

    fn keyboard(value: &Value) -> Result<Option<Value>, String> {
        read(Part::Keyboard, value, None).map_err(|refusal| refusal.code().to_owned())
    }

    #[test]
    fn a_keyboard_may_come_in_four_shapes() {
        let buttons = json!([{ "TEXT": "Go", "COMMAND": "/go" }, { "TYPE": "NEWLINE" }]);
        let full = json!({ "BUTTONS": [{ "TEXT": "Go", "COMMAND": "go" }, { "TYPE": "NEWLINE" }] });
        let shapes = [
            buttons.clone(),
            json!({ "BUTTONS": buttons }),
            json!({ "0": buttons[0], "1": buttons[1] }),
            Value::String(buttons.to_string()),
        ];
        for shape in shapes {
            assert_eq!(keyboard(&shape), Ok(Some(full.clone())), "{shape}");
        }
    }

    #[test]
    fn useless_buttons_are_dropped_and_a_keyboard_of_them_is_an_error() {
        let cases = [
            (json!([{ "TEXT": "no action" }]), Err("KEYBOARD_ERROR")),
            (json!([{ "COMMAND": "no text" }]), Err("KEYBOARD_ERROR")),
            (
                json!([{ "TEXT": "x", "ACTION": "FLY" }]),
                Err("KEYBOARD_ERROR"),
            ),
            (json!([{ "TYPE": "NEWLINE" }]), Err("KEYBOARD_ERROR")),
            (
                json!([[{ "TEXT": "rows are flat", "LINK": "/" }]]),
                Err("KEYBOARD_ERROR"),
            ),
            (json!("{broken"), Err("KEYBOARD_ERROR")),
            (
                json!([{ "TEXT": "x".repeat(60_000), "LINK": "/" }]),
                Err("KEYBOARD_OVERSIZE"),
            ),
            (json!("N"), Ok(None)),
            (json!(""), Ok(None)),
            (json!([]), Ok(None)),
        ];
        for (value, expected) in cases {
            assert_eq!(keyboard(&value), expected.map_err(str::to_owned), "{value}");
        }
    }

    #[test]
    fn the_first_action_of_a_button_counts() {
        let button = json!([{ "TEXT": "x", "LINK": "/a", "COMMAND": "b", "COMMAND_PARAMS": "c", "WIDTH": 10 }]);
        let stored = json!({ "BUTTONS": [{ "TEXT": "x", "LINK": "/a", "WIDTH": 10 }] });
        assert_eq!(keyboard(&button), Ok(Some(stored)));
    }

    #[test]
    fn buttons_work_for_the_bot_that_sent_them_unless_they_name_another() {
        let buttons = json!([{ "TEXT": "Go", "COMMAND": "go" }]);
        let read = |value: &Value| {
            read(Part::Keyboard, value, Some(7))
                .expect("a keyboard")
                .expect("buttons")
        };
        assert_eq!(read(&buttons)["BOT_ID"], 7);
        assert_eq!(
            read(&json!({ "BOT_ID": "8", "BUTTONS": buttons }))["BOT_ID"],
            8
        );
    }

    #[test]
    fn an_attachment_gets_its_full_form_and_loses_unknown_blocks() {
        let full = |blocks: Value| json!({ "ID": 1, "COLOR_TOKEN": "base", "COLOR": "transparent", "BLOCKS": blocks });
        let blocks = json!([{ "MESSAGE": "hi" }, { "WHAT": 1 }]);
        let expected = full(json!([{ "MESSAGE": "hi" }]));
        for shape in [
            blocks.clone(),
            json!({ "BLOCKS": blocks }),
            json!({ "MESSAGE": "hi" }),
        ] {
            assert_eq!(
                read(Part::Attach, &shape, None).unwrap(),
                Some(expected.clone()),
                "{shape}"
            );
        }
        assert_eq!(
            read(Part::Attach, &json!([{ "WHAT": 1 }]), None)
                .unwrap_err()
                .code(),
            "ATTACH_ERROR"
        );
    }
}
