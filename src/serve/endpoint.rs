//! The addresses that portals and health probes call.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use poem::error::NotFoundError;
use poem::http::{Method, StatusCode, header};
use poem::{Body, Endpoint, IntoEndpoint, Request, Response, Route};

use super::body::{Arriving, BodyMemory};
use super::reply::{health_status, refuse, refuse_body, status};
use super::source::{Network, Source, TrustedProxies};
use super::{connector, install, page};
use crate::engine::{AcceptError, Accepted, Engine, LogLimit, user_in_query};
use crate::event::BODY_BYTES_MAX;

/// Returns the engine's addresses, to be served by [`run`](super::run) or nested in a poem
/// application.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn example(engine: Arc<imbot::engine::Engine>) -> poem::Route {
/// poem::Route::new().nest("/bitrix", imbot::serve::endpoint(engine))
/// # }
/// ```
pub fn endpoint(engine: Arc<Engine>) -> EventEndpoint {
    EventEndpoint {
        memory: Arc::default(),
        engine,
        path: String::new(),
        proxies: TrustedProxies::default(),
        refused: LogLimit::default(),
        nested: None,
    }
}

/// The engine's addresses: `/` for events and the application's page, `/install`, `/connectors/…`,
/// `/health`.
pub struct EventEndpoint {
    engine: Arc<Engine>,
    memory: Arc<BodyMemory>,
    path: String,
    proxies: TrustedProxies,
    refused: LogLimit,
    /// The program's own addresses.
    nested: Option<Route>,
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
    /// Answers below this path as well as at the root, since a reverse proxy may pass the path on
    /// or remove it. Default: at the root only.
    #[must_use]
    pub fn below(mut self, path: &str) -> Self {
        path.trim_end_matches('/').clone_into(&mut self.path);
        self
    }

    /// Believes these proxies who their client is (`X-Forwarded-For`). Default: no proxy.
    ///
    /// The client's address is a [`Source`], also for the nested endpoints.
    #[must_use]
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.proxies = TrustedProxies::new(networks);
        self
    }

    /// Serves an endpoint of the program below a path such as `/widget`. The endpoint does not see
    /// the path.
    ///
    /// # Panics
    /// The path does not begin with `/`, or is already in use.
    #[must_use]
    pub fn nest<E>(mut self, path: &str, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        let nested = self.nested.take().unwrap_or_default();
        self.nested = Some(nested.nest(path, endpoint));
        self
    }

    /// Returns the engine behind these addresses.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Calls the nested endpoint at this address, if there is one.
    async fn call_nested(&self, mut request: Request, body: Body) -> poem::Result<Response> {
        let Some(nested) = &self.nested else {
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
        match nested.call(request).await {
            Err(error) if error.is::<NotFoundError>() => Ok(not_found()),
            result => result,
        }
    }

    /// Passes an event to the engine, and reports how it went. A person who opens the application
    /// gets its page.
    async fn receive(&self, request: &Request, source: Source, body: Arriving<'_>) -> Response {
        let read; // keeps the memory of the body
        let event = match *request.method() {
            Method::POST if !has_type(request, FORM) && !has_type(request, JSON) => {
                return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_EVENT);
            }
            Method::POST => match body.read(BODY_BYTES_MAX).await {
                Ok(body) => {
                    let is_json = has_type(request, JSON);
                    if is_json && !body.bytes.trim_ascii().starts_with(b"{") {
                        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_EVENT);
                    }
                    read = body;
                    read.bytes.clone()
                }
                Err(error) => return refuse_body(error, BODY_BYTES_MAX),
            },
            Method::GET => {
                Bytes::copy_from_slice(request.uri().query().unwrap_or_default().as_bytes())
            }
            _ => {
                let mut response = refuse(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "events are sent by POST, or by GET with a query",
                );
                response
                    .headers_mut()
                    .insert(header::ALLOW, header::HeaderValue::from_static("POST, GET"));
                return response;
            }
        };
        let user = user_in_query(request.uri().query());
        let from = Some(source.bucket());
        match self.engine.accept_from(event.clone(), user, from).await {
            Ok(Accepted::Noted) => StatusCode::ACCEPTED.into(),
            Ok(_) => StatusCode::OK.into(),
            Err(AcceptError::Malformed(_)) if page::is_opened_by(&event) => {
                let query = request.uri().query().unwrap_or_default();
                page::page(&self.engine, query, &event)
            }
            Err(error) => {
                let status = status(&error);
                if self.refused.allows("events were refused") {
                    let reason = error.to_string();
                    tracing::warn!(status = status.as_u16(), reason, "an event was refused");
                }
                refuse(status, &error.to_string())
            }
        }
    }

    /// Returns the state of the program in a word, for health probes.
    async fn health(&self) -> Response {
        let state = self.engine.health().await;
        Response::builder()
            .status(health_status(&state))
            .content_type("text/plain; charset=utf-8")
            .body(state.word())
    }
}

impl Endpoint for EventEndpoint {
    type Output = Response;

    /// Boxed, with the request moved into the box: poem would otherwise keep the request twice, and
    /// the allocator is slow for futures above a kilobyte.
    fn call(&self, mut request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        let body = request.take_body();
        Box::pin(async move {
            let source = Source::of(&request, &self.proxies);
            let arriving = |body| Arriving {
                body,
                source,
                memory: &self.memory,
            };
            let path = request.uri().path();
            let path = path.strip_prefix(self.path.as_str()).unwrap_or(path);
            Ok(match path {
                "" | "/" => self.receive(&request, source, arriving(body)).await,
                "/install" | "/install/" => {
                    let query = request.uri().query().unwrap_or_default();
                    Box::pin(install::page(&self.engine, query, source, arriving(body))).await
                }
                "/health" | "/health/" => Box::pin(self.health()).await,
                _ => match path.strip_prefix("/connectors/") {
                    Some(id) => {
                        let id = id.trim_end_matches('/').to_owned();
                        Box::pin(connector::page(&self.engine, &id, arriving(body))).await
                    }
                    None => {
                        request.extensions_mut().insert(source);
                        return Box::pin(self.call_nested(request, body)).await;
                    }
                },
            })
        })
    }
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

fn not_found() -> Response {
    let reason = "there is nothing at this address; events go to /";
    refuse(StatusCode::NOT_FOUND, reason)
}
