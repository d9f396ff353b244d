//! Form bodies as PHP writes and reads them: `data[PARAMS][MESSAGE]=hi`, brackets raw or escaped.
//!
//! Reading never fails for what a body says, only for how much it says: damage is read as far as it goes, as PHP does
//! (an unclosed bracket is part of a name, a broken escape stands for itself, bytes that are not UTF-8 become U+FFFD).
//!
//! A body is cut once into maps and their pairs (`Pairs`), which point into it. Nothing is unescaped before somebody reads
//! it: of the hundred values of an event a bot reads a third, and half of a body are tokens that nobody asks for. `Map` and
//! `Raw` read typed values, [`Tree`] everything.

mod encode;
mod fields;
mod key;
mod pairs;

use bytes::Bytes;
use serde_json::Value;

use super::{DecodeError, Tree};

pub use encode::encode;
pub(super) use fields::{Path, Raw};
pub(super) use pairs::Pairs;

/// The longest body that is read, in bytes.
///
/// A message of 20,000 emoji, sent twice as the portal does in groups, takes less than half of it.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most keys that are read from one body. The largest documented event has 96; PHP itself stops at 1,000.
pub const PAIRS_MAX: usize = 4_000;

impl Tree {
    /// Decodes a form body or a query string.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`], [`TooManyKeys`](DecodeError::TooManyKeys) or [`TooDeep`](DecodeError::TooDeep).
    pub fn from_form(body: impl Into<Bytes>) -> Result<Tree, DecodeError> {
        Ok(Pairs::read(body.into())?.tree())
    }
}

/// Decodes a form body or a query string to JSON: text at the leaves, lists as maps `"0"`, `"1"`, …
///
/// # Errors
/// As [`Tree::from_form`].
pub fn decode(body: &[u8]) -> Result<Value, DecodeError> {
    Ok(Tree::from_form(Bytes::copy_from_slice(body))?
        .root()
        .to_json())
}
