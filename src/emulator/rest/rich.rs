//! Keyboards, attachments and menus: read as generously, and checked as strictly, as the portal does it.
//!
//! Each may come as an object, a bare list or a JSON string. A button without a text or an action and a block of an
//! unknown kind are dropped without a word; only when nothing is left is it an error. The pages of v1 give 30 KB as
//! the limit, the source has 60,000 characters: what the source lets through, this lets through.

use serde_json::{Map, Value, json};

use super::params::{as_text, is_list, items};
use crate::emulator::refusal::Refusal;

/// The longest JSON of a part.
const CHARS_MAX: usize = 60_000;

/// What a button may do; the first that is there counts.
const ACTIONS: [&str; 5] = ["LINK", "FUNCTION", "APP_ID", "ACTION", "COMMAND"];

/// What the action `ACTION` may be.
const CLIENT_ACTIONS: [&str; 7] = ["PUT", "SEND", "COPY", "CALL", "DIALOG", "LIVECHAT", "HELP"];

/// What belongs to an action and goes with it.
const ARGUMENTS: [(&str, &str); 3] = [
    ("ACTION", "ACTION_VALUE"),
    ("APP_ID", "APP_PARAMS"),
    ("COMMAND", "COMMAND_PARAMS"),
];

/// How a button looks and when it works: for the client only.
const LOOKS: [&str; 11] = [
    "BLOCK",
    "DISABLED",
    "CONTEXT",
    "DISPLAY",
    "WIDTH",
    "BG_COLOR",
    "BG_COLOR_TOKEN",
    "TEXT_COLOR",
    "OFF_BG_COLOR",
    "OFF_TEXT_COLOR",
    "BOT_ID",
];

/// The kinds of attachment blocks.
const BLOCKS: [&str; 9] = [
    "MESSAGE",
    "LINK",
    "RICH_LINK",
    "USER",
    "GRID",
    "IMAGE",
    "FILE",
    "DELIMITER",
    "HTML",
];

/// What hangs on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Attach,
    Keyboard,
    Menu,
}

impl Part {
    /// The parameter it comes in.
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Attach => "ATTACH",
            Part::Keyboard => "KEYBOARD",
            Part::Menu => "MENU",
        }
    }

    fn refusal(self, what: &str) -> Refusal {
        let text = match what {
            "ERROR" => "Incorrect params of",
            _ => "You have exceeded the maximum allowable size of",
        };
        Refusal::new(
            &format!("{}_{what}", self.name()),
            format!("{text} {}", self.name().to_lowercase()),
        )
    }
}

/// Reads a part into its full form; `N` and emptiness mean that there is none.
pub(super) fn read(part: Part, value: &Value) -> Result<Option<Value>, Refusal> {
    let parsed = match value {
        Value::String(text) if text.is_empty() || text == "N" => return Ok(None),
        Value::String(text) => serde_json::from_str(text).map_err(|_| part.refusal("ERROR"))?,
        other => other.clone(),
    };
    if matches!(&parsed, Value::Null | Value::Bool(false)) || items(&parsed).is_empty() {
        return Ok(None);
    }
    let full = match part {
        Part::Attach => attach(&parsed),
        Part::Keyboard => listed(&parsed, "BUTTONS", &["BOT_ID"], button),
        Part::Menu => listed(&parsed, "ITEMS", &["BOT_ID", "TYPE"], button),
    };
    let full = full.ok_or_else(|| part.refusal("ERROR"))?;
    if full.to_string().chars().count() > CHARS_MAX {
        return Err(part.refusal("OVERSIZE"));
    }
    Ok(Some(full))
}

/// `{ <kept…>, <name>: […] }` from that form or from the bare list.
fn listed(
    value: &Value,
    name: &str,
    kept: &[&str],
    item: fn(&Value) -> Option<Value>,
) -> Option<Value> {
    let whole = value
        .as_object()
        .filter(|fields| fields.contains_key(name) || !is_list(fields));
    let list: Vec<Value> = match whole {
        Some(fields) if fields.contains_key(name) => items(&fields[name]),
        Some(_) => vec![value.clone()],
        None => items(value),
    };
    let list: Vec<Value> = list.iter().filter_map(item).collect();
    let mut full = Map::new();
    for key in kept {
        if let Some(value) = whole.and_then(|fields| fields.get(*key)) {
            full.insert((*key).to_owned(), number(value));
        }
    }
    let works = list.iter().any(|item| item.get("TEXT").is_some());
    full.insert(name.to_owned(), list.into());
    works.then_some(full.into())
}

