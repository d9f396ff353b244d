//! Reading typed values off the maps of a form.

use std::borrow::Cow;

use super::pairs::{Pair, Pairs};
use crate::event::DecodeError;
use crate::event::error::excerpt;
use crate::event::escape::{flag, unescape};
use crate::event::tree::Span;

/// The names of the maps around a value, outermost first; empty ones follow the last. Of more than five the inner ones are
/// left out.
pub(in crate::event) type Path<'p> = [Cow<'p, [u8]>; 5];

/// Pairs that stand side by side in one map.
#[derive(Clone, Copy)]
pub(in crate::event) struct Map<'p> {
    pub(super) form: &'p Pairs,
    pub(super) names: &'p [Span],
    pub(super) pairs: &'p [Pair],
}

/// A value that is not unescaped yet, and where it stands.
#[derive(Clone, Copy)]
pub(in crate::event) struct Raw<'p> {
    map: Map<'p>,
    name: Span,
    value: &'p [u8],
}

impl<'p> Map<'p> {
    /// Where this map is.
    pub(in crate::event) fn path(&self) -> Path<'p> {
        let mut path = Path::default();
        for (place, name) in path.iter_mut().zip(self.names) {
            *place = self.name(*name);
        }
        path
    }

    /// The names and values in it.
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

    /// A name without its escapes, and `[]` for an empty one.
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
        // Digits are never escaped, so most numbers are read where they stand.
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
            key: excerpt(&self.place()),
            expected: "a number",
            found: excerpt(&text),
        })
    }

    /// The value as it came, with its escapes.
    pub(in crate::event) fn bytes(self) -> &'p [u8] {
        self.value
    }

    /// The whole key, as PHP writes it.
    fn place(self) -> String {
        let names = self.map.names.iter().chain([&self.name]);
        names
            .map(|name| String::from_utf8_lossy(&self.map.name(*name)).into_owned())
            .reduce(|path, name| format!("{path}[{name}]"))
            .unwrap_or_default()
    }
}

/// A number of digits only, and of so few that none is too large.
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
