//! Visitors: each is identified by a random secret of their browser, and their chat by its hash.
//!
//! So visitors are not stored: the secret alone identifies them, also after a restart. The chat's
//! id, which the portal and its operators see, gives no access.

use std::fmt::{self, Write};

use aws_lc_rs::digest::{Context, SHA256};
use imbot::event::MemberId;
use imbot::prelude::LineId;

/// Length of a visitor's secret, in characters: 32 random bytes as hexadecimal digits.
pub const SECRET_CHARS: usize = 64;
/// Length of a chat's id, in characters.
const ID_CHARS: usize = 64;

/// A visitor's secret.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// Returns the secret in an `Authorization` header, if it is valid.
    pub(super) fn from_header(header: &str) -> Option<Self> {
        let secret = header.strip_prefix("Bearer ")?;
        is_hex(secret, SECRET_CHARS).then(|| Self(secret.to_owned()))
    }

    /// Returns the visitor's chat on a line.
    pub(super) fn chat(&self, portal: &MemberId, line: LineId) -> ChatKey {
        let mut hash = Context::new(&SHA256);
        hash.update(format!("imbot widget\n{}\n{portal}\n{line}", self.0).as_bytes());
        ChatKey(hex(hash.finish().as_ref()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The id of a visitor's chat. The line uses it as the visitor's id as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ChatKey(String);

impl ChatKey {
    /// Returns the id that a portal sends, if it is valid.
    pub(super) fn parse(id: &str) -> Option<Self> {
        is_hex(id, ID_CHARS).then(|| Self(id.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns a random name, as 32 hexadecimal digits.
pub(super) fn random_token() -> Option<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(hex(&bytes))
}

/// Returns true if a text is this many hexadecimal digits, so that it is safe as a file name.
pub(super) fn is_hex(text: &str, chars: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == chars && text.bytes().all(is_digit)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a string does not fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_portal_and_line_identify_a_chat() {
        let secret =
            |digit: &str| Secret::from_header(&format!("Bearer {}", digit.repeat(64))).unwrap();
        let (one, other) = (MemberId::new("m".to_owned()), MemberId::new("n".to_owned()));
        let chat = secret("a").chat(&one, LineId(7));
        assert_eq!(chat, secret("a").chat(&one, LineId(7)));
        assert_ne!(chat, secret("b").chat(&one, LineId(7)));
        assert_ne!(chat, secret("a").chat(&other, LineId(7)));
        assert_ne!(chat, secret("a").chat(&one, LineId(8)));
        assert_eq!(ChatKey::parse(chat.as_str()), Some(chat));
    }

    #[test]
    fn invalid_secrets_and_ids_are_refused() {
        for header in ["", "Bearer ", "Bearer abc", "Basic abc"] {
            assert!(Secret::from_header(header).is_none(), "{header}");
        }
        assert!(Secret::from_header(&format!("Bearer {}", "G".repeat(64))).is_none());
        assert!(ChatKey::parse("../../etc/passwd").is_none());
        assert_eq!(random_token().unwrap().len(), 32);
    }
}
