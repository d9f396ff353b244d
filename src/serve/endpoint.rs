//! The address that portals post events to.

use std::sync::Arc;

use bytes::Bytes;
use poem::http::{Method, StatusCode, header};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Request, Response, Route, get, handler};
use serde_json::json;

use super::install;
use crate::engine::{Engine, Refused};
use crate::event::BODY_BYTES_MAX;

/// The engine's addresses, to be nested wherever you like.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn example(engine: Arc<imbot::engine::Engine>) -> poem::Route {
/// poem::Route::new().nest("/bitrix", imbot::serve::endpoint(engine))
/// # }
/// ```
pub fn endpoint(engine: Arc<Engine>) -> impl Endpoint<Output = Response> + use<> {
    Route::new()
        .at("/", take_in)
        .at("/install", get(install::install).post(install::install))
        .at("/health", get(health))
        .data(engine)
        .map_to_response()
}

/// Takes an event in.
#[handler]
async fn take_in(
    request: &Request,
    body: poem::Body,
    Data(engine): Data<&Arc<Engine>>,
) -> Response {
    let event = match *request.method() {
        Method::POST if !is_form(request) => {
            return refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "events are posted as application/x-www-form-urlencoded",
            );
        }
        Method::POST => match body.into_bytes_limit(BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(poem::error::ReadBodyError::PayloadTooLarge) => {
                return refuse(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    &format!("the body is longer than {BODY_BYTES_MAX} bytes"),
                );
            }
            Err(_) => return refuse(StatusCode::BAD_REQUEST, "the body ended early"),
        },
        Method::GET => Bytes::copy_from_slice(request.uri().query().unwrap_or_default().as_bytes()),
        _ => {
            let response = refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "events come by POST, or by GET with a query",
            );
            return poem::IntoResponse::into_response(poem::IntoResponse::with_header(
                response,
                header::ALLOW,
                "POST, GET",
            ));
        }
    };
    match engine.accept(event).await {
        Ok(()) => StatusCode::OK.into(),
        Err(refused) => {
            let status = status(&refused);
            tracing::warn!(status = status.as_u16(), %refused, "an event is not taken in");
            refuse(status, &refused.to_string())
        }
    }
}

fn is_form(request: &Request) -> bool {
    let kind = request.content_type().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn status(refused: &Refused) -> StatusCode {
    match refused {
        Refused::Malformed(_) => StatusCode::BAD_REQUEST,
        Refused::Unproven => StatusCode::FORBIDDEN,
        Refused::Full | Refused::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

pub(super) fn refuse(status: StatusCode, why: &str) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/plain; charset=utf-8")
        .body(format!("{why}\n"))
}

/// Tells a probe that the program runs, and how much waits.
#[handler]
fn health(Data(engine): Data<&Arc<Engine>>) -> Response {
    let (events, calls) = engine.waiting();
    let health = json!({ "status": "ok", "portals": engine.portals().len(), "waiting": { "events": events, "calls": calls } });
    Response::builder()
        .content_type("application/json")
        .body(health.to_string())
}
