//! `imopenlines.config.*` and `imopenlines.revision.get`: lines managed by programs. See
//! protocol/open-channels.md 8.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::super::call::{Answer, Call, Method, method};
use super::super::params::{as_id, as_text, is_yes, items};
use super::settings::{given, line};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::line::config::Line;

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.config.add", "imopenlines", add),
    method("imopenlines.config.update", "imopenlines", update),
    method("imopenlines.config.get", "imopenlines", get),
    method("imopenlines.config.list.get", "imopenlines", list),
    method("imopenlines.config.delete", "imopenlines", delete),
    method("imopenlines.config.path.get", "imopenlines", path),
    method("imopenlines.revision.get", "imopenlines", revision),
];

/// Default and maximum number of lines in an answer.
const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 200;

fn add(call: &mut Call<'_, '_>) -> Answer {
    let (settings, queue) = given(&call.params.fields("PARAMS"));
    let queue = queue.unwrap_or_else(|| vec![call.caller.user]);
    Ok(call.tx.add_line(&settings, &queue).into())
}

/// Changes a line; returns `false` if it does not exist.
fn update(call: &mut Call<'_, '_>) -> Answer {
    let id = id(call)?;
    allowed(call)?;
    let (settings, queue) = given(&call.params.fields("PARAMS"));
    let changed = call.tx.change_line(id, &settings, queue.as_deref());
    Ok(changed.is_ok().into())
}

/// Returns a line; `false` if it does not exist.
fn get(call: &mut Call<'_, '_>) -> Answer {
    let id = id(call)?;
    let with_queue = call.params.unless_no("WITH_QUEUE");
    Ok(match call.tx.line(id) {
        Ok(found) => line(found, with_queue).into(),
        Err(_) => false.into(),
    })
}

fn delete(call: &mut Call<'_, '_>) -> Answer {
    let id = id(call)?;
    allowed(call)?;
    Ok(call.tx.delete_line(id).is_ok().into())
}

fn id(call: &Call<'_, '_>) -> Result<u64, Refusal> {
    let id = call.params.id("CONFIG_ID");
    id.ok_or_else(|| Refusal::new("CONFIG_ID_EMPTY", "Config ID can't be empty"))
}

fn allowed(call: &Call<'_, '_>) -> Result<(), Refusal> {
    if call.is_admin() {
        return Ok(());
    }
    let text = "You do not have permission to change this line";
    Err(Refusal::new("CONFIG_WRONG_USER_PERMISSION", text).status(403))
}

/// Returns lines by `filter`, in `order`, from `offset` on; here the queue is a list of numbers.
fn list(call: &mut Call<'_, '_>) -> Answer {
    let params = call.params.fields("PARAMS");
    let options = call.params.fields("OPTIONS");
    let part = |name: &str| map(&params, name);
    let (filter, order) = (part("filter")?, part("order")?);
    let select: Vec<String> = params
        .get("select")
        .map(items)
        .unwrap_or_default()
        .iter()
        .filter_map(as_text)
        .collect();
    let number = |name| params.get(name).and_then(as_id);
    let limit = number("limit").unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let offset = number("offset").unwrap_or(0);
    let with_queue = options.get("QUEUE").is_some_and(is_yes);
    let fits = |shown: &Value| {
        filter.iter().all(|(name, wanted)| {
            let wanted: Vec<_> = items(wanted).iter().filter_map(as_text).collect();
            as_text(&shown[name.as_str()]).is_some_and(|value| wanted.contains(&value))
        })
    };
    let lines = call.tx.world.lines.configs.values();
    let mut found: Vec<Value> = lines
        .map(|one| listed(one, with_queue))
        .filter(fits)
        .collect();
    for (name, way) in order.iter().rev() {
        found.sort_by(|one, other| compare(one, other, name));
        if as_text(way).is_some_and(|way| way.eq_ignore_ascii_case("desc")) {
            found.reverse();
        }
    }
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let page = found.into_iter().skip(place(offset)).take(place(limit));
    Ok(page
        .map(|shown| selected(shown, &select))
        .collect::<Vec<_>>()
        .into())
}

fn listed(one: &Line, with_queue: bool) -> Value {
    let mut shown = line(one, false);
    if with_queue {
        shown["QUEUE"] = json!(one.queue);
    }
    shown
}

/// Compares numbers as numbers, everything else as texts.
fn compare(one: &Value, other: &Value, name: &str) -> Ordering {
    let text = |shown: &Value| as_text(&shown[name]).unwrap_or_default();
    let (one, other) = (text(one), text(other));
    match (one.parse::<i64>(), other.parse::<i64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(&other),
    }
}

fn selected(shown: Value, select: &[String]) -> Value {
    match shown {
        Value::Object(mut fields) if !select.is_empty() && !select.contains(&"*".to_owned()) => {
            fields.retain(|name, _| name == "ID" || select.contains(name));
            fields.into()
        }
        whole => whole,
    }
}

fn map(params: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, Refusal> {
    match params.get(name) {
        None => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(Value::Array(list)) if list.is_empty() => Ok(Map::new()),
        Some(_) => {
            let text = format!("A wrong format for the {name} field is passed");
            Err(Refusal::new("INVALID_FORMAT", text))
        }
    }
}

fn path(call: &mut Call<'_, '_>) -> Answer {
    let address = call.tx.world.address();
    Ok(json!({ "SERVER_ADDRESS": address, "PUBLIC_PATH": "/online/" }).into())
}

fn revision(_: &mut Call<'_, '_>) -> Answer {
    Ok(json!({ "rest": 3, "web": 1, "mobile": 1 }).into())
}
