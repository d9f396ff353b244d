//! Bounds the head of a request, before it is parsed: HTTP/1 only, and not too long.

use memchr::memchr;

/// Maximum size of a request's first line and headers, in bytes.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The beginning of HTTP/2 by prior knowledge. No method of HTTP/1 has this name (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI ";

/// What a head is refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHead {
    /// It is the preface of HTTP/2.
    Http2,
    /// It is too long.
    TooLong,
}

impl BadHead {
    /// Returns the answer.
    pub(super) fn answer(self) -> &'static [u8] {
        match self {
            Self::Http2 => {
                b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Self::TooLong => {
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
        }
    }
}

/// The part of a request's head that has arrived.
///
/// Bytes after the head are not looked at until the next request begins.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: usize,
    /// Whether all bytes so far are those of the preface.
    is_other: bool,
    /// Whether the last byte is a line's end, so that another one ends the head.
    is_at_line: bool,
    is_whole: bool,
}

impl Head {
    /// Adds bytes of a request.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), BadHead> {
        if self.is_whole {
            return Ok(());
        }
        self.check_preface(bytes)?;
        let length = self.end(bytes);
        self.is_whole = length.is_some();
        self.bytes += length.unwrap_or(bytes.len());
        if self.bytes > HEAD_BYTES_MAX {
            return Err(BadHead::TooLong);
        }
        Ok(())
    }

    fn check_preface(&mut self, bytes: &[u8]) -> Result<(), BadHead> {
        if self.is_other {
            return Ok(());
        }
        let rest = &PREFACE[self.bytes.min(PREFACE.len())..];
        let length = rest.len().min(bytes.len());
        if rest[..length] != bytes[..length] {
            self.is_other = true;
            return Ok(());
        }
        if length == rest.len() {
            return Err(BadHead::Http2);
        }
        Ok(())
    }

    /// Returns where the head ends in these bytes: at an empty line. Lines end with or without a
    /// carriage return, as for hyper.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if self.is_at_line {
                match bytes.get(at)? {
                    b'\n' => return Some(at + 1),
                    b'\r' => at += 1,
                    _ => self.is_at_line = false,
                }
            } else {
                at += memchr(b'\n', bytes.get(at..)?)? + 1;
                self.is_at_line = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::serve::head::*;

    /// Pushes the bytes in pieces of each size.
    fn push(bytes: &[u8]) -> Vec<Result<(), BadHead>> {
        let in_pieces = |size| {
            let mut head = Head::default();
            bytes.chunks(size).try_for_each(|piece| head.push(piece))
        };
        [1, 2, 3, 7, bytes.len()].map(in_pieces).to_vec()
    }

    #[test]
    fn the_preface_of_http_2_is_refused_and_no_other_beginning() {
        let check = |bytes: &[u8], expected| assert_eq!(push(bytes), vec![expected; 5]);
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Err(BadHead::Http2));
        check(b"PRI /x HTTP/1.1\r\n\r\n", Err(BadHead::Http2));
        check(b"PRIZE / HTTP/1.1\r\n\r\n", Ok(()));
        check(b"POST /PRI HTTP/1.1\r\nPRI : 1\r\n\r\nPRI ", Ok(()));
    }

    #[test]
    fn a_long_head_is_refused_and_a_long_body_is_not() {
        for end in ["\r\n", "\n"] {
            let start = format!("POST / HTTP/1.1{end}a: ");
            let rest = HEAD_BYTES_MAX - start.len() - 2 * end.len();
            let longest = format!("{start}{}{end}{end}", "x".repeat(rest));
            let body = "x".repeat(3 * HEAD_BYTES_MAX);
            let with_body = format!("{longest}{body}");
            assert_eq!(push(with_body.as_bytes()), vec![Ok(()); 5]);
            let longer = format!("{start}x{}{end}{end}", "x".repeat(rest));
            assert_eq!(push(longer.as_bytes()), vec![Err(BadHead::TooLong); 5]);
        }
    }
}
