//! `method.xml`: the same answer as XML, in the form of PHP's arrays.
//!
//! The documentation shows the root only
//! (`b24restdocs: settings/how-to-call-rest-api/general-principles.md`); the form of lists, flags
//! and null is inferred from PHP: the items of a list are called `item`, true is `1`, false and
//! null are empty.

use std::fmt::Write as _;

use serde_json::Value;

/// Returns a whole document.
pub(super) fn document(body: &Value) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>".to_owned();
    element(&mut text, "response", body);
    text
}

fn element(text: &mut String, name: &str, value: &Value) {
    let _ = write!(text, "<{name}>");
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
                element(text, if is_number { "item" } else { key }, value);
            }
        }
        Value::Array(items) => {
            for item in items {
                element(text, "item", item);
            }
        }
        Value::String(said) => text.push_str(&escape(said)),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Bool(true) => text.push('1'),
        Value::Bool(false) | Value::Null => {}
    }
    let _ = write!(text, "</{name}>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}

#[cfg(test)]
mod tests {
    use crate::emulator::rest::xml::*;
    use serde_json::json;

    #[test]
    fn lists_flags_and_nothing_are_printed_as_php_prints_them() {
        let body = json!({ "result": [{ "a": true, "b": null }, "x < y"], "7": 1.5 });
        assert_eq!(
            document(&body),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><response><result><item><a>1</a><b></b></item>\
             <item>x &lt; y</item></result><item>1.5</item></response>"
        );
    }
}
