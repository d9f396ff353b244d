//! What the portal answers when it does not do what it is asked.
//!
//! One type for all faces: REST sends the status, the code and the text, the web chat shows the text, and a test
//! reads both. The codes keep the letter case of the documentation.

use std::fmt;

/// A request that was refused: the portal's code, a sentence, and the HTTP status REST sends with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: String,
    text: String,
}

impl Refusal {
    /// A refusal with HTTP status 400, as most are.
    pub(crate) fn new(code: &str, text: impl Into<String>) -> Self {
        Refusal {
            status: 400,
            code: code.to_owned(),
            text: text.into(),
        }
    }

    /// The same refusal under another HTTP status.
    pub(crate) fn status(self, status: u16) -> Self {
        Refusal { status, ..self }
    }

    /// The HTTP status that REST answers with.
    pub fn http_status(&self) -> u16 {
        self.status
    }

    /// The code, such as `BOT_ID_ERROR`.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

/// The chat is unknown, or is none of the caller's business: the portal does not tell which.
pub(crate) fn no_access() -> Refusal {
    Refusal::new(
        "ACCESS_ERROR",
        "You do not have access to the specified dialog",
    )
    .status(403)
}

/// A user id that nobody on the portal has.
pub(crate) fn no_user(id: u64) -> Refusal {
    Refusal::new(
        "USER_ID_EMPTY",
        format!("There is no user {id} on this portal"),
    )
}
