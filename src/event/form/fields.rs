//! Reading typed values off the pairs of a form.

use std::borrow::Cow;

use super::{key, unescape};
use crate::event::DecodeError;
use crate::event::error::excerpt;

/// The maps around a value, outermost first; empty names follow the last. Of more than five the inner ones are left out.
pub(in crate::event) type Path<'p> = [Cow<'p, [u8]>; 5];

/// Goes through pairs, and knows in which map they stand.
///
/// The portal writes a map's pairs side by side, so what a map means is asked once for all of them.
pub(in crate::event) struct Fields<'p, I, P, F> {
    pairs: I,
    meaning: F,
    /// The last key up to its last bracket.
    stem: &'p [u8],
    place: P,
}

/// A value that is not unescaped yet, and the pair that it belongs to.
#[derive(Clone, Copy)]
pub(in crate::event) struct Raw<'p> {
    pair: &'p [u8],
    value: &'p [u8],
}

impl<'p, I, P, F> Fields<'p, I, P, F>
where
    I: Iterator<Item = &'p [u8]>,
    F: FnMut(&Path<'p>) -> P,
{
    /// Goes through these pairs; `meaning` tells what the map at a path is to the caller.
    pub(super) fn new(pairs: I, mut meaning: F) -> Self {
        let place = meaning(&Path::default());
        Fields {
            pairs,
            meaning,
            stem: &[],
            place,
        }
    }

    /// The name and value of the next pair.
    pub(in crate::event) fn next(&mut self) -> Option<(Cow<'p, [u8]>, Raw<'p>)> {
        let pair = self.pairs.next()?;
        let (name, value) = match key::beside(self.stem, pair) {
            Some((name, value)) => (Cow::Borrowed(name), value),
            None => self.enter(pair),
        };
        Some((name, Raw { pair, value }))
    }

    /// What the map of the last pair is to the caller.
    pub(in crate::event) fn place(&self) -> &P {
        &self.place
    }

    /// Enters the map that a pair stands in, and tells its name and value.
    fn enter(&mut self, pair: &'p [u8]) -> (Cow<'p, [u8]>, &'p [u8]) {
        let (key, value) = key::split(pair);
        let mut path = Path::default();
        let mut names = key::names(key);
        let mut own = names.next().unwrap_or_default();
        for (depth, name) in names.enumerate() {
            if let Some(map) = path.get_mut(depth) {
                *map = key::name(&key[own]);
            }
            own = name;
        }
        self.place = (self.meaning)(&path);
        self.stem = &key[..own.start];
        (key::name(&key[own]), value)
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
        let (key, _) = key::split(self.pair);
        let names = key::names(key).map(|name| key::name(&key[name]));
        names
            .map(|name| String::from_utf8_lossy(&name).into_owned())
            .reduce(|path, name| format!("{path}[{name}]"))
            .unwrap_or_default()
    }
}

/// A yes or no in any of the portal's spellings.
pub(in crate::event) fn flag(text: &str) -> Option<bool> {
    match text {
        "Y" | "y" | "1" | "true" => Some(true),
        "N" | "n" | "0" | "false" => Some(false),
        _ => None,
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
