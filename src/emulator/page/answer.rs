//! Answers of the page: JSON, or a sentence that says why a request was refused.

use poem::http::StatusCode;
use poem::{Request, Response};
use serde_json::{Value, json};

use crate::emulator::refusal::Refusal;
use crate::emulator::reply::json_response;

/// Maximum size of a request body, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The result of every request.
pub(super) type Answer = Result<Value, Refusal>;

pub(super) async fn json_body(mut request: Request) -> Result<Value, Refusal> {
    let body = request.take_body().into_bytes_limit(BODY_BYTES_MAX).await;
    serde_json::from_slice(&body.unwrap_or_default())
        .map_err(|error| Refusal::new("INVALID_JSON", format!("The body is not JSON: {error}")))
}

pub(super) fn answer(answer: Answer) -> Response {
    match answer {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(refusal) => refused(refusal.http_status(), &refusal.to_string()),
    }
}

/// Returns an error as the page shows it.
pub(super) fn refused(status: u16, sentence: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    json_response(status, &json!({ "error": sentence }))
}
