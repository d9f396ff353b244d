//! Buttons and menu items: each has exactly one action, the first one found.

use serde_json::{Map, Value, json};

use super::params::{as_number, as_text, is_list, items};

/// The actions of a button and the parameter of each.
const ACTIONS: [(&str, &str); 5] = [
    ("LINK", ""),
    ("FUNCTION", ""),
    ("APP_ID", "APP_PARAMS"),
    ("ACTION", "ACTION_VALUE"),
    ("COMMAND", "COMMAND_PARAMS"),
];

/// Values of the action `ACTION`.
const CLIENT_ACTIONS: [&str; 7] = ["PUT", "SEND", "COPY", "CALL", "DIALOG", "LIVECHAT", "HELP"];

/// Properties of a button's look, which are kept as they were sent.
#[rustfmt::skip]
const LOOKS: [&str; 10] = [
    "BLOCK", "DISABLED", "CONTEXT", "DISPLAY", "WIDTH", "BG_COLOR", "BG_COLOR_TOKEN", "TEXT_COLOR", "OFF_BG_COLOR",
    "OFF_TEXT_COLOR",
];

/// Returns `{BOT_ID, <name>: […]}` from that form, a list, or a single button; `None` if no button
/// works.
pub(super) fn buttons(value: &Value, name: &str, bot: Option<u64>) -> Option<Value> {
    let fields = value.as_object().filter(|fields| !is_list(fields));
    let list = match fields {
        Some(fields) if fields.contains_key(name) => items(&fields[name]),
        Some(_) => vec![value.clone()],
        None => items(value),
    };
    let list: Vec<Value> = list.iter().filter_map(button).collect();
    if !list.iter().any(|item| item.get("TEXT").is_some()) {
        return None;
    }
    let mut full = Map::new();
    let named = fields
        .and_then(|fields| fields.get("BOT_ID"))
        .map(as_number);
    if let Some(bot) = named.or(bot.map(Value::from)) {
        full.insert("BOT_ID".to_owned(), bot);
    }
    full.insert(name.to_owned(), list.into());
    Some(full.into())
}

/// Returns a button with its first action, or a line break.
fn button(value: &Value) -> Option<Value> {
    let fields = value.as_object()?;
    if fields.get("TYPE").and_then(Value::as_str) == Some("NEWLINE") {
        return Some(json!({ "TYPE": "NEWLINE" }));
    }
    let text = filled(fields, "TEXT")?;
    let (action, argument, does) = ACTIONS
        .iter()
        .find_map(|(name, argument)| Some((*name, *argument, filled(fields, name)?)))?;
    let does = match action {
        "ACTION" if !CLIENT_ACTIONS.contains(&does.as_str()) => return None,
        "COMMAND" => does.trim_start_matches('/').to_owned(),
        _ => does,
    };
    let mut button = Map::new();
    button.insert("TEXT".to_owned(), text.into());
    button.insert(action.to_owned(), does.into());
    for name in [argument].iter().chain(&LOOKS) {
        if let Some(value) = fields.get(*name) {
            button.insert((*name).to_owned(), value.clone());
        }
    }
    if let Some(bot) = fields.get("BOT_ID") {
        button.insert("BOT_ID".to_owned(), as_number(bot));
    }
    Some(button.into())
}

fn filled(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields
        .get(name)
        .and_then(as_text)
        .filter(|text| !text.is_empty())
}
