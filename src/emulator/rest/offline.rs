//! `event.offline.*`: stored events of an application that cannot be posted to, for administrators
//! only.

use serde_json::{Value, json};

use super::call::{Answer, Call, Method, Reply, method, yes};
use super::filter::{Filter, Order};
use super::params::{as_id, as_text};
use crate::emulator::clock::{iso, timestamp};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::offline::Record;
use crate::emulator::world::secret;

pub(super) const METHODS: &[Method] = &[
    method("event.offline.get", "", get),
    method("event.offline.list", "", list),
    method("event.offline.clear", "", clear),
    method("event.offline.error", "", error),
];

/// Default number of records fetched at once, and size of a page of the list.
const PAGE: usize = 50;

/// Fields to filter and sort by; only the first four where records are fetched.
const FIELDS: [&str; 6] = [
    "ID",
    "TIMESTAMP_X",
    "EVENT_NAME",
    "MESSAGE_ID",
    "PROCESS_ID",
    "ERROR",
];

/// Fetches the next records. They are deleted at once, or with `clear=0` kept under a process id
/// until it clears them.
fn get(call: &mut Call<'_, '_>) -> Answer {
    let app = administrator(call)?;
    let clears = call.params.int("CLEAR") != Some(0);
    let again = call.params.text("PROCESS_ID");
    let again = again.map(|id| id.trim().to_owned());
    let errors = call.params.int("ERROR") == Some(1);
    let limit = call.params.int("LIMIT").unwrap_or(PAGE as i64);
    let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
    let limit = limit.ok_or_else(|| argument("Value must be positive integer", "LIMIT"))?;
    let filter = Filter::read(call.params.get("FILTER"), &FIELDS[..4])?;
    let order = Order::read(call.params.get("ORDER"), &FIELDS[..4], "TIMESTAMP_X")?;
    let source = call.tx.origin.source.clone();
    let now = call.tx.world.clock.unix();

    let from = again.clone().unwrap_or_default();
    let mut found: Vec<(u64, &mut Record)> = call
        .tx
        .world
        .offline
        .of(&app, &source, now)
        .filter(|(_, record)| record.process == from && record.is_error == errors)
        .filter(|(id, record)| filter.fits(|name| field(*id, record, name)))
        .collect();
    order.sort(&mut found, |(id, record), name| field(*id, record, name));
    found.truncate(limit);
    let process = again.clone().unwrap_or_else(secret);
    let mut events = Vec::new();
    for (id, record) in found {
        record.process.clone_from(&process);
        events.push(printed(id, record));
    }
    if clears && !events.is_empty() {
        let taken = |_, record: &Record| record.process == process;
        call.tx.world.offline.clear(&app, &source, taken);
    }
    let keeps_records = !clears || again.is_some();
    let process = keeps_records.then_some(process);
    Ok(json!({ "process_id": process, "events": events }).into())
}

/// Lists the queue, including records in process and errors.
fn list(call: &mut Call<'_, '_>) -> Answer {
    let app = administrator(call)?;
    let filter = Filter::read(call.params.get("FILTER"), &FIELDS)?;
    let order = Order::read(call.params.get("ORDER"), &FIELDS, "ID")?;
    let start = call.params.id("START").unwrap_or(0);
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let source = call.tx.origin.source.clone();
    let now = call.tx.world.clock.unix();
    let mut found: Vec<(u64, &mut Record)> = call
        .tx
        .world
        .offline
        .of(&app, &source, now)
        .filter(|(id, record)| filter.fits(|name| field(*id, record, name)))
        .collect();
    order.sort(&mut found, |(id, record), name| field(*id, record, name));
    let total = found.len();
    let page = found.into_iter().skip(start).take(PAGE);
    let events: Vec<Value> = page
        .map(|(id, record)| {
            let mut event = printed(id, record);
            event["PROCESS_ID"] = record.process.clone().into();
            event["ERROR"] = field(id, record, "ERROR").into();
            event
        })
        .collect();
    let next = start.saturating_add(PAGE);
    Ok(Reply {
        total: Some(total),
        next: (next < total).then_some(next),
        ..Reply::from(events)
    })
}

