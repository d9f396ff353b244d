//! `$result[key][sub]` in a batch: a reference to the result of an earlier command.
//!
//! A reference ends at the next white space. One that is a whole value is replaced by the real
//! value, including lists; one inside a text only by a text or a number. If the path does not
//! exist, the deepest existing value is used.

use serde_json::{Map, Value};

use super::params::as_text;

/// The trees that can be referred to.
const ROOTS: [&str; 5] = ["$result", "$error", "$total", "$next", "$time"];

/// Returns parameters with their references replaced, in values and in keys.
pub(super) fn resolve(tree: &Value, results: &Value) -> Value {
    match tree {
        Value::Object(fields) => {
            let replaced = fields.iter().map(|(key, value)| {
                let key = as_text(&resolve_text(key, results)).unwrap_or_else(|| key.clone());
                (key, resolve(value, results))
            });
            replaced.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(|item| resolve(item, results)).collect(),
        Value::String(text) => resolve_text(text, results),
        other => other.clone(),
    }
}

fn resolve_text(text: &str, results: &Value) -> Value {
    if let Some(value) = whole(text).and_then(|path| deepest(path, results)) {
        return value.clone();
    }
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(start) = ROOTS.iter().filter_map(|root| rest.find(root)).min() {
        let end = rest[start..]
            .find(char::is_whitespace)
            .map_or(rest.len(), |length| start + length);
        let found = whole(&rest[start..end])
            .and_then(|path| deepest(path, results))
            .and_then(as_text);
        replaced.push_str(&rest[..start]);
        replaced.push_str(found.as_deref().unwrap_or(&rest[start..end]));
        rest = &rest[end..];
    }
    Value::String(replaced + rest)
}

/// Returns the text after `$`, if all of it is one reference.
fn whole(text: &str) -> Option<&str> {
    let begins = ROOTS.iter().any(|root| {
        text.strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('['))
    });
    (begins && !text.contains(char::is_whitespace)).then(|| &text[1..])
}

/// Returns the value of a path, or its deepest existing value; `None` if its first key is unknown.
fn deepest<'v>(path: &str, results: &'v Value) -> Option<&'v Value> {
    let mut keys = path.split(['[', ']']).filter(|key| !key.is_empty());
    let root = results.get(keys.next()?)?;
    let mut found = root.get(keys.next()?)?;
    for key in keys {
        match step(found, key) {
            Some(deeper) => found = deeper,
            None => break,
        }
    }
    Some(found)
}

fn step<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::reference::*;
    use serde_json::json;

    #[test]
    fn references_reach_into_earlier_results() {
        let results = json!({ "result": { "me": { "ID": "5" }, "list": [{ "ID": 7 }], "n": 3 }, "total": { "list": 1 } });
        let cases = [
            ("$result[me][ID]", json!("5")),
            ("$result[list][0][ID]", json!(7)),
            ("$result[list]", json!([{ "ID": 7 }])),
            ("$total[list]", json!(1)),
            (
                "chat $result[n] and $result[me][ID] more",
                json!("chat 3 and 5 more"),
            ),
            ("chat$result[n]", json!("chat3")),
            (
                "a list $result[list] stays",
                json!("a list $result[list] stays"),
            ),
            ("$result[me][NAME]", json!({ "ID": "5" })),
            ("$result[unknown][ID]", json!("$result[unknown][ID]")),
            ("costs $5", json!("costs $5")),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(&json!(text), &results), expected, "{text}");
        }
    }

    #[test]
    fn references_work_in_nested_values_and_in_keys() {
        let results = json!({ "result": { "n": 3 } });
        let tree = json!({ "USERS": { "0": "$result[n]" }, "$result[n]": "x" });
        assert_eq!(
            resolve(&tree, &results),
            json!({ "USERS": { "0": 3 }, "3": "x" })
        );
    }
}
