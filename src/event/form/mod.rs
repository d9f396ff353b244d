//! Form bodies as PHP writes and reads them: `data[PARAMS][MESSAGE]=hi`, with raw or escaped
//! brackets.
//!
//! Reading fails only if a body exceeds a limit. Damaged parts are read as PHP reads them: an
//! unclosed bracket is part of a name, a broken escape is kept, invalid UTF-8 becomes U+FFFD.
//!
//! A body is split once into maps and their pairs (`Pairs`), which point into it. Values are
//! unescaped only when they are read: of the hundred values of an event a bot reads a third, and
//! half of a body is tokens that are not read. `Map` and `Raw` read typed values, [`Tree`] reads
//! everything.

mod encode;
mod fields;
mod key;
mod pairs;

use bytes::Bytes;
use serde_json::Value;

use super::{DecodeError, Tree};

pub use encode::encode;
pub(super) use encode::encode_within;
pub(super) use fields::{Path, Raw};
pub(super) use pairs::Pairs;

/// Maximum size of a body, in bytes.
///
/// A message of 20,000 emoji, sent twice as the portal does in groups, takes less than half of it.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Maximum number of keys in a body. The largest documented event has 96; PHP itself stops at
/// 1,000.
pub const PAIRS_MAX: usize = 4_000;

impl Tree {
    /// Decodes a form body or a query string.
    ///
    /// # Errors
    /// - [`DecodeError::TooLong`]: more than [`BODY_BYTES_MAX`] bytes.
    /// - [`TooManyKeys`](DecodeError::TooManyKeys): more than [`PAIRS_MAX`] keys.
    /// - [`TooDeep`](DecodeError::TooDeep): a key nests too deep.
    pub fn from_form(body: impl Into<Bytes>) -> Result<Tree, DecodeError> {
        Ok(Pairs::read(body.into())?.tree())
    }
}

/// Decodes a form body or a query string to JSON: text at the leaves, lists as maps `"0"`, `"1"`, …
///
/// # Errors
/// Those of [`Tree::from_form`].
pub fn decode(body: &[u8]) -> Result<Value, DecodeError> {
    Ok(Tree::from_form(Bytes::copy_from_slice(body))?
        .root()
        .to_json())
}
