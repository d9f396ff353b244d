//! Encodes forms as PHP's `http_build_query` does (RFC 1738).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::event::DecodeError;

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
    // Without a limit it does not fail.
    let _ = write(&mut body, &mut String::new(), value, usize::MAX);
    body
}

/// Encodes a value that anybody may have posted. A long key is written again for each value below
/// it, so a small value may become a form of many gigabytes.
///
/// # Errors
/// [`DecodeError::TooLong`]: the form has more than `bytes_max` bytes. At most that and one value
/// are written.
pub(in crate::event) fn encode_within(
    value: &Value,
    bytes_max: usize,
) -> Result<String, DecodeError> {
    let mut body = String::new();
    write(&mut body, &mut String::new(), value, bytes_max)?;
    Ok(body)
}

fn write(
    body: &mut String,
    path: &mut String,
    value: &Value,
    bytes_max: usize,
) -> Result<(), DecodeError> {
    let leaf = match value {
        Value::Null => return Ok(()),
        Value::Bool(yes) => if *yes { "1" } else { "0" }.into(),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::String(text) => Cow::Borrowed(&**text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let write = |path: &mut String| write(body, path, item, bytes_max);
                within(path, &index.to_string(), write)?;
            }
            return Ok(());
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                within(path, key, |path| write(body, path, field, bytes_max))?;
            }
            return Ok(());
        }
    };
    if path.len() > bytes_max.saturating_sub(body.len()) {
        return Err(DecodeError::TooLong);
    }
    write_leaf(body, path, &leaf);
    Ok(())
}

fn within<T>(path: &mut String, key: &str, then: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    if length == 0 {
        escape(path, key);
    } else {
        path.push_str("%5B");
        escape(path, key);
        path.push_str("%5D");
    }
    let done = then(path);
    path.truncate(length);
    done
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::event::form::encode::*;

    #[test]
    fn a_long_key_with_many_values_ends_at_the_limit() {
        let key = "k".repeat(1_000);
        let value = json!({ "a": { key: vec![1; 100] } });
        let length = encode(&value).len();
        assert!(length > 100_000);
        assert_eq!(encode_within(&value, length).unwrap().len(), length);
        assert_eq!(encode_within(&value, 10_000), Err(DecodeError::TooLong));
    }
}