/// A button with its first action, or a line break.
fn button(value: &Value) -> Option<Value> {
    let fields = value.as_object()?;
    if fields.get("TYPE").and_then(Value::as_str) == Some("NEWLINE") {
        return Some(json!({ "TYPE": "NEWLINE" }));
    }
    let text = fields
        .get("TEXT")
        .and_then(as_text)
        .filter(|text| !text.is_empty())?;
    let (action, does) = ACTIONS
        .iter()
        .find_map(|name| Some((*name, filled(fields, name)?)))?;
    if action == "ACTION" && !CLIENT_ACTIONS.contains(&does.as_str()) {
        return None;
    }
    let mut button = Map::new();
    button.insert("TEXT".to_owned(), text.into());
    button.insert(
        action.to_owned(),
        does.trim_start_matches(if action == "COMMAND" { "/" } else { "" })
            .into(),
    );
    let argument = ARGUMENTS
        .iter()
        .find(|(whose, _)| *whose == action)
        .map(|(_, name)| name);
    for name in argument.into_iter().chain(&LOOKS) {
        if let Some(value) = fields.get(*name) {
            button.insert(
                (*name).to_owned(),
                if *name == "BOT_ID" {
                    number(value)
                } else {
                    value.clone()
                },
            );
        }
    }
    Some(button.into())
}

fn filled(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields
        .get(name)
        .and_then(as_text)
        .filter(|text| !text.is_empty())
}

/// `{ID, COLOR_TOKEN, COLOR, BLOCKS}` from that form, from a bare list of blocks, or from a single block.
fn attach(value: &Value) -> Option<Value> {
    let whole = value
        .as_object()
        .filter(|fields| fields.contains_key("BLOCKS"));
    let list = match (whole, value.as_object()) {
        (Some(fields), _) => items(&fields["BLOCKS"]),
        (None, Some(fields)) if !is_list(fields) => vec![value.clone()],
        _ => items(value),
    };
    let blocks: Vec<Value> = list.into_iter().filter(is_block).collect();
    let field = |name: &str| whole.and_then(|fields| fields.get(name)).cloned();
    let mut full = Map::new();
    full.insert(
        "ID".to_owned(),
        field("ID").map_or(1.into(), |id| number(&id)),
    );
    full.insert(
        "COLOR_TOKEN".to_owned(),
        field("COLOR_TOKEN").unwrap_or_else(|| "base".into()),
    );
    full.insert(
        "COLOR".to_owned(),
        field("COLOR").unwrap_or_else(|| "transparent".into()),
    );
    if let Some(description) = field("DESCRIPTION") {
        full.insert("DESCRIPTION".to_owned(), description);
    }
    let any = !blocks.is_empty();
    full.insert("BLOCKS".to_owned(), blocks.into());
    any.then_some(full.into())
}

fn is_block(block: &Value) -> bool {
    block
        .as_object()
        .is_some_and(|fields| fields.keys().any(|key| BLOCKS.contains(&key.as_str())))
}

/// A number that came as a text.
fn number(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| text.parse::<i64>().ok())
        .map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyboard(value: Value) -> Result<Option<Value>, String> {
        read(Part::Keyboard, &value).map_err(|refusal| refusal.code().to_owned())
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
            assert_eq!(keyboard(shape.clone()), Ok(Some(full.clone())), "{shape}");
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
            assert_eq!(
                keyboard(value.clone()),
                expected.map_err(str::to_owned),
                "{value}"
            );
        }
    }

    #[test]
    fn the_first_action_of_a_button_counts() {
        let button = json!([{ "TEXT": "x", "LINK": "/a", "COMMAND": "b", "COMMAND_PARAMS": "c", "WIDTH": 10 }]);
        let stored = json!({ "BUTTONS": [{ "TEXT": "x", "LINK": "/a", "WIDTH": 10 }] });
        assert_eq!(keyboard(button), Ok(Some(stored)));
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
                read(Part::Attach, &shape).unwrap(),
                Some(expected.clone()),
                "{shape}"
            );
        }
        assert_eq!(
            read(Part::Attach, &json!([{ "WHAT": 1 }]))
                .unwrap_err()
                .code(),
            "ATTACH_ERROR"
        );
    }
}
