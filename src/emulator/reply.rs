//! HTTP answers that several parts of the portal send.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use poem::Response;
use poem::http::StatusCode;
use poem::http::header::CONTENT_DISPOSITION;
use serde_json::Value;

use super::world::file::File;

/// Returns JSON with any status.
pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response {
    Response::builder()
        .status(status)
        .content_type("application/json; charset=utf-8")
        .body(value.to_string())
}

/// Returns a file for download.
pub(crate) fn attached(file: &File) -> Response {
    let name = utf8_percent_encode(&file.name, NON_ALPHANUMERIC);
    Response::builder()
        .content_type(file.media_type())
        .header(
            CONTENT_DISPOSITION,
            format!("attachment; filename*=utf-8''{name}"),
        )
        .body(file.content.clone())
}
