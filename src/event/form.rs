//! Form bodies as PHP writes and reads them: `data[PARAMS][MESSAGE]=hi`, brackets raw or escaped.
//!
//! Reading never fails for what a body says, only for how much it says: damage is read as far as it goes, as PHP does
//! (an unclosed bracket is part of a name, a broken escape stands for itself, bytes that are not UTF-8 become U+FFFD).

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memchr2, memchr3};
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
        let body = body.into();
        if body.len() > BODY_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut reader = Reader::new(&body);
        let (mut at, mut pairs) = (0, 0);
        while at < body.len() {
            if body[at] == b'&' {
                at += 1;
                continue;
            }
            pairs += 1;
            if pairs > PAIRS_MAX {
                return Err(DecodeError::TooManyKeys);
            }
            at = reader.pair(at)?;
        }
        Ok(reader.builder.finish())
    }
}

/// Reads pair after pair into a tree.
struct Reader<'b> {
    body: &'b [u8],
    builder: Builder,
    path: [Option<Span>; DEPTH_MAX],
    /// The last key up to its last bracket: most keys stand beside the one before.
    stem: Range<usize>,
}

impl<'b> Reader<'b> {
    fn new(body: &'b Bytes) -> Reader<'b> {
        let builder = Builder::new(body.clone(), (body.len() / 40).min(PAIRS_MAX));
        Reader {
            body,
            builder,
            path: [None; DEPTH_MAX],
            stem: 0..0,
        }
    }

    /// Reads the pair that begins at `start` and tells where the next one begins.
    fn pair(&mut self, start: usize) -> Result<usize, DecodeError> {
        if let Some((key, at)) = self.beside(start) {
            let (value, next) = self.value(at);
            self.builder.sibling(key, value);
            return Ok(next);
        }
        let rest = &self.body[start..];
        let end = memchr2(b'=', b'&', rest).map_or(self.body.len(), |length| start + length);
        let (value, next) = match self.body.get(end) {
            Some(b'=') => self.value(end + 1),
            _ => (Span::default(), end),
        };
        let too_deep = || DecodeError::TooDeep {
            key: excerpt(&unescape(&self.body[start..end])),
        };
        let depth = self.keys(start, end).ok_or_else(too_deep)?;
        self.builder.leaf(&self.path[..depth], value);
        Ok(next)
    }

    /// The value that begins at `start`, and where the next pair begins.
    fn value(&self, start: usize) -> (Span, usize) {
        let rest = &self.body[start..];
        let (length, escaped) = match memchr3(b'&', b'%', b'+', rest) {
            None => (rest.len(), false),
            Some(end) if rest[end] == b'&' => (end, false),
            Some(mark) => {
                let end = memchr(b'&', &rest[mark..]);
                (end.map_or(rest.len(), |length| mark + length), true)
            }
        };
        let end = start + length;
        (Span::new(start, end, escaped), end + 1)
    }

    /// The key's own name and where its value begins, if the key is the one before but for a plain name in its last
    /// brackets: nearly all are.
    fn beside(&self, start: usize) -> Option<(Span, usize)> {
        let stem = &self.body[self.stem.clone()];
        let rest = self.body[start..].strip_prefix(stem)?;
        let is_mark = |byte: &u8| matches!(byte, b'%' | b'+' | b'[' | b']' | b'=' | b'&');
        let length = rest.iter().position(is_mark)?;
        let close = match &rest[length..] {
            _ if stem.is_empty() || length == 0 => return None,
            [b']', b'=', ..] => 2,
            [b'%', b'5', b'D' | b'd', b'=', ..] => 4,
            _ => return None,
        };
        let start = start + stem.len();
        let end = start + length;
        Some((Span::new(start, end, false), end + close))
    }

    /// Splits `name[a][b]` into its keys and tells how many there are, or nothing if there are too many.
    fn keys(&mut self, start: usize, end: usize) -> Option<usize> {
        self.stem = 0..0;
        let (name, mut open) = until(self.body, start, end, b'[', *b"5B");
        self.path[0] = Some(name);
        if name.is_empty() {
            self.path[0] = Some(whole(self.body, start, end)); // `[a]=1`: PHP takes it for a name
            return Some(1);
        }
        let mut depth = 1;
        while let Some(inside) = open {
            let (key, close) = until(self.body, inside, end, b']', *b"5D");
            let Some(after) = close else {
                if depth == 1 {
                    self.path[0] = Some(whole(self.body, start, end)); // `a[b`: never closed, so part of the name
                }
                break;
            };
            *self.path.get_mut(depth)? = (!key.is_empty()).then_some(key);
            self.stem = start..inside;
            depth += 1;
            open = bracket(&self.body[after..end], b'[', *b"5B").map(|length| after + length);
        }
        Some(depth)
    }
}

/// The stretch up to the next bracket, and where it goes on behind that, if there is one.
fn until(body: &[u8], start: usize, end: usize, raw: u8, hex: [u8; 2]) -> (Span, Option<usize>) {
    let mut escaped = false;
    let mut at = start;
    while at < end {
        match body[at] {
            byte if byte == raw || byte == b'%' => {
                if let Some(length) = bracket(&body[at..end], raw, hex) {
                    return (Span::new(start, at, escaped), Some(at + length));
                }
                escaped = true;
            }
            b'+' => escaped = true,
            _ => {}
        }
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
