//! Reads typed values from the maps of a form.

use std::borrow::Cow;

use super::pairs::{Block, Pair, Pairs};
use crate::event::DecodeError;
use crate::event::error::excerpt;
use crate::event::escape::{flag, unescape};
use crate::event::tree::Span;

/// The names of the maps around a value, outermost first; unused ones are empty. Beyond five levels
/// the inner names are left out.
pub(in crate::event) type Path<'p> = [Cow<'p, [u8]>; 5];

/// Adjacent pairs of one map.
#[derive(Clone, Copy)]
pub(in crate::event) struct Map<'p> {
    form: &'p Pairs,
    pub(super) names: &'p [Span],
    pub(super) pairs: &'p [Pair],
}

/// A value that is still escaped, and its key.
#[derive(Clone, Copy)]
pub(in crate::event) struct Raw<'p> {
    map: Map<'p>,
    name: Span,
    value: &'p [u8],
}

impl Pairs {
    /// The maps, to read typed values from. A map whose pairs are scattered over the body occurs
    /// several times.
    pub(in crate::event) fn maps(&self) -> impl Iterator<Item = Map<'_>> {
        let end = Block {
            names: self.names.len(),
            pairs: self.pairs.len(),
        };
        let ends = self.maps[1..].iter().copied().chain([end]);
        ends.zip(&self.maps).map(|(end, map)| Map {
            form: self,
            names: &self.names[map.names..end.names],
            pairs: &self.pairs[map.pairs..end.pairs],
        })
    }
}

impl<'p> Map<'p> {
    /// Returns the path of this map.
    pub(in crate::event) fn path(&self) -> Path<'p> {
        let mut path = Path::default();
        for (place, name) in path.iter_mut().zip(self.names) {
            *place = self.name(*name);
        }
        path
    }

    /// The names and values of the map.
    pub(in crate::event) fn fields(self) -> impl Iterator<Item = (Cow<'p, [u8]>, Raw<'p>)> {
        self.pairs.iter().map(move |pair| {
            let raw = Raw {
                map: self,
                name: pair.name,
                value: self.form.slice(pair.value),
            };
            (self.name(pair.name), raw)
        })
    }

    /// Returns a name without escapes, and `[]` for an empty one.
    #[inline]
    fn name(&self, name: Span) -> Cow<'p, [u8]> {
        match self.form.slice(name) {
            [] => Cow::Borrowed(b"[]"),
            raw if name.is_escaped() => Cow::Owned(unescape(raw).into_owned().into_bytes()),
            raw => Cow::Borrowed(raw),
        }
    }
}

impl<'p> Raw<'p> {
    pub(in crate::event) fn text(self) -> Cow<'p, str> {
        unescape(self.value)
    }

    pub(in crate::event) fn string(self) -> String {
        self.text().into_owned()
    }

    pub(in crate::event) fn filled(self) -> Option<Cow<'p, str>> {
        Some(self.text()).filter(|text| !text.is_empty())
    }

    pub(in crate::event) fn flag(self) -> Option<bool> {
        match self.value {
            b"Y" => Some(true),
            b"N" => Some(false),
            _ => flag(&self.text()),
        }
    }

    pub(in crate::event) fn number<T: TryFrom<u64>>(self) -> Result<Option<T>, DecodeError> {
        // Digits are never escaped, so most numbers are read in place.
        if let Some(number) = digits(self.value).and_then(|number| number.try_into().ok()) {
            return Ok(Some(number));
        }
        let Some(text) = self.filled() else {
            return Ok(None);
        };
        let number = text
            .parse()
            .ok()
            .and_then(|number: u64| number.try_into().ok());
        number.map(Some).ok_or_else(|| DecodeError::Unexpected {
            key: excerpt(&self.key()),
            expected: "a number",
            found: excerpt(&text),
        })
    }

    /// The value with its escapes.
    pub(in crate::event) fn bytes(self) -> &'p [u8] {
        self.value
    }

    /// Returns the whole key, as PHP writes it.
    fn key(self) -> String {
        let names = self.map.names.iter().chain([&self.name]);
        names
            .map(|name| String::from_utf8_lossy(&self.map.name(*name)).into_owned())
            .reduce(|path, name| format!("{path}[{name}]"))
            .unwrap_or_default()
    }
}

/// Reads a number of at most 19 digits, which cannot overflow.
fn digits(text: &[u8]) -> Option<u64> {
    const DIGITS_MAX: usize = 19;
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    text.iter().try_fold(0, |number, byte| {
        let is_digit = byte.is_ascii_digit();
        is_digit.then(|| number * 10 + u64::from(byte - b'0'))
    })
}
