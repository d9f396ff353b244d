//! The parameters of a call, with the loose types of PHP.
//!
//! Top-level names are accepted in any letter case, nested ones are not. A number may be a text, a
//! flag `Y` or `true`, and a list may be a map with the keys `0`, `1`, …, since forms do not
//! distinguish them.

use serde_json::{Map, Value};

/// Named values, with the names as they were sent.
///
/// v1 accepts names in any letter case and asks for them in upper case; v2 requires the exact case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// Returns the fields of an object; later ones replace earlier ones that differ in letter case
    /// only.
    pub(crate) fn new(fields: Map<String, Value>) -> Self {
        Params(fields)
    }

    /// Merges other parameters into these; they take precedence.
    pub(crate) fn merge(&mut self, over: Params) {
        for (name, value) in over.0 {
            self.take(&name.to_uppercase());
            self.0.insert(name, value);
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        self.0.clone().into()
    }

    /// Returns the value of an upper-case name, in whatever letter case it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let mut named = self.0.iter().filter(|(known, _)| is_same(known, name));
        let (_, value) = named.next_back()?;
        Some(value).filter(|value| !value.is_null())
    }

    /// Returns the value of exactly this name, which may be null.
    pub(crate) fn exact(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Removes all values of an upper-case name and returns the last.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.get(name).cloned();
        self.0.retain(|known, _| !is_same(known, name));
        value
    }

    /// Returns a text, a number or a flag as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(as_text)
    }

    /// Returns a positive number; `None` for `0`, other texts and missing values.
    pub(crate) fn id(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(as_id)
    }

    /// Returns a number of any sign, as PHP's `intval` reads it: 0 for other values.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        Some(self.text(name)?.trim().parse().unwrap_or(0))
    }

    /// Returns a flag whose default is off.
    pub(crate) fn yes(&self, name: &str) -> bool {
        self.get(name).is_some_and(is_yes)
    }

    /// Returns a flag whose default is on.
    pub(crate) fn unless_no(&self, name: &str) -> bool {
        !matches!(self.get(name), Some(Value::Bool(false)))
            && self.text(name).as_deref() != Some("N")
    }

    /// Returns the nested fields of a name.
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

/// Returns a scalar as text.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns a scalar as number, if it is positive.
pub(crate) fn as_id(value: &Value) -> Option<u64> {
    as_text(value)?.trim().parse().ok().filter(|id| *id > 0)
}

/// Converts a text to a number if it is one; other values stay as they are.
pub(super) fn as_number(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| text.parse::<i64>().ok())
        .map_or_else(|| value.clone(), Value::from)
}

/// Whether a flag is `Y`.
pub(crate) fn is_yes(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_str() == Some("Y")
}

/// Returns the items of a list that was sent as a list, as a map, or as a single value.
pub(crate) fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Object(fields) => fields.values().cloned().collect(),
        Value::Null => Vec::new(),
        single => vec![single.clone()],
    }
}

/// Whether a map is a list that was sent in a form.
pub(crate) fn is_list(fields: &Map<String, Value>) -> bool {
    fields
        .keys()
        .enumerate()
        .all(|(place, key)| *key == place.to_string())
}

/// Returns an array as PHP prints it: a list if its keys count from 0, a map otherwise, and `[]` if
/// empty.
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
    fn flags_and_numbers_are_read_from_many_types() {
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
