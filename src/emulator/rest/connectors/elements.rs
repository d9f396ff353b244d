//! Reads an element of `MESSAGES`: author, text and chat. See protocol/open-channels.md 2.1.

use serde_json::{Map, Value};

use super::super::params::{as_id, as_text, is_yes, items};
use crate::emulator::actions::{ClientMessage, Sender};
use crate::emulator::refusal::Refusal;

/// Returns the elements of `MESSAGES`, with all keys in lower case.
pub(super) fn elements(messages: Option<&Value>) -> Result<Vec<Map<String, Value>>, Refusal> {
    let messages = messages.ok_or_else(|| super::missing("MESSAGES"))?;
    if !messages.is_array() && !messages.is_object() {
        return Err(wrong_request("The MESSAGES argument is not an array"));
    }
    let elements = items(messages).into_iter().map(|item| match lower(item) {
        Value::Object(fields) => Ok(fields),
        _ => Err(wrong_request("An element of MESSAGES is not an array")),
    });
    elements.collect()
}

/// Refuses an element without one of these parts.
pub(super) fn require_parts(element: &Map<String, Value>, parts: &[&str]) -> Result<(), Refusal> {
    match parts.iter().find(|part| !element.contains_key(**part)) {
        Some(part) => Err(wrong_request(&format!(
            "An element of MESSAGES has no `{part}`"
        ))),
        None => Ok(()),
    }
}

fn wrong_request(text: &str) -> Refusal {
    Refusal::new("ERROR_ARGUMENT", text)
}

fn lower(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key.to_lowercase(), lower(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(lower).collect::<Vec<_>>().into(),
        other => other,
    }
}

/// Returns a text of an element; empty if it is missing.
pub(super) fn text(element: &Map<String, Value>, part: &str, name: &str) -> String {
    let value = element.get(part).map(|part| &part[name]);
    value.and_then(as_text).unwrap_or_default()
}

/// Returns the message of an element; an error is a sentence, since failures of elements come with
/// HTTP 200.
pub(super) fn client_message(
    connector: &str,
    line: u64,
    element: &Map<String, Value>,
) -> Result<ClientMessage, String> {
    let at = |part, name| text(element, part, name);
    for part in ["user", "message", "chat"] {
        if at(part, "id").is_empty() {
            return Err(format!("`{part}.id` is empty"));
        }
    }
    Ok(ClientMessage {
        connector: connector.to_owned(),
        line,
        sender: Sender {
            id: at("user", "id"),
            first_name: at("user", "name"),
            last_name: at("user", "last_name"),
            gender: at("user", "gender"),
            email: at("user", "email"),
            phone: at("user", "phone"),
        },
        chat: at("chat", "id"),
        chat_name: at("chat", "name"),
        id: at("message", "id"),
        text: at("message", "text"),
        files: files(&element["message"]["files"]),
        employee: as_id(&element["message"]["user_id"]).unwrap_or(0),
        skips_crm: is_yes(&element["message"]["disable_crm"]),
    })
}

fn files(files: &Value) -> Vec<(String, String)> {
    let named = |file: &Value| {
        let address = as_text(&file["url"])?;
        let last = address.rsplit('/').next().unwrap_or_default();
        let name = as_text(&file["name"]).unwrap_or_else(|| last.to_owned());
        Some((address, name))
    };
    items(files).iter().filter_map(named).collect()
}
