//! Form bodies as PHP writes and reads them: `data[PARAMS][MESSAGE]=hi`, brackets raw or escaped.
//!
//! Reading never fails for what a body says, only for how much it says: damage is read as far as it goes, as PHP does
//! (an unclosed bracket is part of a name, a broken escape stands for itself, bytes that are not UTF-8 become U+FFFD).

use std::borrow::Cow;
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;
use memchr::{memchr, memchr2};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::error::excerpt;
use super::tree::{Builder, DEPTH_MAX, Span};
use super::{DecodeError, Tree};

/// The longest body that is read, in bytes.
///
/// A message of 20,000 emoji, sent twice as the portal does in groups, takes less than half of it.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most keys that are read from one body. The largest documented event has 96; PHP itself stops at 1,000.
pub const PAIRS_MAX: usize = 4_000;

/// What `urlencode` of PHP leaves alone beside letters and digits.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

impl Tree {
    /// Decodes a form body or a query string.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`], [`TooManyKeys`](DecodeError::TooManyKeys) or [`TooDeep`](DecodeError::TooDeep).
    pub fn from_form(body: impl Into<Bytes>) -> Result<Tree, DecodeError> {
        Ok(Pairs::read(&body.into())?.tree())
    }
}

/// The pairs of a body in the order they came, each in the map that it belongs to. Nothing is copied or unescaped.
#[derive(Clone)]
pub(super) struct Pairs {
    body: Bytes,
    pairs: Vec<Pair>,
    sections: Vec<Section>,
    /// The keys of all sections' paths, one path after the other.
    keys: Vec<Option<Span>>,
}

/// A key, without the maps around it, and its value. No key is PHP's `[]`.
#[derive(Clone, Copy)]
struct Pair {
    key: Option<Span>,
    value: Span,
}

/// Pairs that stand side by side in one map.
#[derive(Clone, Copy)]
struct Section {
    first_pair: u32,
    first_key: u32,
}

/// A value that is not unescaped yet, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Raw<'p> {
    pairs: &'p Pairs,
    section: usize,
    pair: usize,
}

/// A map's path, and what is in it.
type InMap<'p, const DEPTH: usize, F> = ([Cow<'p, [u8]>; DEPTH], F);

/// Keys and values of one map.
pub(super) trait Fields<'p>: Iterator<Item = (Cow<'p, [u8]>, Raw<'p>)> {}

impl<'p, F: Iterator<Item = (Cow<'p, [u8]>, Raw<'p>)>> Fields<'p> for F {}

impl Pairs {
    pub(super) fn read(body: &Bytes) -> Result<Pairs, DecodeError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let pairs = Vec::with_capacity((body.len() / 40).min(PAIRS_MAX));
        let read = Pairs {
            body: body.clone(),
            pairs,
            sections: Vec::with_capacity(16),
            keys: Vec::with_capacity(48),
        };
        let mut reader = Reader {
            body,
            read,
            stem: 0..0,
        };
        let mut at = 0;
        while at < body.len() {
            if body[at] == b'&' {
                at += 1;
                continue;
            }
            if reader.read.pairs.len() == PAIRS_MAX {
                return Err(DecodeError::TooManyKeys);
            }
            at = reader.pair(at)?;
        }
        Ok(reader.read)
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(super) fn tree(&self) -> Tree {
        let mut builder = Builder::new(self.body.clone(), self.pairs.len());
        let mut path = Vec::with_capacity(DEPTH_MAX);
        for section in 0..self.sections.len() {
            path.clear();
            path.extend_from_slice(self.path(section));
            for pair in &self.pairs[self.pairs_of(section)] {
                path.push(pair.key);
                builder.leaf(&path, pair.value);
                path.pop();
            }
        }
        builder.finish()
    }

    /// The pairs, map by map: the path to the map (deeper ones are cut to `DEPTH` keys and one more) and what is in it.
    pub(super) fn sections<const DEPTH: usize>(
        &self,
    ) -> impl Iterator<Item = InMap<'_, DEPTH, impl Fields<'_>>> {
        (0..self.sections.len()).map(move |section| {
            let path = self.path(section);
            let key = |depth| {
                path.get(depth)
                    .map_or(Cow::Borrowed(&[][..]), |key: &Option<Span>| self.name(*key))
            };
            let fields = self.pairs_of(section).map(move |pair| {
                (
                    self.name(self.pairs[pair].key),
                    Raw {
                        pairs: self,
                        section,
                        pair,
                    },
                )
            });
            (std::array::from_fn(key), fields)
        })
    }

    /// The value of the pair at this place.
    pub(super) fn value(&self, pair: usize) -> Cow<'_, str> {
        unescape(&self.body[self.pairs[pair].value.range()])
    }

    fn path(&self, section: usize) -> &[Option<Span>] {
        let first = |section: usize| {
            self.sections
                .get(section)
                .map_or(self.keys.len(), |next| next.first_key as usize)
        };
        &self.keys[first(section)..first(section + 1)]
    }

    fn pairs_of(&self, section: usize) -> Range<usize> {
        let first = |section: usize| {
            self.sections
                .get(section)
                .map_or(self.pairs.len(), |next| next.first_pair as usize)
        };
        first(section)..first(section + 1)
    }

    fn name(&self, key: Option<Span>) -> Cow<'_, [u8]> {
        match key {
            None => Cow::Borrowed(b"[]"),
            Some(key) if key.is_escaped() => {
                Cow::Owned(unescape(&self.body[key.range()]).into_owned().into_bytes())
            }
            Some(key) => Cow::Borrowed(&self.body[key.range()]),
        }
    }
}

