//! The reasons for refusing a request of a page, in words that the page shows to its visitor.

use std::io;

use imbot::Error;
use poem::Response;
use poem::http::StatusCode;
use serde_json::json;

use super::{
    FILE_BYTES_MAX, MESSAGES_A_MINUTE_MAX, SECRET_CHARS, TEXT_CHARS_MAX, VISITOR_STREAMS_MAX,
};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("this request is invalid: {0}")]
    Invalid(String),
    #[error(
        "a request needs a secret of {SECRET_CHARS} hexadecimal digits: `Authorization: Bearer …`"
    )]
    NoSecret,
    #[error("the site {0} is not allowed: allow it with Widget::site(\"{0}\")")]
    Site(String),
    #[error("there is nothing at this address")]
    NotFound,
    #[error("the chat is not connected at the moment")]
    NotConnected,
    #[error("a message has at most {TEXT_CHARS_MAX} characters")]
    TextTooLong,
    #[error("a file has at most {} MB", FILE_BYTES_MAX / 1_000_000)]
    FileTooLarge,
    #[error(
        "you have sent more than {MESSAGES_A_MINUTE_MAX} messages in a minute: please wait a moment"
    )]
    TooManyMessages,
    #[error("too much is being sent from your network: please try again later")]
    TooMuchFromAddress,
    #[error("many visitors are writing at the moment: please try again in a moment")]
    TooMuchOnLine,
    #[error("the chat is already open {VISITOR_STREAMS_MAX} times: please close one of them")]
    TooManyStreams,
    #[error("the server is busy at the moment: please try again later")]
    Busy,
    #[error("the message cannot be stored at the moment: please try again later")]
    NotStored(#[from] io::Error),
    #[error("the message cannot be sent at the moment: please try again later")]
    NotSent(Error),
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NoSecret => StatusCode::UNAUTHORIZED,
            Self::Site(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TextTooLong | Self::FileTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyMessages
            | Self::TooMuchFromAddress
            | Self::TooMuchOnLine
            | Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::NotConnected | Self::Busy | Self::NotStored(_) | Self::NotSent(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Returns the answer. Logs errors of the program.
    pub(super) fn response(&self) -> Response {
        match self {
            Self::NotStored(error) => {
                tracing::error!(%error, "the widget's folder cannot be used");
            }
            Self::NotSent(error) => {
                tracing::error!(%error, "a visitor's message cannot be stored");
            }
            _ => {}
        }
        Response::builder()
            .status(self.status())
            .content_type("application/json")
            .body(json!({ "error": self.to_string() }).to_string())
    }
}
