//! Why a body could not be decoded, with the place of the fault.

use super::{BODY_BYTES_MAX, DEPTH_MAX, PAIRS_MAX};

/// Why a body could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body is longer than [`BODY_BYTES_MAX`].
    #[error("the body is longer than {BODY_BYTES_MAX} bytes")]
    TooLong,
    /// The body holds more than [`PAIRS_MAX`] keys.
    #[error("the body holds more than {PAIRS_MAX} keys")]
    TooManyKeys,
    /// A key nests deeper than [`DEPTH_MAX`].
    #[error("`{key}`: nested deeper than {DEPTH_MAX} levels")]
    TooDeep {
        /// The beginning of the key.
        key: String,
    },
    /// A required key is missing or empty.
    #[error("`{key}` is missing")]
    Missing {
        /// The key as PHP writes it, such as `data[PARAMS][MESSAGE_ID]`.
        key: String,
    },
    /// A value is not of the documented type.
    #[error("`{key}`: expected {expected}, found `{found}`")]
    Unexpected {
        /// The key as PHP writes it.
        key: String,
        /// The expected type.
        expected: &'static str,
        /// The beginning of the value.
        found: String,
    },
    /// Events of this name do not have the requested payload.
    #[error("`{event}` does not have this payload, which belongs to {carriers}")]
    OtherEvent {
        /// The event's name.
        event: String,
        /// The events that have it.
        carriers: String,
    },
    /// A polled answer is not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// A polled answer is the portal's error, not a page of events.
    #[error("the portal answered with an error: {code} {description}")]
    Refused {
        /// The portal's error code.
        code: String,
        /// The portal's description.
        description: String,
    },
}

/// Returns the beginning of `text`, short enough for an error or a log line.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
