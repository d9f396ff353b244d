//! Converts `PARAMS` of a line between the forms of programs and of the portal.

use serde_json::{Map, Value, json};

use super::super::params::{as_id, as_text, items};
use crate::emulator::world::line::config::Line;

/// Returns settings and queue from `PARAMS`; values that are not scalars are skipped, except for
/// the queue.
pub(super) fn given(params: &Map<String, Value>) -> (Vec<(String, String)>, Option<Vec<u64>>) {
    let scalars = params.iter().filter_map(|(name, value)| {
        Some((
            name.clone(),
            as_text(value).map(|text| written(name, text))?,
        ))
    });
    (scalars.collect(), params.get("QUEUE").map(queue))
}

/// Returns a setting as it is stored: hours lose their zeros and get a dot, `09:30` becomes `9.30`.
fn written(name: &str, text: String) -> String {
    match (name, text.split_once(':')) {
        ("WORKTIME_FROM" | "WORKTIME_TO", Some((hours, minutes))) => {
            let hours: u64 = hours.parse().unwrap_or(0);
            match minutes {
                "00" => hours.to_string(),
                minutes => format!("{hours}.{minutes}"),
            }
        }
        _ => text,
    }
}

/// Returns the operators of a queue: numbers, or `{ENTITY_TYPE, ENTITY_ID}`. Departments are empty
/// here.
fn queue(queue: &Value) -> Vec<u64> {
    let user = |item: &Value| match item {
        Value::Object(entity) => {
            let kind = entity.get("ENTITY_TYPE").and_then(as_text);
            let is_user = kind.is_none_or(|kind| kind == "user");
            entity.get("ENTITY_ID").and_then(as_id).filter(|_| is_user)
        }
        id => as_id(id),
    };
    items(queue).iter().filter_map(user).collect()
}

/// Returns a line as `imopenlines.config.get` prints it: scalars are texts, dates are empty
/// objects, `QUEUE` has texts.
pub(super) fn line(line: &Line, with_queue: bool) -> Value {
    let mut shown = Map::new();
    shown.insert("ID".to_owned(), line.id.to_string().into());
    shown.extend(line.settings().clone());
    shown.insert("DATE_CREATE".to_owned(), json!({}));
    shown.insert("DATE_MODIFY".to_owned(), json!({}));
    if with_queue {
        let ids = line.queue.iter().map(u64::to_string);
        shown.insert("QUEUE".to_owned(), ids.collect::<Vec<_>>().into());
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::openlines::settings::*;

    #[test]
    fn a_queue_has_two_forms_and_hours_are_converted() {
        let params = json!({
            "LINE_NAME": "Support",
            "WORKTIME_FROM": "09:30",
            "WORKTIME_TO": "18:00",
            "QUEUE": [{ "ENTITY_TYPE": "user", "ENTITY_ID": 2 }, "3", { "ENTITY_TYPE": "department", "ENTITY_ID": 1 }],
        });
        let (settings, queue) = given(params.as_object().expect("an object"));
        let values: Vec<&str> = settings.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["Support", "9.30", "18"]);
        assert_eq!(queue, Some(vec![2, 3]));
    }
}
