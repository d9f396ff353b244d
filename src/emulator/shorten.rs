//! Shortens tokens to their first four characters, in trees and in raw bodies.

use serde_json::Value;

/// Keys whose values are secret, in lower case.
const SECRET_KEYS: [&str; 10] = [
    "access_token",
    "refresh_token",
    "application_token",
    "auth",
    "auth_id",
    "bottoken",
    "refresh_id",
    "client_secret",
    "code",
    "secret",
];

/// Minimum length of a token, in bytes: a bot's `CODE` is not a secret, an authorization `code` is.
const TOKEN_CHARS_MIN: usize = 24;

/// Number of characters shown of a token.
const SHOWN: usize = 4;

/// Maximum size of a text, in bytes; longer ones are files and only their beginning is kept.
const TEXT_BYTES_MAX: usize = 128 * 1024;
const TEXT_SHOWN: usize = 200;

/// Returns a tree with its tokens shortened.
pub(crate) fn shorten_tree(tree: &Value) -> Value {
    match tree {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), field(key, value)))
            .collect(),
        Value::Array(items) => items.iter().map(shorten_tree).collect(),
        Value::String(text) if text.len() > TEXT_BYTES_MAX => {
            let shown: String = text.chars().take(TEXT_SHOWN).collect();
            format!("{}… ({} bytes)", shorten_runs(&shown), text.len()).into()
        }
        Value::String(text) => shorten_runs(text).into(),
        other => other.clone(),
    }
}

fn field(key: &str, value: &Value) -> Value {
    match value.as_str() {
        Some(text) if is_secret(key, text) => shortened(text).into(),
        _ => shorten_tree(value),
    }
}

fn is_secret(key: &str, text: &str) -> bool {
    let key = key.to_lowercase();
    let always = key.ends_with("_token") || key == "client_secret" || key == "bottoken";
    SECRET_KEYS.contains(&key.as_str())
        && text.len() > SHOWN
        && (always || text.len() >= TOKEN_CHARS_MIN)
}

/// Returns a raw body with the tokens of its tree shortened, and everything else in the form of our
/// tokens.
pub(crate) fn shorten_body(body: &str, tree: &Value) -> String {
    let mut secrets = Vec::new();
    collect(tree, &mut secrets);
    let known = secrets.iter().fold(body.to_owned(), |body, secret| {
        body.replace(*secret, &shortened(secret))
    });
    shorten_runs(&known)
}

fn collect<'a>(tree: &'a Value, secrets: &mut Vec<&'a str>) {
    match tree {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if is_secret(key, text) => secrets.push(text),
                    _ => collect(value, secrets),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Shortens runs of 64 hexadecimal characters, the form of tokens issued here.
fn shorten_runs(text: &str) -> String {
    const RUN: usize = 64;
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let run = rest[start..]
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(rest.len() - start);
        let (before, token) = (&rest[..start], &rest[start..start + run]);
        short.push_str(before);
        short.push_str(&if run >= RUN {
            shortened(token)
        } else {
            token.to_owned()
        });
        rest = &rest[start + run..];
    }
    short + rest
}

/// Returns the shown part of a token.
pub(crate) fn shortened(token: &str) -> String {
    token.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use crate::emulator::shorten::*;
    use serde_json::json;

    #[test]
    fn tokens_are_shortened_everywhere_in_an_entry() {
        let token = "0123456789abcdef".repeat(4);
        let tree = json!({ "auth": token, "data": { "AUTH": { "refresh_token": token } }, "cmd": [format!("a?auth={token}")] });
        let short = shorten_tree(&tree).to_string();
        assert!(!short.contains(&token), "{short}");
        assert!(short.contains("a?auth=0123…"), "{short}");
        let body = shorten_body(&format!("auth={token}&x=1"), &tree);
        assert_eq!(body, "auth=0123…&x=1");
    }

    #[test]
    fn only_the_beginning_of_a_file_is_logged() {
        let tree = json!({ "content": "AbC=".repeat(TEXT_BYTES_MAX) });
        let short = shorten_tree(&tree)["content"].to_string();
        assert!(
            short.len() < 300 && short.contains("(524288 bytes)"),
            "{short}"
        );
    }

    #[test]
    fn values_that_are_not_tokens_stay_readable() {
        let tree = json!({ "CODE": "echo", "AUTH": { "domain": "x" }, "MESSAGE": "deadbeef" });
        assert_eq!(shorten_tree(&tree), tree);
    }
}