/// Deletes the records of a process, or some of them. If both are given, the server uses
/// `message_id` rather than `id`; the page says the opposite.
fn clear(call: &mut Call<'_, '_>) -> Answer {
    let app = administrator(call)?;
    let process = process(call)?;
    let source = call.tx.origin.source.clone();
    let messages = message_ids(call)?;
    let is_odd = messages.iter().flatten().any(|id| id.chars().count() != 32);
    if is_odd {
        return Err(argument(
            "Value must be array of MESSAGE_ID values",
            "message_id",
        ));
    }
    let ids = list_of(call, "ID", "Value must be array of integers", "id")?;
    let ids: Option<Vec<Option<u64>>> = ids.map(|ids| ids.iter().map(as_id).collect());
    if messages.is_none() && ids.iter().flatten().any(Option::is_none) {
        return Err(argument("Value must be array of integers", "id"));
    }
    call.tx.world.offline.clear(&app, &source, |id, record| {
        record.process == process
            && match (&messages, &ids) {
                (Some(messages), _) => messages.contains(&record.message),
                (None, Some(ids)) => ids.contains(&Some(id)),
                (None, None) => true,
            }
    });
    yes()
}

/// Marks records that could not be processed as errors: from now on they are fetched with
/// `error=1`.
fn error(call: &mut Call<'_, '_>) -> Answer {
    let app = administrator(call)?;
    let process = process(call)?;
    let source = call.tx.origin.source.clone();
    let messages = message_ids(call)?;
    let messages = messages
        .ok_or_else(|| argument("Value must be array of MESSAGE_ID values", "message_id"))?;
    let now = call.tx.world.clock.unix();
    let offline = &mut call.tx.world.offline;
    offline.clear(&app, &source, |_, record| {
        messages.contains(&record.message) && record.process != process
    });
    for (_, record) in offline.of(&app, &source, now) {
        if messages.contains(&record.message) {
            record.process.clear();
            record.is_error = true;
        }
    }
    yes()
}

/// Returns the application, if an administrator calls.
fn administrator(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let app = call.application()?;
    if call.is_admin() {
        Ok(app)
    } else {
        Err(Refusal::new("ACCESS_DENIED", "Access denied!").status(403))
    }
}

fn process(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let id = call
        .params
        .text("PROCESS_ID")
        .map(|id| id.trim().to_owned());
    id.ok_or_else(|| Refusal::new("ERROR_ARGUMENT", "Argument 'PROCESS_ID' is null or empty"))
}

fn message_ids(call: &Call<'_, '_>) -> Result<Option<Vec<String>>, Refusal> {
    let text = "Value must be array of MESSAGE_ID values";
    let ids = list_of(call, "MESSAGE_ID", text, "message_id")?;
    Ok(ids.map(|ids| {
        let texts = ids.iter().filter_map(as_text);
        texts.map(|id| id.trim().to_owned()).collect()
    }))
}

/// Returns the items of a list; nothing but a list is accepted.
fn list_of(
    call: &Call<'_, '_>,
    name: &str,
    text: &str,
    argument_name: &str,
) -> Result<Option<Vec<Value>>, Refusal> {
    match call.params.get(name) {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(Value::Object(items)) => Ok(Some(items.values().cloned().collect())),
        Some(_) => Err(argument(text, argument_name)),
    }
}

/// Returns a record as it is fetched.
fn printed(id: u64, record: &Record) -> Value {
    json!({
        "ID": id.to_string(),
        "TIMESTAMP_X": stamp(record),
        "EVENT_NAME": record.event,
        "EVENT_DATA": record.data,
        "EVENT_ADDITIONAL": { "user_id": record.user.to_string() },
        "MESSAGE_ID": record.message,
    })
}

fn field(id: u64, record: &Record, name: &str) -> String {
    match name {
        "ID" => id.to_string(),
        "TIMESTAMP_X" => stamp(record),
        "EVENT_NAME" => record.event.clone(),
        "MESSAGE_ID" => record.message.clone(),
        "PROCESS_ID" => record.process.clone(),
        _ => u8::from(record.is_error).to_string(),
    }
}

fn stamp(record: &Record) -> String {
    iso(timestamp(record.stamp * 1000))
}

fn argument(text: &str, name: &str) -> Refusal {
    Refusal::new("ERROR_ARGUMENT", format!("{text}: {name}"))
}
