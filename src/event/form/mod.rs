//! Form bodies as PHP writes and reads them: `data[PARAMS][MESSAGE]=hi`, brackets raw or escaped.
//!
//! Reading never fails for what a body says, only for how much it says: damage is read as far as it goes, as PHP does
//! (an unclosed bracket is part of a name, a broken escape stands for itself, bytes that are not UTF-8 become U+FFFD).
//!
//! A body is first cut into pairs and no further: of the hundred keys of an event a bot reads a third, and half of a body
//! are tokens that nobody asks for. Keys are looked into by who reads them: `Fields` for typed values, [`Tree`] for all.

mod encode;
mod escape;
mod fields;
mod key;
mod scan;

use std::ops::Range;

use bytes::Bytes;
use memchr::memchr_iter;
use serde_json::Value;

use super::error::excerpt;
use super::tree::{Builder, DEPTH_MAX, Span};
use super::{DecodeError, Tree};

pub use encode::encode;
pub(super) use escape::{text, unescape};
pub(super) use fields::{Fields, Path, Raw, flag};

/// The longest body that is read, in bytes.
///
/// A message of 20,000 emoji, sent twice as the portal does in groups, takes less than half of it.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most keys that are read from one body. The largest documented event has 96; PHP itself stops at 1,000.
pub const PAIRS_MAX: usize = 4_000;

/// Bytes of a pair as portals write them, or less: room for a body's pairs is made by it.
const PAIR_BYTES: usize = 32;

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

/// A body within the limits, and where its pairs stand in it, in the order they came.
#[derive(Clone)]
pub(super) struct Pairs {
    body: Bytes,
    pairs: Vec<Span>,
}

impl Pairs {
    pub(super) fn read(body: Bytes) -> Result<Pairs, DecodeError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut pairs = Vec::with_capacity((body.len() / PAIR_BYTES).min(PAIRS_MAX));
        let mut start = 0;
        for end in memchr_iter(b'&', &body).chain([body.len()]) {
            if start < end {
                if pairs.len() == PAIRS_MAX {
                    return Err(DecodeError::TooManyKeys);
                }
                check_depth(&body[start..end])?;
                pairs.push(Span::new(start, end, false));
            }
            start = end + 1;
        }
        Ok(Pairs { body, pairs })
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// The typed values of those pairs whose text is wanted; `meaning` tells what the map at a path is to the caller.
    pub(super) fn fields<'p, P, F: FnMut(&Path<'p>) -> P>(
        &'p self,
        is_wanted: impl Fn(&[u8]) -> bool,
        meaning: F,
    ) -> Fields<'p, impl Iterator<Item = &'p [u8]>, P, F> {
        let pairs = self.pairs.iter().map(|pair| &self.body[pair.range()]);
        Fields::new(pairs.filter(move |pair| is_wanted(pair)), meaning)
    }

    pub(super) fn tree(&self) -> Tree {
        let mut builder = Builder::new(self.body.clone(), self.pairs.len());
        let mut path = Vec::with_capacity(DEPTH_MAX);
        let mut stem = &[][..];
        for pair in &self.pairs {
            let (start, pair) = (pair.range().start, &self.body[pair.range()]);
            let span = |part: Range<usize>| {
                let is_escaped = scan::find([b'%', b'+'], &pair[part.clone()]).is_some();
                Span::new(start + part.start, start + part.end, is_escaped)
            };
            let value = if let Some((name, value)) = key::beside(stem, pair) {
                path.pop();
                path.push(Some(span(stem.len()..stem.len() + name.len())));
                value
            } else {
                let (key, value) = key::split(pair);
                path.clear();
                for name in key::names(key) {
                    stem = &key[..name.start];
                    let is_named = path.is_empty() || !name.is_empty();
                    path.push(is_named.then(|| span(name)));
                }
                value
            };
            builder.leaf(&path, span(pair.len() - value.len()..pair.len()));
        }
        builder.finish()
    }
}

/// Refuses a pair whose key nests too deep. A short one cannot: a level takes two brackets.
fn check_depth(pair: &[u8]) -> Result<(), DecodeError> {
    if pair.len() <= 2 * DEPTH_MAX {
        return Ok(());
    }
    let (key, _) = key::split(pair);
    if key.len() > 2 * DEPTH_MAX && key::names(key).nth(DEPTH_MAX).is_some() {
        return Err(DecodeError::TooDeep {
            key: excerpt(&unescape(key)),
        });
    }
    Ok(())
}
