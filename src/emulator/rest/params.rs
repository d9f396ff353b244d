//! The parameters of a call, as loosely typed as PHP takes them.
//!
//! Top-level names may come in any letter case, nested ones may not. A number may be a text, a flag `Y` or `true`, and
//! a list may be a map with the keys `0`, `1`, …, since a form knows no difference.

use serde_json::{Map, Value};

/// Named values, the names as they came.
///
/// Version 1 finds a name in any letter case and asks for it in upper case; version 2 insists on the case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// Takes the fields of an object; later ones win over earlier ones that differ in letter case only.
    pub(crate) fn new(fields: Map<String, Value>) -> Self {
        Params(fields)
    }

    /// Lays other parameters on top.
    pub(crate) fn merge(&mut self, over: Params) {
        for (name, value) in over.0 {
            self.take(&name.to_uppercase());
            self.0.insert(name, value);
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        self.0.clone().into()
    }

    /// The value under an upper-case name, in whatever letter case it came.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let mut named = self.0.iter().filter(|(known, _)| is_same(known, name));
        let (_, value) = named.next_back()?;
        Some(value).filter(|value| !value.is_null())
    }

    /// The value under exactly this name, null or not.
    pub(crate) fn exact(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Takes out all that is under an upper-case name; the last of it counts.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.get(name).cloned();
        self.0.retain(|known, _| !is_same(known, name));
        value
    }

    /// A text, a number or a flag as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(as_text)
    }

    /// A positive number; `0`, a text and nothing at all are the same.
    pub(crate) fn id(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(as_id)
    }

    /// A number of any sign, as PHP's `intval` reads it: what is none is 0.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        Some(self.text(name)?.trim().parse().unwrap_or(0))
    }

    /// A flag that is off unless it says `Y`.
    pub(crate) fn yes(&self, name: &str) -> bool {
        self.get(name).is_some_and(is_yes)
    }

    /// A flag that is on unless it says `N`.
    pub(crate) fn unless_no(&self, name: &str) -> bool {
        !matches!(self.get(name), Some(Value::Bool(false)))
            && self.text(name).as_deref() != Some("N")
    }

    /// The nested fields under a name.
    pub(crate) fn fields(&self, name: &str) -> Map<String, Value> {
        self.get(name)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }
}

fn is_same(known: &str, upper: &str) -> bool {
    known == upper || known.to_uppercase() == upper
}

/// The text of a scalar.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The number in a scalar, if it is positive.
pub(crate) fn as_id(value: &Value) -> Option<u64> {
    as_text(value)?.trim().parse().ok().filter(|id| *id > 0)
}

/// A number that may have come as a text; what is none stays as it is.
pub(super) fn as_number(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| text.parse::<i64>().ok())
        .map_or_else(|| value.clone(), Value::from)
}

/// Whether a flag says `Y`.
pub(crate) fn is_yes(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_str() == Some("Y")
}

/// The items of a list, whether it came as a list, as a map, or alone.
pub(crate) fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Object(fields) => fields.values().cloned().collect(),
        Value::Null => Vec::new(),
        single => vec![single.clone()],
    }
}

/// Whether a map is a list that went through a form.
pub(crate) fn is_list(fields: &Map<String, Value>) -> bool {
    fields
        .keys()
        .enumerate()
        .all(|(place, key)| *key == place.to_string())
}

/// What PHP makes of an array with these keys: a list if they count from 0, a map otherwise, and `[]` if empty.
pub(crate) fn php_array(fields: Map<String, Value>) -> Value {
    if is_list(&fields) {
        fields.into_values().collect::<Vec<_>>().into()
    } else {
        fields.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::params::*;
    use serde_json::json;

    fn params(value: Value) -> Params {
        let Value::Object(fields) = value else {
            panic!("an object")
        };
        Params::new(fields)
    }

    #[test]
    fn names_are_found_in_any_letter_case_but_only_at_the_top() {
        let params = params(json!({ "bot_id": "5", "Properties": { "name": "x" } }));
        assert_eq!(params.id("BOT_ID"), Some(5));
        assert_eq!(params.fields("PROPERTIES").get("NAME"), None);
    }

    #[test]
    fn flags_and_numbers_come_in_many_shapes() {
        let params =
            params(json!({ "a": "Y", "b": true, "c": "N", "d": 7, "e": "7", "f": "x", "g": 0 }));
        assert!(params.yes("A") && params.yes("B") && !params.yes("C") && !params.yes("Z"));
        assert!(params.unless_no("A") && params.unless_no("Z") && !params.unless_no("C"));
        assert_eq!(
            [
                params.id("D"),
                params.id("E"),
                params.id("F"),
                params.id("G")
            ],
            [Some(7), Some(7), None, None]
        );
    }

    #[test]
    fn php_prints_lists_maps_and_nothing_in_three_ways() {
        let cases = [
            (json!({}), json!([])),
            (json!({ "0": "a", "1": "b" }), json!(["a", "b"])),
            (json!({ "1": "b" }), json!({ "1": "b" })),
            (json!({ "me": 1 }), json!({ "me": 1 })),
        ];
        for (fields, expected) in cases {
            let Value::Object(fields) = fields else {
                unreachable!()
            };
            assert_eq!(php_array(fields), expected);
        }
    }
}
