//! Answers that do not arrive as they should, because a test asked for it.

use futures_util::stream;
use poem::http::StatusCode;
use poem::http::header::CONTENT_LENGTH;
use poem::{Body, Response};
use serde_json::Value;

/// A page that something between the portal and its caller made.
pub(super) fn page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    Response::builder()
        .status(status)
        .content_type("text/html")
        .body(format!("<html><body><h1>{status}</h1></body></html>"))
}

/// The first half of an answer that announced the whole of it: the server then has to break the connection.
pub(super) fn cut(body: &Value) -> Response {
    let whole = body.to_string();
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    let part = stream::iter([std::io::Result::Ok(half)]);
    Response::builder()
        .content_type("application/json; charset=utf-8")
        .header(CONTENT_LENGTH, whole.len())
        .body(Body::from_bytes_stream(part))
}
