//! Reads posted JSON. Anybody can post it, so the number of its values is bounded while it is read:
//! a body of two megabytes can have a million of them, each of which takes memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::DecodeError;
use super::form::PAIRS_MAX;

/// Maximum number of values: those of all keys, and the lists and maps that contain them.
const VALUES_MAX: usize = 2 * PAIRS_MAX;

/// Decodes posted JSON.
///
/// # Errors
/// - [`DecodeError::TooManyKeys`]: more values than an event has.
/// - [`DecodeError::NotJson`]: the text is not JSON, or nested beyond 128 levels.
pub(super) fn read(text: &[u8]) -> Result<Value, DecodeError> {
    let left = Cell::new(Some(VALUES_MAX));
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Bounded(&left).deserialize(&mut reader);
    let whole = value.and_then(|value| reader.end().map(|()| value));
    whole.map_err(|error| match left.get() {
        Some(_) => DecodeError::NotJson(error.to_string()),
        None => DecodeError::TooManyKeys,
    })
}

/// Reads a value while values are left. `None` if there were too many.
#[derive(Clone, Copy)]
struct Bounded<'a>(&'a Cell<Option<usize>>);

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let left = self.0.get().and_then(|left| left.checked_sub(1));
        self.0.set(left);
        match left {
            Some(_) => reader.deserialize_any(self),
            None => Err(D::Error::custom("too many values")),
        }
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            map.insert(key, fields.next_value_seed(self)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use crate::event::posted_json::*;

    #[test]
    fn json_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"event":"X","a":[1,-2,3.5,1e3,true,null,"\u00fc\n"],"b":{"c":{},"d":[]},"a":7}"#,
            " {} ",
            "18446744073709551615",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()), Ok(expected), "{text}");
        }
        for text in ["", "{", "{} {}", "{\"a\":}", "\u{1}", &"[".repeat(1_000)] {
            let is_refused = matches!(read(text.as_bytes()), Err(DecodeError::NotJson(_)));
            assert!(is_refused, "{text}");
        }
    }

    #[test]
    fn more_values_than_an_event_has_are_refused_while_they_are_read() {
        for unit in ["0", "{}", "[]", r#"{"":0}"#, "[[[]]]"] {
            let many = vec![unit; VALUES_MAX].join(",");
            let text = format!("{{\"event\":\"X\",\"a\":[{many}");
            assert_eq!(
                read(text.as_bytes()),
                Err(DecodeError::TooManyKeys),
                "{unit}"
            );
        }
        let most = vec!["0"; VALUES_MAX - 2].join(",");
        assert!(read(format!("[[{most}]]").as_bytes()).is_ok());
    }
}