impl<'p> Raw<'p> {
    pub(super) fn text(self) -> Cow<'p, str> {
        unescape(self.bytes())
    }

    pub(super) fn string(self) -> String {
        self.text().into_owned()
    }

    pub(super) fn filled(self) -> Option<Cow<'p, str>> {
        Some(self.text()).filter(|text| !text.is_empty())
    }

    pub(super) fn flag(self) -> Option<bool> {
        match self.bytes() {
            b"Y" => Some(true),
            b"N" => Some(false),
            _ => flag(&self.text()),
        }
    }

    pub(super) fn number<T: FromStr>(self) -> Result<Option<T>, DecodeError> {
        // Digits are never escaped, so most numbers are read where they stand.
        if let Some(number) = std::str::from_utf8(self.bytes())
            .ok()
            .and_then(|digits| digits.parse().ok())
        {
            return Ok(Some(number));
        }
        let Some(text) = self.filled() else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| DecodeError::Unexpected {
            key: excerpt(&self.place()),
            expected: "a number",
            found: excerpt(&text),
        })
    }

    fn bytes(self) -> &'p [u8] {
        &self.pairs.body[self.pairs.pairs[self.pair].value.range()]
    }

    /// Its place among the body's pairs.
    pub(super) fn place_in_body(self) -> usize {
        self.pair
    }

    /// The whole key, as PHP writes it.
    fn place(self) -> String {
        let own = self.pairs.pairs[self.pair].key;
        let keys = self.pairs.path(self.section).iter().chain([&own]);
        let names = keys.map(|key| String::from_utf8_lossy(&self.pairs.name(*key)).into_owned());
        names
            .reduce(|path, key| format!("{path}[{key}]"))
            .unwrap_or_default()
    }
}

/// A yes or no in any of the portal's spellings.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "Y" | "y" | "1" | "true" => Some(true),
        "N" | "n" | "0" | "false" => Some(false),
        _ => None,
    }
}

/// Reads pair after pair.
struct Reader<'b> {
    body: &'b [u8],
    read: Pairs,
    /// The last key up to its last bracket: most keys stand beside the one before.
    stem: Range<usize>,
}

/// The bytes that end a plain name.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let mut index = 0;
    while index < 6 {
        marks[b"%+[]=&"[index] as usize] = true;
        index += 1;
    }
    marks
};

impl Reader<'_> {
    /// Reads the pair that begins at `start` and tells where the next one begins.
    fn pair(&mut self, start: usize) -> Result<usize, DecodeError> {
        if let Some((key, at)) = self.beside(start) {
            let (value, next) = self.value(at);
            self.read.pairs.push(Pair {
                key: Some(key),
                value,
            });
            return Ok(next);
        }
        let rest = &self.body[start..];
        let end = memchr2(b'=', b'&', rest).map_or(self.body.len(), |length| start + length);
        let (value, next) = match self.body.get(end) {
            Some(b'=') => self.value(end + 1),
            _ => (Span::default(), end),
        };
        let section = Section {
            first_pair: self.read.pairs.len() as u32,
            first_key: self.read.keys.len() as u32,
        };
        self.read.sections.push(section);
        let Some(key) = self.keys(start, end) else {
            return Err(DecodeError::TooDeep {
                key: excerpt(&unescape(&self.body[start..end])),
            });
        };
        self.read.pairs.push(Pair { key, value });
        Ok(next)
    }

    /// The value that begins at `start`, and where the next pair begins. Whether it is escaped shows when it is read: most
    /// values never are.
    fn value(&self, start: usize) -> (Span, usize) {
        let end =
            memchr(b'&', &self.body[start..]).map_or(self.body.len(), |length| start + length);
        (Span::new(start, end, true), end + 1)
    }

    /// The key's own name and where its value begins, if the key is the one before but for a plain name in its last
    /// brackets: nearly all are.
    fn beside(&self, start: usize) -> Option<(Span, usize)> {
        let stem = &self.body[self.stem.clone()];
        let rest = self.body[start..].strip_prefix(stem)?;
        let length = rest.iter().position(|byte| MARKS[*byte as usize])?;
        let close = match &rest[length..] {
            _ if stem.is_empty() || length == 0 => return None,
            [b'%', b'5', b'D' | b'd', b'=', ..] => 4,
            [b']', b'=', ..] => 2,
            _ => return None,
        };
        let start = start + stem.len();
        let end = start + length;
        Some((Span::new(start, end, false), end + close))
    }

    /// Splits `name[a][b]`: the maps' keys become the section's path, the last key is returned; nothing if there are too
    /// many.
    fn keys(&mut self, start: usize, end: usize) -> Option<Option<Span>> {
        self.stem = 0..0;
        let (name, mut open) = until(self.body, start, end, b'[', *b"5B");
        if name.is_empty() {
            return Some(Some(whole(self.body, start, end))); // `[a]=1`: PHP takes it for a name
        }
        let mut last = Some(name);
        let mut depth = 1;
        while let Some(inside) = open {
            let (key, close) = until(self.body, inside, end, b']', *b"5D");
            let Some(after) = close else {
                if depth == 1 {
                    last = Some(whole(self.body, start, end)); // `a[b`: never closed, so part of the name
                }
                break;
            };
            depth += 1;
            if depth > DEPTH_MAX {
                return None;
            }
            self.read.keys.push(last);
            last = (!key.is_empty()).then_some(key);
            self.stem = start..inside;
            open = bracket(&self.body[after..end], b'[', *b"5B").map(|length| after + length);
        }
        Some(last)
    }
}

