//! The addresses that portals and probes call.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use poem::error::{NotFoundError, ReadBodyError};
use poem::http::{Method, StatusCode, header};
use poem::{Body, Endpoint, IntoEndpoint, Request, Response, Route};
use serde_json::json;

use super::{connector, install};
use crate::engine::{AcceptError, Engine};
use crate::event::BODY_BYTES_MAX;

/// The engine's addresses, to be nested wherever you like.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn example(engine: Arc<imbot::engine::Engine>) -> poem::Route {
/// poem::Route::new().nest("/bitrix", imbot::serve::endpoint(engine))
/// # }
/// ```
pub fn endpoint(engine: Arc<Engine>) -> EventEndpoint {
    EventEndpoint {
        engine,
        path: String::new(),
        others: None,
    }
}

/// The engine's addresses: `/` for events, `/install`, `/connectors/…`, `/health`.
pub struct EventEndpoint {
    engine: Arc<Engine>,
    path: String,
    /// The program's own addresses.
    others: Option<Route>,
}

impl fmt::Debug for EventEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventEndpoint")
            .field("engine", &self.engine)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl EventEndpoint {
    /// Answers below this path, too: a reverse proxy may pass the path on or cut it off. Default: at the root only.
    #[must_use]
    pub fn below(mut self, path: &str) -> EventEndpoint {
        path.trim_end_matches('/').clone_into(&mut self.path);
        self
    }

    /// Serves addresses of your own beside, below a path such as `/widget`, which they do not see.
    ///
    /// # Panics
    /// The path does not begin with `/`, or another one is the same.
    #[must_use]
    pub fn nest<E>(mut self, path: &str, endpoint: E) -> EventEndpoint
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let others = self.others.take().unwrap_or_default();
        self.others = Some(others.nest(path, endpoint));
        self
    }

    /// The engine whose addresses these are.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Answers at an address that is not the engine's.
    async fn others(&self, mut request: Request, body: Body) -> poem::Result<Response> {
        let Some(others) = &self.others else {
            return Ok(not_found());
        };
        request.set_body(body);
        let uri = request.uri();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        if let Some(path) = path.strip_prefix(self.path.as_str())
            && let Ok(uri) = path.parse()
        {
            *request.uri_mut() = uri;
        }
        match others.call(request).await {
            Err(error) if error.is::<NotFoundError>() => Ok(not_found()),
            answered => answered,
        }
    }

    /// Takes an event in.
    async fn receive(&self, request: &Request, body: Body) -> Response {
        let event = match *request.method() {
            Method::POST if !has_type(request, FORM) && !has_type(request, JSON) => {
                return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_EVENT);
            }
            Method::POST => match whole(body, BODY_BYTES_MAX).await {
                Ok(body) if has_type(request, JSON) && !body.trim_ascii().starts_with(b"{") => {
                    return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_EVENT);
                }
                Ok(body) => body,
                Err(ReadBodyError::PayloadTooLarge) => {
                    let why = format!("the body is longer than {BODY_BYTES_MAX} bytes");
                    return refuse(StatusCode::PAYLOAD_TOO_LARGE, &why);
                }
                Err(_) => return refuse(StatusCode::BAD_REQUEST, "the body ended early"),
            },
            Method::GET => {
                Bytes::copy_from_slice(request.uri().query().unwrap_or_default().as_bytes())
            }
            _ => {
                let mut response = refuse(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "events come by POST, or by GET with a query",
                );
                response
                    .headers_mut()
                    .insert(header::ALLOW, header::HeaderValue::from_static("POST, GET"));
                return response;
            }
        };
        match self.engine.accept(event).await {
            Ok(()) => StatusCode::OK.into(),
            Err(refused) => {
                let status = status(&refused);
                tracing::warn!(status = status.as_u16(), %refused, "an event is not taken in");
                refuse(status, &refused.to_string())
            }
        }
    }

    /// Tells a probe that the program runs, and how much waits.
    fn health(&self) -> Response {
        let (events, calls) = self.engine.waiting();
        let portals = self.engine.portals().len();
        let health = json!({
            "status": "ok",
            "portals": portals,
            "waiting": { "events": events, "calls": calls },
            "since_start": self.engine.counts(),
        });
        Response::builder()
            .content_type("application/json")
            .body(health.to_string())
    }
}

impl Endpoint for EventEndpoint {
    type Output = Response;

    /// In a box of its own, and the request in it once: poem keeps it a second time beside what it calls, and what is
    /// larger than a kilobyte the allocator serves slowly.
    fn call(&self, mut request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        let body = request.take_body();
        Box::pin(async move {
            let path = request.uri().path();
            let path = path.strip_prefix(self.path.as_str()).unwrap_or(path);
            Ok(match path {
                "" | "/" => self.receive(&request, body).await,
                "/install" | "/install/" => Box::pin(install::page(&self.engine, body)).await,
                "/health" | "/health/" => self.health(),
                _ => match path.strip_prefix("/connectors/") {
                    Some(id) => {
                        let id = id.trim_end_matches('/').to_owned();
                        Box::pin(connector::page(&self.engine, &id, body)).await
                    }
                    None => return Box::pin(self.others(request, body)).await,
                },
            })
        })
    }
}

/// The whole of a body that is not longer than the limit. Most come in one piece, which is passed on as it is.
pub(super) async fn whole(body: Body, limit: usize) -> Result<Bytes, ReadBodyError> {
    let mut pieces = pin!(body.into_bytes_stream());
    let mut whole = Bytes::new();
    while let Some(piece) = pieces.try_next().await? {
        if whole.len() + piece.len() > limit {
            return Err(ReadBodyError::PayloadTooLarge);
        }
        whole = if whole.is_empty() {
            piece
        } else {
            let mut longer = BytesMut::from(whole); // copied once, when the second piece comes
            longer.extend_from_slice(&piece);
            longer.freeze()
        };
    }
    Ok(whole)
}

/// The media type of a form, which portals post.
const FORM: &str = "application/x-www-form-urlencoded";
/// The media type of JSON, which some pages of the documentation show (protocol/bots-v2.md 4).
const JSON: &str = "application/json";
/// The answer to a body of another type.
const NO_EVENT: &str =
    "events are posted as application/x-www-form-urlencoded, or as a JSON object";

fn has_type(request: &Request, wanted: &str) -> bool {
    let kind = request.content_type().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(wanted)
}

pub(super) fn status(refused: &AcceptError) -> StatusCode {
    match refused {
        AcceptError::Malformed(_) => StatusCode::BAD_REQUEST,
        AcceptError::Unproven => StatusCode::FORBIDDEN,
        AcceptError::Full | AcceptError::Unreachable | AcceptError::Store(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

fn not_found() -> Response {
    let why = "there is nothing at this address; events go to /";
    refuse(StatusCode::NOT_FOUND, why)
}

pub(super) fn refuse(status: StatusCode, why: &str) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/plain; charset=utf-8")
        .body(format!("{why}\n"))
}
