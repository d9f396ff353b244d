//! The envelope of every answer: `result` and `time`, or `error` and `error_description`.

use jiff::Timestamp;
use poem::Response;
use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::Reply;
use super::xml;
use crate::emulator::clock::iso;
use crate::emulator::refusal::Refusal;
use crate::emulator::reply::json_response;

/// Returns the body of a successful answer. Without `time` the SDKs of other languages fail.
pub(super) fn success(reply: &Reply, started: Timestamp, finished: Timestamp) -> Value {
    let mut body = Map::new();
    body.insert("result".to_owned(), reply.result.clone());
    if let Some(next) = reply.next {
        body.insert("next".to_owned(), next.into());
    }
    if let Some(total) = reply.total {
        body.insert("total".to_owned(), total.into());
    }
    body.insert("time".to_owned(), time(reply, started, finished));
    body.into()
}

/// Returns the `time` block.
pub(super) fn time(reply: &Reply, started: Timestamp, finished: Timestamp) -> Value {
    let seconds = |time: Timestamp| time.as_nanosecond() as f64 / 1e9;
    let duration = seconds(finished) - seconds(started);
    let (operating, reset_at) = reply.operating;
    json!({
        "start": seconds(started),
        "finish": seconds(finished),
        "duration": duration,
        "processing": duration,
        "date_start": iso(started),
        "date_finish": iso(finished),
        "operating_reset_at": reset_at,
        "operating": operating,
    })
}

/// Returns an unknown method in the format of version 3 of the interface, which has no methods for
/// bots and is not emulated; the code follows its naming scheme (protocol/rest.md 7).
pub(super) fn not_found_in_version_3(method: &str) -> Value {
    json!({ "error": {
        "code": "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION",
        "message": format!("Method `{method}` was not found"),
    } })
}

/// Returns the body of a failed answer.
///
/// Some methods fail with HTTP 200: to the server their error is a normal result
/// (protocol/server-behaviour.md 5.2).
pub(super) fn failure(refusal: &Refusal) -> Value {
    if refusal.http_status() == 200 {
        return json!({
            "result": false,
            "error": refusal.code(),
            "error_description": refusal.to_string(),
        });
    }
    json!({ "error": refusal.code(), "error_description": refusal.to_string() })
}

pub(super) fn send_xml(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST))
        .content_type("text/xml; charset=utf-8")
        .body(xml::document(body))
}

pub(super) fn send(status: u16, body: &Value) -> Response {
    json_response(
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        body,
    )
}
