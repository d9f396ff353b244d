//! Reads the language of a page, and answers with pages, and with
//! refusals in plain text.

use bytes::Bytes;
use poem::Response;
use poem::http::StatusCode;

use super::body::BodyError;
use crate::engine::{AcceptError, Health};
use crate::event::{Node, Tree};
use crate::handler::Language;

/// Returns the answer to an event or an installation that the engine refuses.
pub(super) fn refuse_error(error: &AcceptError) -> Response {
    refuse(status(error), &error.to_string())
}

/// Returns the answer to a body that could not be read.
pub(super) fn refuse_body(error: BodyError, limit: usize) -> Response {
    match error {
        BodyError::TooLong => {
            let reason = format!("the body is longer than {limit} bytes");
            refuse(StatusCode::PAYLOAD_TOO_LARGE, &reason)
        }
        BodyError::Ended => refuse(StatusCode::BAD_REQUEST, "the body ended early"),
        BodyError::NoMemory => {
            let reason = "too many long bodies are arriving; try again later";
            refuse(StatusCode::SERVICE_UNAVAILABLE, reason)
        }
    }
}

/// Returns the status that reports an error of the engine.
pub(super) fn status(error: &AcceptError) -> StatusCode {
    match error {
        AcceptError::Malformed(_) => StatusCode::BAD_REQUEST,
        AcceptError::Unproven => StatusCode::FORBIDDEN,
        AcceptError::Full | AcceptError::Unreachable | AcceptError::Store(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Returns the status with which a probe is answered.
pub(super) fn health_status(health: &Health) -> StatusCode {
    match health {
        Health::Ok => StatusCode::OK,
        Health::Stopping | Health::Failing(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Returns an answer with this status and reason.
pub(super) fn refuse(status: StatusCode, reason: &str) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/plain; charset=utf-8")
        .body(format!("{reason}\n"))
}

/// Returns a page.
pub(super) fn html(page: String) -> Response {
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .body(page)
}

/// Returns a text for the content of an element.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Returns the language that the portal names in the query of a frame (`LANG`); English if it names
/// none.
pub(super) fn language(query: &str) -> Language {
    let query = Bytes::copy_from_slice(query.as_bytes());
    let query = Tree::from_form(query).ok();
    let code = query.as_ref().and_then(|query| {
        let code = query.root().get("LANG").and_then(Node::filled)?;
        Some(String::from(code))
    });
    Language::of(code.as_deref())
}
