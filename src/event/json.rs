//! Builds a [`Tree`] from polled JSON, and JSON from any tree.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

use super::error::excerpt;
use super::form::{BODY_BYTES_MAX, PAIRS_MAX};
use super::tree::{Builder, DEPTH_MAX, Key, Kind, Node, Span};
use super::{DecodeError, Tree};

/// Maximum number of values in one polled answer: a page has up to 1,000 events.
const VALUES_MAX: usize = 1_000 * PAIRS_MAX;

impl Tree {
    /// Decodes JSON. Nulls are left out, as in a form.
    ///
    /// # Errors
    /// - [`DecodeError::NotJson`]: the text is not JSON, or nested beyond 128 levels.
    /// - [`TooDeep`](DecodeError::TooDeep), [`TooManyKeys`](DecodeError::TooManyKeys),
    ///   [`TooLong`](DecodeError::TooLong): see [`from_value`](Tree::from_value).
    pub fn from_json(text: &[u8]) -> Result<Tree, DecodeError> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| DecodeError::NotJson(error.to_string()))?;
        Tree::from_value(&value)
    }

    /// The tree of a JSON value.
    ///
    /// # Errors
    /// - [`DecodeError::TooDeep`]: nested beyond [`DEPTH_MAX`] levels.
    /// - [`TooManyKeys`](DecodeError::TooManyKeys), [`TooLong`](DecodeError::TooLong): more than
    ///   1,000 events can hold.
    pub fn from_value(value: &Value) -> Result<Tree, DecodeError> {
        let mut builder = Builder::new(Bytes::new(), 64);
        let mut text = BytesMut::new();
        let mut left = VALUES_MAX;
        for (key, field) in value.as_object().into_iter().flatten() {
            add(
                &mut builder,
                &mut text,
                0,
                Name::Text(key),
                field,
                1,
                &mut left,
            )?;
        }
        builder.set_text(text.freeze());
        Ok(builder.finish())
    }
}

#[derive(Clone, Copy)]
enum Name<'a> {
    Text(&'a str),
    Index(u32),
}

fn add(
    builder: &mut Builder,
    text: &mut BytesMut,
    parent: u32,
    name: Name<'_>,
    value: &Value,
    depth: usize,
    left: &mut usize,
) -> Result<(), DecodeError> {
    *left = left.checked_sub(1).ok_or(DecodeError::TooManyKeys)?;
    if depth > DEPTH_MAX {
        return Err(DecodeError::TooDeep {
            key: if let Name::Text(name) = name {
                excerpt(name)
            } else {
                String::new()
            },
        });
    }
    let kind = match value {
        Value::Null => return Ok(()),
        Value::Bool(_) => Kind::Bool,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::Text,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Map,
    };
    let key = match name {
        Name::Text(name) => Key::Text(push(text, name)?),
        Name::Index(index) => Key::Index(index),
    };
    let child = builder.child(parent, key, kind);
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                add(
                    builder,
                    text,
                    child,
                    Name::Index(index as u32),
                    item,
                    depth + 1,
                    left,
                )?;
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                add(
                    builder,
                    text,
                    child,
                    Name::Text(key),
                    field,
                    depth + 1,
                    left,
                )?;
            }
        }
        Value::String(leaf) => builder.set(child, push(text, leaf)?),
        leaf => builder.set(child, push(text, &leaf.to_string())?),
    }
    Ok(())
}

fn push(text: &mut BytesMut, part: &str) -> Result<Span, DecodeError> {
    let start = text.len();
    if start + part.len() > BODY_BYTES_MAX * 64 {
        return Err(DecodeError::TooLong);
    }
    text.put_slice(part.as_bytes());
    Ok(Span::new(start, text.len(), false))
}

impl Node<'_> {
    /// Returns the value as JSON. Forms have text at every leaf and a map at every branch.
    pub fn to_json(self) -> Value {
        match self.kind() {
            Kind::Map => Value::Object(
                self.entries()
                    .map(|(key, value)| (key.into_owned(), value.to_json()))
                    .collect(),
            ),
            Kind::List => Value::Array(self.values().map(Node::to_json).collect()),
            Kind::Text => Value::String(self.text().unwrap_or_default().into_owned()),
            Kind::Number | Kind::Bool => {
                serde_json::from_str(&self.text().unwrap_or_default()).unwrap_or(Value::Null)
            }
        }
    }
}
