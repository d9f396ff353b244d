//! Why a body is not an event, said so that its sender or a log's reader finds the place.

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
    /// A key without which the event has no meaning is not there, or is empty.
    #[error("`{key}` is missing")]
    Missing {
        /// The key as PHP writes it, such as `data[PARAMS][MESSAGE_ID]`.
        key: String,
    },
    /// A value is of another kind than the portal documents.
    #[error("`{key}`: expected {expected}, found `{found}`")]
    Unexpected {
        /// The key as PHP writes it.
        key: String,
        /// What belongs there.
        expected: &'static str,
        /// The beginning of what is there.
        found: String,
    },
    /// A payload is read that events of this name do not carry.
    #[error("`{event}` does not carry this payload, which is of {carriers}")]
    OtherEvent {
        /// The event's name.
        event: String,
        /// The events that carry it.
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
        /// The portal's words.
        description: String,
    },
}

/// The beginning of `text`, short enough for an error or a log line.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
