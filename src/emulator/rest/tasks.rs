//! `tasks.task.list` and `tasks.task.add`. Pages
//! `b24restdocs: api-reference/tasks/tasks-task-list.md` and
//! `b24restdocs: api-reference/tasks/tasks-task-add.md`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::call::{Answer, Call, Method, Reply, method};
use super::filter::{Filter, Order};
use super::params::{Params, as_text, items};
use crate::emulator::clock::{iso, timestamp};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::task::{PENDING, Task};

pub(super) const METHODS: &[Method] = &[
    method("tasks.task.list", "task", list),
    method("tasks.task.add", "task", add),
];

/// Number of tasks in an answer, whatever `limit` is.
const PAGE: usize = 50;

/// The fields and their names in answers.
const FIELDS: [(&str, &str); 7] = [
    ("ID", "id"),
    ("TITLE", "title"),
    ("CREATED_BY", "createdBy"),
    ("RESPONSIBLE_ID", "responsibleId"),
    ("STATUS", "status"),
    ("DEADLINE", "deadline"),
    ("CREATED_DATE", "createdDate"),
];
/// `STATUS` without the values that depend on the time.
const REAL_STATUS: &str = "REAL_STATUS";

/// Returns tasks, the newest first by default. People see their own; the administrator sees all.
fn list(call: &mut Call<'_, '_>) -> Answer {
    let names: Vec<&str> = FIELDS
        .map(|(name, _)| name)
        .into_iter()
        .chain([REAL_STATUS])
        .collect();
    let filter = Filter::read(call.params.get("filter"), &names)?;
    let order = call.params.get("order");
    let order = order.map(|given| Order::read(Some(given), &names, "ID"));
    let order = order.transpose()?;
    let now = call.tx.world.clock.millis();
    let (me, sees_all) = (call.caller.user, call.is_admin());
    let is_seen = |task: &&Task| sees_all || task.responsible == me || task.creator == me;
    let fits = |task: &&Task| filter.fits(|name| field(task, name, now));
    let tasks = call.tx.world.tasks.values().rev();
    let mut found: Vec<&Task> = tasks.filter(is_seen).filter(fits).collect();
    if let Some(order) = order {
        order.sort(&mut found, |task, name| field(task, name, now));
    }
    let start = call.params.id("start").unwrap_or(0) as usize;
    let wanted: Vec<String> = call
        .params
        .get("select")
        .map(items)
        .unwrap_or_default()
        .iter()
        .filter_map(as_text)
        .collect();
    let page = found
        .iter()
        .skip(start)
        .take(PAGE)
        .map(|task| described(task, &wanted, now));
    let page: Vec<Value> = page.collect();
    let end = start + page.len();
    Ok(Reply {
        total: Some(found.len()),
        next: (end < found.len()).then_some(end),
        ..Reply::from(json!({ "tasks": page }))
    })
}

/// Adds a task. Only the administrator may name another creator.
fn add(call: &mut Call<'_, '_>) -> Answer {
    let fields = Params::new(call.params.fields("FIELDS"));
    let title = fields
        .text("TITLE")
        .filter(|title| !title.trim().is_empty());
    let title = title.ok_or_else(|| refused("Task title not specified"))?;
    let responsible = fields.id("RESPONSIBLE_ID");
    let responsible = responsible.ok_or_else(|| refused("Assignee not specified"))?;
    let assignee = call.tx.world.users.get(&responsible);
    if !assignee.is_some_and(|user| user.is_person()) {
        return Err(refused(
            "User specified in the \"Assignee\" field not found",
        ));
    }
    let me = call.caller.user;
    let creator = fields.id("CREATED_BY").filter(|_| call.is_admin());
    let now = call.tx.world.clock.millis();
    let task = Task {
        id: call.tx.world.tasks.len() as u64 + 1,
        title,
        creator: creator.unwrap_or(me),
        responsible,
        status: PENDING,
        deadline: fields.text("DEADLINE").and_then(|text| millis(&text)),
        created: now,
    };
    let answer = json!({ "task": described(&task, &[], now) });
    call.tx.world.tasks.insert(task.id, task);
    Ok(answer.into())
}

/// Returns a date with or without an offset as milliseconds; without one it is in UTC, the time
/// zone of this portal.
fn millis(text: &str) -> Option<i64> {
    let with_offset = text.parse::<jiff::Timestamp>().ok();
    let in_utc = || {
        TimeZone::UTC
            .to_timestamp(text.parse::<DateTime>().ok()?)
            .ok()
    };
    Some(with_offset.or_else(in_utc)?.as_millisecond())
}

fn refused(text: &str) -> Refusal {
    Refusal::new("ERROR_CORE", format!("{text}<br>"))
}

/// Returns a field as text for filters; empty if it has no value.
fn field(task: &Task, name: &str, now: i64) -> String {
    match name {
        "ID" => task.id.to_string(),
        "TITLE" => task.title.clone(),
        "CREATED_BY" => task.creator.to_string(),
        "RESPONSIBLE_ID" => task.responsible.to_string(),
        "STATUS" => task.sub_status(now).to_string(),
        REAL_STATUS => task.status.to_string(),
        "DEADLINE" => task.deadline().unwrap_or_default(),
        _ => iso(timestamp(task.created)),
    }
}

/// Returns a task with the requested fields and its id, all as texts.
fn described(task: &Task, wanted: &[String], now: i64) -> Value {
    let is_wanted =
        |name: &str| name == "ID" || wanted.is_empty() || wanted.iter().any(|it| it == name);
    let mut fields = Map::new();
    for (name, key) in FIELDS.into_iter().filter(|(name, _)| is_wanted(name)) {
        let value = match name {
            "STATUS" => task.status.to_string().into(),
            "DEADLINE" => json!(task.deadline()),
            _ => field(task, name, now).into(),
        };
        fields.insert(key.to_owned(), value);
        if name == "STATUS" {
            fields.insert(
                "subStatus".to_owned(),
                task.sub_status(now).to_string().into(),
            );
        }
    }
    fields.into()
}
