//! The names in a key: in `data[PARAMS][MESSAGE]`, its brackets raw or escaped, they are `data`, `PARAMS` and `MESSAGE`.

use std::borrow::Cow;
use std::ops::Range;

use super::scan::{behind, find};
use super::unescape;

/// The key and the value of a pair.
pub(super) fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    let end = find([b'='], pair).unwrap_or(pair.len());
    (&pair[..end], pair.get(end + 1..).unwrap_or_default())
}

/// The name and the value of a pair whose key is `stem`, a plain name and a closing bracket, or a plain name alone where
/// there is no stem: nearly all pairs stand in one map with the pair before them.
#[inline(always)] // it runs for every pair, and what it returns is taken apart at once
pub(super) fn beside<'p>(stem: &[u8], pair: &'p [u8]) -> Option<(&'p [u8], &'p [u8])> {
    let rest = behind(stem, pair)?;
    let (name, rest) = rest.split_at(find([b'%', b']', b'='], rest)?);
    let value = match rest {
        [b'%', b'5', b'D' | b'd', b'=', value @ ..] | [b']', b'=', value @ ..] => value,
        [b'=', value @ ..] if stem.is_empty() => return Some((name, value)),
        _ => return None,
    };
    (!stem.is_empty() && !name.is_empty()).then_some((name, value))
}

/// Where the names of a key stand, one after another. One that is empty is PHP's `[]`.
///
/// Damage is read as PHP does: a key that begins with a bracket, or whose first one is never closed, is a single name;
/// what follows a later unclosed bracket, or stands between two pairs of them, is passed over.
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
    /// What comes after the next one.
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
    /// What stands between the bracket here and the one that closes it.
    fn at(key: &[u8], open: usize) -> Option<Inside> {
        let start = open + length(&key[open..], OPEN)?;
        let close = bracket(key, start, CLOSE)?;
        Some(Inside {
            name: start..close.start,
            after: close.end,
        })
    }
}

/// A name without its escapes, and `[]` for an empty one.
pub(super) fn name(raw: &[u8]) -> Cow<'_, [u8]> {
    match find([b'%', b'+'], raw) {
        _ if raw.is_empty() => Cow::Borrowed(b"[]"),
        None => Cow::Borrowed(raw),
        Some(_) => Cow::Owned(unescape(raw).into_owned().into_bytes()),
    }
}

/// A bracket, raw and as the last digit of its escape.
type Bracket = (u8, u8);
const OPEN: Bracket = (b'[', b'B'); // %5B
const CLOSE: Bracket = (b']', b'D'); // %5D

/// Where the first such bracket from there on stands.
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

/// The length of the bracket that `text` begins with.
fn length(text: &[u8], (raw, digit): Bracket) -> Option<usize> {
    match text {
        [byte, ..] if *byte == raw => Some(1),
        [b'%', b'5', last, ..] if last.to_ascii_uppercase() == digit => Some(3),
        _ => None,
    }
}
