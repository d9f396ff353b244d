//! Splits a key into names: `data[PARAMS][MESSAGE]`, with raw or escaped brackets, has the names
//! `data`, `PARAMS` and `MESSAGE`.

use std::ops::Range;

use crate::event::scan::{end_of_name, find, strip_start};

/// Returns the key at the beginning of a pair.
pub(super) fn of(pair: &[u8]) -> &[u8] {
    &pair[..find([b'=', b'&'], pair).unwrap_or(pair.len())]
}

/// Returns the end of the name and the start of the value, if `text` begins with a pair whose key
/// is `stem`, a plain name and a closing bracket; without a stem, a plain name alone. Nearly all
/// pairs are in one map with the pair before them. A name with a character such as `-` does not
/// count as plain, which only costs time.
#[inline(always)] // it runs for every pair, and its result is used at once
pub(super) fn after_stem(stem: &[u8], text: &[u8]) -> Option<(usize, usize)> {
    let rest = strip_start(stem, text)?;
    let (name, rest) = rest.split_at(end_of_name(rest)?);
    let length = match rest {
        [b'%', b'5', b'D', b'=', ..] | [b'%', b'5', b'd', b'=', ..] => 4,
        [b']', b'=', ..] => 2,
        [b'=', ..] if stem.is_empty() => return Some((name.len(), name.len() + 1)),
        _ => return None,
    };
    let end = stem.len() + name.len();
    (!stem.is_empty() && !name.is_empty()).then_some((end, end + length))
}

/// Returns the positions of a key's names, in order. An empty one is PHP's `[]`.
///
/// Damaged keys are read as PHP does: a key that begins with a bracket, or whose first bracket is
/// not closed, is a single name; text after a later unclosed bracket, or between two pairs of
/// brackets, is ignored.
pub(super) fn names(key: &[u8]) -> Names<'_> {
    let open = bracket(key, 0, OPEN).map_or(0, |open| open.start);
    let inside = (open > 0).then(|| Inside::at(key, open)).flatten();
    Names {
        key,
        next: Some(0..if inside.is_some() { open } else { key.len() }),
        inside,
    }
}

/// See [`names`].
pub(super) struct Names<'k> {
    key: &'k [u8],
    next: Option<Range<usize>>,
    /// The name after the next one.
    inside: Option<Inside>,
}

impl Iterator for Names<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let name = self.next.take()?;
        if let Some(Inside { name, after }) = self.inside.take() {
            self.next = Some(name);
            self.inside = Inside::at(self.key, after);
        }
        Some(name)
    }
}

/// A name between brackets.
struct Inside {
    name: Range<usize>,
    after: usize,
}

impl Inside {
    /// Returns the name between the bracket at `open` and the one that closes it.
    fn at(key: &[u8], open: usize) -> Option<Inside> {
        let start = open + length(&key[open..], OPEN)?;
        let close = bracket(key, start, CLOSE)?;
        Some(Inside {
            name: start..close.start,
            after: close.end,
        })
    }
}

/// A bracket: the raw byte, and the last digit of its escape.
type Bracket = (u8, u8);
const OPEN: Bracket = (b'[', b'B'); // %5B
const CLOSE: Bracket = (b']', b'D'); // %5D

/// Returns the position of the first such bracket from `from` on.
fn bracket(key: &[u8], from: usize, which: Bracket) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at += find([which.0, b'%'], &key[at..])?;
        if let Some(length) = length(&key[at..], which) {
            return Some(at..at + length);
        }
        at += 1;
    }
}

/// Returns the length of the bracket at the beginning of `text`.
fn length(text: &[u8], (raw, digit): Bracket) -> Option<usize> {
    match text {
        [byte, ..] if *byte == raw => Some(1),
        [b'%', b'5', last, ..] if last.to_ascii_uppercase() == digit => Some(3),
        _ => None,
    }
}
