//! Who a visitor is: a secret that their browser has made up, and a chat whose id is its hash.
//!
//! So nobody has to remember visitors: who shows the secret is the one, also after a restart, and the chat's id, which the
//! portal and its operators see, opens nothing.

use std::fmt::{self, Write};

use aws_lc_rs::digest::{Context, SHA256};
use imbot::event::MemberId;
use imbot::prelude::LineId;

/// How many characters a visitor's secret has: 32 random bytes, as hexadecimal digits.
pub const SECRET_CHARS: usize = 64;
/// How many characters the id of a chat has.
const ID_CHARS: usize = 64;

/// A visitor's secret.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// What a browser shows as `Authorization`, if it has the form of a secret.
    pub(super) fn shown(header: &str) -> Option<Secret> {
        let secret = header.strip_prefix("Bearer ")?;
        is_hex(secret, SECRET_CHARS).then(|| Secret(secret.to_owned()))
    }

    /// The visitor's chat on a line.
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

/// The id of a visitor's chat, which is also the visitor's for the line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ChatKey(String);

impl ChatKey {
    /// An id that a portal tells, if it is one of ours.
    pub(super) fn told(id: &str) -> Option<ChatKey> {
        is_hex(id, ID_CHARS).then(|| ChatKey(id.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Random bytes as digits: a name that nobody guesses.
pub(super) fn unguessable() -> Option<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(hex(&bytes))
}

/// Whether a text is so many digits, and so is safe as the name of a file, too.
pub(super) fn is_hex(text: &str, chars: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == chars && text.bytes().all(is_digit)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok(); // a text takes everything
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_known_by_secret_portal_and_line() {
        let secret = |digit: &str| Secret::shown(&format!("Bearer {}", digit.repeat(64))).unwrap();
        let (one, other) = (MemberId::new("m".to_owned()), MemberId::new("n".to_owned()));
        let chat = secret("a").chat(&one, LineId(7));
        assert_eq!(chat, secret("a").chat(&one, LineId(7)));
        assert_ne!(chat, secret("b").chat(&one, LineId(7)));
        assert_ne!(chat, secret("a").chat(&other, LineId(7)));
        assert_ne!(chat, secret("a").chat(&one, LineId(8)));
        assert_eq!(ChatKey::told(chat.as_str()), Some(chat));
    }

    #[test]
    fn what_is_no_secret_and_what_is_no_id_is_refused() {
        for shown in ["", "Bearer ", "Bearer abc", "Basic abc"] {
            assert!(Secret::shown(shown).is_none(), "{shown}");
        }
        assert!(Secret::shown(&format!("Bearer {}", "G".repeat(64))).is_none());
        assert!(ChatKey::told("../../etc/passwd").is_none());
        assert_eq!(unguessable().unwrap().len(), 32);
    }
}
