//! Decodes PHP's `urlencode`, and its booleans.

use std::borrow::Cow;

use super::scan::find;

/// Returns bytes as text; invalid UTF-8 becomes U+FFFD.
pub(in crate::event) fn text(raw: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed)
}

/// Decodes `urlencode`. A broken escape is kept as it is.
pub(in crate::event) fn unescape(raw: &[u8]) -> Cow<'_, str> {
    let Some(first) = find([b'%', b'+'], raw) else {
        return text(raw);
    };
    // In place: a decoded byte is never longer than its escape.
    let mut bytes = raw.to_vec();
    let (mut from, mut to) = (first, first);
    while let Some(byte) = raw.get(from) {
        let (byte, length) = match byte {
            b'+' => (b' ', 1),
            b'%' => escaped(&raw[from + 1..]).map_or((b'%', 1), |byte| (byte, 3)),
            plain => (*plain, 1),
        };
        bytes[to] = byte;
        from += length;
        to += 1;
    }
    bytes.truncate(to);
    Cow::Owned(
        String::from_utf8(bytes)
            .unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned()),
    )
}

/// Returns the byte of an escape with these two digits.
fn escaped(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = digits else {
        return None;
    };
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(*high)? * 16 + digit(*low)?) as u8)
}

/// Reads a boolean in any of the portal's spellings.
pub(in crate::event) fn flag(text: &str) -> Option<bool> {
    match text {
        "Y" | "y" | "1" | "true" => Some(true),
        "N" | "n" | "0" | "false" => Some(false),
        _ => None,
    }
}
