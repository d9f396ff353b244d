//! Encodes forms as PHP's `http_build_query` does (RFC 1738).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The characters that PHP's `urlencode` leaves unchanged, in addition to letters and digits.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Encodes a value as PHP's `http_build_query` does (RFC 1738).
///
/// `true` is `1`, `false` is `0`; nulls and empty lists and maps are left out; a space is `+`.
///
/// ```
/// use imbot::event::form::encode;
/// use serde_json::json;
///
/// let value = json!({"data": {"TEXT": "a b", "LIST": ["x"], "NONE": null}, "ok": true});
/// assert_eq!(encode(&value), "data%5BTEXT%5D=a+b&data%5BLIST%5D%5B0%5D=x&ok=1");
/// ```
pub fn encode(value: &Value) -> String {
    let mut body = String::new();
    write(&mut body, &mut String::new(), value);
    body
}

fn write(body: &mut String, path: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(yes) => write_leaf(body, path, if *yes { "1" } else { "0" }),
        Value::Number(number) => write_leaf(body, path, &number.to_string()),
        Value::String(text) => write_leaf(body, path, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                within(path, &index.to_string(), |path| write(body, path, item));
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                within(path, key, |path| write(body, path, field));
            }
        }
    }
}

fn within(path: &mut String, key: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    if length == 0 {
        escape(path, key);
    } else {
        path.push_str("%5B");
        escape(path, key);
        path.push_str("%5D");
    }
    then(path);
    path.truncate(length);
}

fn write_leaf(body: &mut String, path: &str, text: &str) {
    if !body.is_empty() {
        body.push('&');
    }
    body.push_str(path);
    body.push('=');
    escape(body, text);
}

fn escape(into: &mut String, text: &str) {
    for part in utf8_percent_encode(text, PLAIN) {
        into.push_str(if part == "%20" { "+" } else { part });
    }
}