/// The stretch up to the next bracket, and where it goes on behind that, if there is one.
fn until(body: &[u8], start: usize, end: usize, raw: u8, hex: [u8; 2]) -> (Span, Option<usize>) {
    let mut escaped = false;
    let mut at = start;
    while let Some(length) = body[at..end].iter().position(|byte| MARKS[*byte as usize]) {
        at += length;
        if let Some(length) = bracket(&body[at..end], raw, hex) {
            return (Span::new(start, at, escaped), Some(at + length));
        }
        escaped |= matches!(body[at], b'%' | b'+');
        at += 1;
    }
    (Span::new(start, end, escaped), None)
}

/// The length of the bracket that `text` begins with, raw or escaped in either case.
fn bracket(text: &[u8], raw: u8, hex: [u8; 2]) -> Option<usize> {
    match text {
        [byte, ..] if *byte == raw => Some(1),
        [b'%', high, low, ..] if *high == hex[0] && low.to_ascii_uppercase() == hex[1] => Some(3),
        _ => None,
    }
}

fn whole(body: &[u8], start: usize, end: usize) -> Span {
    Span::new(start, end, memchr2(b'%', b'+', &body[start..end]).is_some())
}

/// Bytes as text; what is not UTF-8 becomes U+FFFD.
pub(super) fn text(raw: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed)
}

/// Undoes `urlencode`.
pub(super) fn unescape(raw: &[u8]) -> Cow<'_, str> {
    let Some(first) = memchr2(b'%', b'+', raw) else {
        return text(raw);
    };
    let mut bytes = Vec::with_capacity(raw.len());
    let (mut at, mut next) = (0, first);
    loop {
        bytes.extend_from_slice(&raw[at..next]);
        let Some(mark) = raw.get(next) else { break };
        let (byte, length) = match (mark, raw.get(next + 1..next + 3).and_then(hex)) {
            (b'+', _) => (b' ', 1),
            (_, Some(byte)) => (byte, 3),
            _ => (b'%', 1),
        };
        bytes.push(byte);
        at = next + length;
        // Text of other alphabets is escaped throughout, so look at the next byte before searching on.
        next = match raw.get(at) {
            Some(b'%' | b'+') => at,
            _ => memchr2(b'%', b'+', &raw[at..]).map_or(raw.len(), |length| at + length),
        };
    }
    Cow::Owned(
        String::from_utf8(bytes)
            .unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned()),
    )
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
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

/// Encodes a value as PHP's `http_build_query` does (RFC 1738).
///
/// `true` is `1`, `false` is `0`; nulls and empty lists and maps vanish; a space is `+`.
///
/// ```
/// let value = serde_json::json!({"data": {"TEXT": "a b", "LIST": ["x"], "NONE": null}, "ok": true});
/// assert_eq!(imbot::event::form::encode(&value), "data%5BTEXT%5D=a+b&data%5BLIST%5D%5B0%5D=x&ok=1");
/// ```
pub fn encode(value: &Value) -> String {
    let mut body = String::new();
    write(&mut body, &mut String::new(), value);
    body
}

fn write(body: &mut String, path: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(yes) => write_leaf(body, path, if *yes { "1" } else { "0" }),
        Value::Number(number) => write_leaf(body, path, &number.to_string()),
        Value::String(text) => write_leaf(body, path, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                within(path, &index.to_string(), |path| write(body, path, item));
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                within(path, key, |path| write(body, path, field));
            }
        }
    }
}

fn within(path: &mut String, key: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    if length == 0 {
        escape(path, key);
    } else {
        path.push_str("%5B");
        escape(path, key);
        path.push_str("%5D");
    }
    then(path);
    path.truncate(length);
}

fn write_leaf(body: &mut String, path: &str, text: &str) {
    if !body.is_empty() {
        body.push('&');
    }
    body.push_str(path);
    body.push('=');
    escape(body, text);
}

fn escape(into: &mut String, text: &str) {
    for part in utf8_percent_encode(text, PLAIN) {
        into.push_str(if part == "%20" { "+" } else { part });
    }
}
