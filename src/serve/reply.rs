//! Reads bodies within a limit and the language of a page, and answers with pages, and with
//! refusals in plain text.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use poem::error::ReadBodyError;
use poem::http::StatusCode;
use poem::{Body, Response};

use crate::engine::AcceptError;
use crate::event::{Node, Tree};
use crate::handler::Language;

/// Returns a whole body, or an error if it is longer than the limit. Most bodies arrive in one
/// piece, which is returned without a copy.
pub(super) async fn read_body(body: Body, limit: usize) -> Result<Bytes, ReadBodyError> {
    let mut pieces = pin!(body.into_bytes_stream());
    let mut whole = Bytes::new();
    while let Some(piece) = pieces.try_next().await? {
        if whole.len() + piece.len() > limit {
            return Err(ReadBodyError::PayloadTooLarge);
        }
        whole = if whole.is_empty() {
            piece
        } else {
            let mut longer = BytesMut::from(whole); // copied once, when the second piece arrives
            longer.extend_from_slice(&piece);
            longer.freeze()
        };
    }
    Ok(whole)
}

/// Returns the answer to an event or an installation that the engine refuses.
pub(super) fn refuse_error(error: &AcceptError) -> Response {
    refuse(status(error), &error.to_string())
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
