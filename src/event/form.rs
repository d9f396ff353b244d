//! PHP forms: a stand-in until the real decoder is merged; the signatures are the agreed ones.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use serde_json::{Map, Value};

use super::DecodeError;

const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b' ');

/// Writes a tree as PHP's `http_build_query` does.
pub fn encode(value: &Value) -> String {
    let mut pairs = Vec::new();
    flatten("", value, &mut pairs);
    pairs
        .iter()
        .map(|(key, text)| format!("{}={}", escape(key), escape(text)))
        .collect::<Vec<_>>()
        .join("&")
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, KEPT)
        .to_string()
        .replace(' ', "+")
}

fn flatten(prefix: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    let name = |key: &str| {
        if prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{prefix}[{key}]")
        }
    };
    match value {
        Value::Null => {}
        Value::Bool(flag) => pairs.push((prefix.to_owned(), u8::from(*flag).to_string())),
        Value::Number(number) => pairs.push((prefix.to_owned(), number.to_string())),
        Value::String(text) => pairs.push((prefix.to_owned(), text.clone())),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                flatten(&name(&index.to_string()), item, pairs);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                flatten(&name(key), item, pairs);
            }
        }
    }
}

/// Reads a PHP form body or query string into a tree with text leaves.
pub fn decode(body: &[u8]) -> Result<Value, DecodeError> {
    let mut root = Map::new();
    for pair in body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let cut = pair
            .iter()
            .position(|byte| *byte == b'=')
            .unwrap_or(pair.len());
        let key = unescape(&pair[..cut])?;
        let text = unescape(pair.get(cut + 1..).unwrap_or_default())?;
        let (first, rest) = key.split_once('[').unwrap_or((&key, ""));
        let path: Vec<&str> = rest
            .split('[')
            .filter(|part| !part.is_empty())
            .map(|part| part.trim_end_matches(']'))
            .collect();
        insert(&mut root, first, &path, text);
    }
    Ok(Value::Object(root))
}

fn insert(map: &mut Map<String, Value>, key: &str, path: &[&str], text: String) {
    let key = if key.is_empty() {
        map.len().to_string()
    } else {
        key.to_owned()
    };
    match path {
        [] => {
            map.insert(key, Value::String(text));
        }
        [next, rest @ ..] => {
            let slot = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = slot {
                insert(inner, next, rest, text);
            }
        }
    }
}

fn unescape(bytes: &[u8]) -> Result<String, DecodeError> {
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let text = percent_decode(&spaced)
        .decode_utf8()
        .map_err(|error| DecodeError(error.to_string()))?;
    Ok(text.into_owned())
}
