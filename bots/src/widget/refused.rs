//! Why a page does not get what it asks for, in words that it shows to its visitor.

use std::io;

use imbot::Error;
use poem::Response;
use poem::http::StatusCode;
use serde_json::json;

use super::{
    FILE_BYTES_MAX, MESSAGES_A_MINUTE_MAX, SECRET_CHARS, TEXT_CHARS_MAX, VISITOR_STREAMS_MAX,
};

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("this request cannot be read: {0}")]
    Unreadable(String),
    #[error(
        "a visitor shows a secret of {SECRET_CHARS} hexadecimal digits: `Authorization: Bearer …`"
    )]
    NoSecret,
    #[error("the site {0} is not among the widget's: allow it with Widget::site(\"{0}\")")]
    Site(String),
    #[error("there is nothing at this address")]
    Nothing,
    #[error("the chat is not connected at the moment")]
    NoLine,
    #[error("a message has at most {TEXT_CHARS_MAX} characters")]
    TextTooLong,
    #[error("a file has at most {} MB", FILE_BYTES_MAX / 1_000_000)]
    FileTooLarge,
    #[error("that is more than {MESSAGES_A_MINUTE_MAX} messages in a minute: please wait a moment")]
    TooQuick,
    #[error("the chat is open in {VISITOR_STREAMS_MAX} places already: please close one")]
    TooManyPlaces,
    #[error("too many are here at the moment: please try again later")]
    Full,
    #[error("the message cannot be kept at the moment: please try again later")]
    NotKept(#[from] io::Error),
    #[error("the message cannot be passed on at the moment: please try again later")]
    NotPassed(Error),
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Refused::Unreadable(_) => StatusCode::BAD_REQUEST,
            Refused::NoSecret => StatusCode::UNAUTHORIZED,
            Refused::Site(_) => StatusCode::FORBIDDEN,
            Refused::Nothing => StatusCode::NOT_FOUND,
            Refused::TextTooLong | Refused::FileTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::TooQuick | Refused::TooManyPlaces => StatusCode::TOO_MANY_REQUESTS,
            Refused::NoLine | Refused::Full | Refused::NotKept(_) | Refused::NotPassed(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The answer.
    pub(super) fn answer(&self) -> Response {
        match self {
            Refused::NotKept(error) => {
                tracing::error!(%error, "the widget's folder does not take a message");
            }
            Refused::NotPassed(error) => {
                tracing::error!(%error, "a visitor's message cannot be written down");
            }
            _ => {}
        }
        Response::builder()
            .status(self.status())
            .content_type("application/json")
            .body(json!({ "error": self.to_string() }).to_string())
    }
}
