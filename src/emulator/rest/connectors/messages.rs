//! Messages through a connector: `imconnector.send.messages` and related methods, and their
//! delivery.

use serde_json::{Map, Value, json};

use super::super::call::{Answer, Call, Method, method};
use super::super::params::{as_id, as_text, items};
use super::elements::{client_message, elements, require_parts, text};
use super::statuses::inactive;
use super::{line, own, required};
use crate::emulator::actions::ClientMessage;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::line::connector::Connector;
use crate::emulator::world::line::connector::UserCode;

pub(super) const METHODS: &[Method] = &[
    method("imconnector.send.messages", "imopenlines", send),
    method("imconnector.update.messages", "imopenlines", update),
    method("imconnector.delete.messages", "imopenlines", delete),
    method("imconnector.send.status.delivery", "imopenlines", delivered),
    method("imconnector.send.status.reading", "imopenlines", read),
    method("imconnector.chat.name.set", "imconnector", set_name),
];

/// Stores messages of clients. Each element succeeds or fails alone; an id sent before is not a
/// repeat.
fn send(call: &mut Call<'_, '_>) -> Answer {
    each(call, |call, incoming| {
        if incoming.text.is_empty() && incoming.files.is_empty() {
            return Err("The message has neither text nor files".to_owned());
        }
        let arrived = call.tx.receive(incoming);
        let session = json!({
            "ID": arrived.session.to_string(),
            "CHAT_ID": arrived.chat.to_string(),
        });
        Ok(Some(session))
    })
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    each(call, |call, incoming| {
        let changed = call.tx.receive_edit(incoming);
        changed.map(|_| None).map_err(|error| error.to_string())
    })
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    each(call, |call, incoming| {
        let gone = call.tx.receive_deletion(incoming);
        gone.map(|_| None).map_err(|error| error.to_string())
    })
}

/// Runs a function for every element of `MESSAGES` on an open line, and lists the results.
fn each(
    call: &mut Call<'_, '_>,
    run: impl Fn(&mut Call<'_, '_>, &ClientMessage) -> Result<Option<Value>, String>,
) -> Answer {
    let (connector, line) = open_line(call)?;
    let elements = elements(call.params.get("MESSAGES"))?;
    for element in &elements {
        require_parts(element, &["user", "message", "chat"])?;
    }
    let results: Vec<Value> = elements
        .iter()
        .map(|element| {
            let incoming = client_message(&connector.id, line, element);
            let done = incoming.and_then(|incoming| run(call, &incoming));
            outcome(element, done)
        })
        .collect();
    Ok(json!({ "SUCCESS": true, "DATA": { "RESULT": results } }).into())
}

/// Returns the connector and the line of a call, which must exist and be on.
fn open_line(call: &Call<'_, '_>) -> Result<(Connector, u64), Refusal> {
    let connector = own(call)?;
    let line = line(call)?;
    if call.tx.world.lines.is_open(&connector.id, line) {
        Ok((connector, line))
    } else {
        Err(inactive())
    }
}

/// Returns an element of the result: ids are texts, the date is an empty object, `description` has
/// the chat's address.
fn outcome(element: &Map<String, Value>, done: Result<Option<Value>, String>) -> Value {
    let mut shown = json!({
        "user": text(element, "user", "id"),
        "message": {
            "id": text(element, "message", "id"),
            "date": {},
            "text": text(element, "message", "text"),
        },
        "chat": {
            "id": text(element, "chat", "id"),
            "name": text(element, "chat", "name"),
            "description": text(element, "chat", "url"),
        },
        "extra": {
            "skip_phone_validate": text(element, "user", "skip_phone_validate"),
            "disable_tracker": text(element, "message", "disable_crm"),
        },
        "SUCCESS": done.is_ok(),
    });
    match done {
        Ok(Some(session)) => shown["session"] = session,
        Ok(None) => {}
        Err(error) => shown["ERRORS"] = json!([error]),
    }
    shown
}

/// Confirms messages with their ids outside. Messages that do not wait for confirmation are
/// skipped.
fn delivered(call: &mut Call<'_, '_>) -> Answer {
    let connector = own(call)?.id;
    line(call)?;
    for element in elements(call.params.get("MESSAGES"))? {
        require_parts(&element, &["im", "message", "chat"])?;
        let ids = items(&element["message"]["id"]);
        let ids: Vec<String> = ids.iter().filter_map(as_text).collect();
        if let Some(message) = as_id(&element["im"]["message_id"]) {
            call.tx.confirm(&connector, message, &ids);
        }
    }
    Ok(json!({ "SUCCESS": true, "DATA": [] }).into())
}

/// Accepts that the client has read messages, without an effect, as on the portal.
fn read(call: &mut Call<'_, '_>) -> Answer {
    own(call)?;
    line(call)?;
    elements(call.params.get("MESSAGES"))?;
    Ok(json!({ "SUCCESS": true, "DATA": [] }).into())
}

/// Renames a chat; `USER_ID` is required unless the connector is for groups.
fn set_name(call: &mut Call<'_, '_>) -> Answer {
    let (connector, line) = open_line(call)?;
    let (chat, name) = (required(call, "CHAT_ID")?, required(call, "NAME")?);
    let user = if connector.options.group {
        "0".to_owned()
    } else {
        required(call, "USER_ID")?
    };
    let user_code = UserCode {
        connector: connector.id,
        line,
        chat,
        user,
    };
    let known = call.tx.chat_with_code(&user_code);
    let chat = known.ok_or_else(|| {
        Refusal::new("CHAT_RENAMING_FAILED", "There is no such chat on this line")
    })?;
    call.tx.change_chat(chat, |chat| chat.title = name);
    Ok(json!({ "SUCCESS": true, "DATA": { "RESULT": {} } }).into())
}
