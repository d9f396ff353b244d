//! Damaged answers, as planned by a test.

use std::time::Duration;

use futures_util::stream;
use poem::http::StatusCode;
use poem::http::header::{CONTENT_LENGTH, HOST, LOCATION};
use poem::{Body, Request, Response};
use serde_json::{Value, json};

use crate::emulator::portal::Portal;
use crate::emulator::traffic_log::AnsweredCall;

/// Returns an HTML page of something between the portal and its caller.
pub(super) fn page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    Response::builder()
        .status(status)
        .content_type("text/html")
        .body(format!("<html><body><h1>{status}</h1></body></html>"))
}

/// Returns the first half of an answer with the length of the whole, so that the server closes the
/// connection.
pub(super) fn cut(body: &Value) -> Response {
    let whole = body.to_string();
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    let part = stream::iter([std::io::Result::Ok(half)]);
    Response::builder()
        .content_type("application/json; charset=utf-8")
        .header(CONTENT_LENGTH, whole.len())
        .body(Body::from_bytes_stream(part))
}

/// Returns a redirect if one is planned, or if the request was sent to a former name of the portal.
pub(super) fn check(portal: &Portal, request: &Request) -> Option<Response> {
    let host = request.header(HOST)?;
    let path = request.uri().path_and_query()?;
    let planned = portal.planned().take_redirect();
    let location = planned.or_else(|| {
        portal.read(|world| {
            let is_old = world.former_domains.contains(host);
            is_old.then(|| format!("{}{path}", world.address()))
        })
    })?;
    portal.traffic.call(&AnsweredCall {
        kind: "rest",
        name: request.uri().path(),
        app: None,
        request: &json!({ "host": host }),
        body: "",
        status: StatusCode::FOUND.as_u16(),
        answer: &json!({ "moved": location.split('?').next() }),
        took: Duration::ZERO,
    });
    let moved = Response::builder()
        .status(StatusCode::FOUND)
        .header(LOCATION, location);
    Some(moved.finish())
}
