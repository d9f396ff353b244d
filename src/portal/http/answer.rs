//! The envelope of a portal's answer: the result, the next page, the running time.
//!
//! Page `b24restdocs: settings/how-to-call-rest-api/general-principles.md`: `result`, for lists
//! `next` and `total`, and `time`. PHP writes an empty map as a list.

use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Map, Value};

use crate::portal::Error;

/// A successful answer.
#[derive(Clone, Debug, Default)]
pub(in crate::portal) struct Answer {
    pub(in crate::portal) result: Value,
    /// The `start` of the next page, if there is one.
    pub(in crate::portal) next: Option<u64>,
    pub(in crate::portal) time: Time,
}

/// The method's running time (`time.operating`, `time.operating_reset_at`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::portal) struct Time {
    /// How long the method has run within ten minutes, in seconds.
    pub(in crate::portal) operating: f64,
    /// Time until the oldest part of that is forgotten.
    pub(in crate::portal) reset_in: Option<Duration>,
}

impl Answer {
    /// Takes an answer out of its envelope.
    pub(in crate::portal) fn from_envelope(
        method: &str,
        mut envelope: Value,
    ) -> Result<Answer, Error> {
        let Some(result) = envelope.get_mut("result").map(Value::take) else {
            return Err(Error::answer(method, "`result` is missing"));
        };
        Ok(Answer {
            result,
            next: number(&envelope["next"]),
            time: Time::read(&envelope["time"]),
        })
    }
}

impl Time {
    /// Computed from two moments on the portal's clock, since ours may be wrong.
    pub(in crate::portal) fn read(time: &Value) -> Time {
        let reset_at = time["operating_reset_at"].as_f64();
        let reset_in = reset_at
            .zip(time["finish"].as_f64())
            .map(|(at, now)| at - now);
        Time {
            operating: time["operating"].as_f64().unwrap_or_default(),
            reset_in: reset_in.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
    }
}

/// Takes the map of this name. PHP writes it as a list if it is empty or its keys count from 0.
pub(in crate::portal) fn map(value: &mut Value, name: &str) -> Map<String, Value> {
    match value.get_mut(name).map(Value::take) {
        Some(Value::Object(map)) => map,
        Some(Value::Array(items)) => {
            let numbered = items.into_iter().enumerate();
            numbered.map(|(n, item)| (n.to_string(), item)).collect()
        }
        _ => Map::new(),
    }
}

/// Reads a number, also one written as text.
pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Reads an id, also one written as text, for serde.
pub(in crate::portal) fn number_or_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: From<u64>,
{
    let value = Value::deserialize(deserializer)?;
    let number = number(&value).ok_or_else(|| D::Error::custom("expected a number"))?;
    Ok(T::from(number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::portal::http::answer::*;

    #[test]
    fn result_next_page_and_running_time_are_read() {
        let answer = Answer::from_envelope(
            "m",
            json!({"result": [1], "next": "50", "total": 70, "time": {"finish": 1_000.5, "operating": 2.5, "operating_reset_at": 1_060}}),
        )
        .unwrap();
        assert_eq!((answer.result, answer.next), (json!([1]), Some(50)));
        let reset_in = Some(Duration::from_millis(59_500));
        assert_eq!(
            (answer.time.operating, answer.time.reset_in),
            (2.5, reset_in)
        );
        let bare =
            Answer::from_envelope("m", json!({"result": null, "time": {"operating": 0}})).unwrap();
        assert_eq!((bare.next, bare.time), (None, Time::default()));
        assert!(Answer::from_envelope("m", json!([])).is_err());
    }

    #[test]
    fn a_map_that_php_wrote_as_a_list_is_read_as_a_map() {
        let mut value = json!({"empty": [], "list": ["a"], "map": {"k": 1}});
        assert!(map(&mut value, "empty").is_empty() && map(&mut value, "none").is_empty());
        assert_eq!(map(&mut value, "list")["0"], "a");
        assert_eq!(map(&mut value, "map")["k"], 1);
    }
}
