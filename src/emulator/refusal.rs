//! Refusals of the portal.
//!
//! One type for all interfaces: REST sends status, code and text, the web chat shows the text,
//! tests read both. The codes keep the letter case of the documentation.

use std::fmt;

/// A refused request: the portal's code, a sentence, and the HTTP status of REST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: String,
    text: String,
}

impl Refusal {
    /// Returns a refusal with HTTP status 400, the most common one.
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Refusal {
            status: 400,
            code: code.to_owned(),
            text: text.into(),
        }
    }

    /// Returns the same refusal with another HTTP status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Refusal { status, ..self }
    }

    /// Returns the HTTP status of the REST answer.
    pub fn http_status(&self) -> u16 {
        self.status
    }

    /// Returns the code, such as `BOT_ID_ERROR`.
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

/// The chat does not exist or the caller has no access; the portal does not distinguish the two.
pub(crate) fn no_access() -> Refusal {
    Refusal::new(
        "ACCESS_ERROR",
        "You do not have access to the specified dialog",
    )
    .status(403)
}

/// There is no user with this id.
pub(crate) fn no_user(id: u64) -> Refusal {
    Refusal::new(
        "USER_ID_EMPTY",
        format!("There is no user {id} on this portal"),
    )
}
