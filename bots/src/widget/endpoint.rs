//! The widget's addresses: the script, a demo page, and the requests of the script.
//!
//! | address | purpose |
//! |---|---|
//! | `GET /` | a page with the widget on it |
//! | `GET /widget.js` | the script |
//! | `GET /events?line=7&after=0` | the visitor's chat and new messages, as server-sent events |
//! | `POST /say?line=7` | sends a message: `{"id": "…", "text": "Hello"}` |
//! | `POST /file?line=7&id=…&name=a.png` | sends a file: the body is its content |
//! | `GET /file/…` | a file; its address is unguessable |

use std::net::IpAddr;
use std::sync::Arc;

use imbot::event::MemberId;
use imbot::prelude::{Channel, LineId};
use imbot::serve::Source;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, FromRequest, IntoEndpoint, IntoResponse, Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::chat::{Entry, File};
use super::message::{VisitorMessage, lock_for, send};
use super::refusal::Refused;
use super::stream::{VISITOR_STREAMS_MAX, stream};
use super::visitor::{ChatKey, Secret};
use super::{FILE_BYTES_MAX, Widget};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("widget.js");
/// Maximum size of the body of a message, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1_024;
/// Time for which a browser may cache that a site is allowed, in seconds.
const PREFLIGHT_SECONDS: &str = "3600";

/// The widget's addresses, to be nested at its [path](Widget::path).
#[derive(Clone, Debug)]
pub struct WidgetEndpoint(Widget);

impl IntoEndpoint for Widget {
    type Endpoint = WidgetEndpoint;

    fn into_endpoint(self) -> WidgetEndpoint {
        WidgetEndpoint(self)
    }
}

/// The parameters of a request about a chat.
#[derive(Debug, Default, Deserialize)]
struct ChatQuery {
    /// The line. Default: any line that the widget is connected to.
    line: Option<u64>,
    /// The portal, if several portals have a line with this number.
    portal: Option<String>,
    /// The version up to which the page knows the chat.
    #[serde(default)]
    after: u64,
}

/// The parameters of a request that sends a file.
#[derive(Debug, Deserialize)]
struct FileQuery {
    id: String,
    name: String,
    #[serde(default)]
    visitor: String,
}

impl Endpoint for WidgetEndpoint {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let body = request.take_body();
        let result = match self.check_origin(request.headers()) {
            Err(refusal) => Err(refusal),
            Ok(()) if *request.method() == Method::OPTIONS => Ok(StatusCode::NO_CONTENT.into()),
            Ok(()) => Box::pin(self.route(&request, body)).await,
        };
        let mut response = result.unwrap_or_else(|refusal| refusal.response());
        add_headers(response.headers_mut(), origin);
        Ok(response)
    }
}

impl WidgetEndpoint {
    /// Refuses pages of sites that are not allowed. A request without an origin is not from a page.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(origin) = text(header::ORIGIN) else {
            return Ok(());
        };
        let address = self.0.channels().and_then(|channels| channels.address());
        let sites = &self.0.sites;
        if sites.allow(origin, text(header::HOST), address.as_deref()) {
            Ok(())
        } else {
            Err(Refused::Site(origin.to_owned()))
        }
    }

    async fn route(&self, request: &Request, body: Body) -> Result<Response, Refused> {
        let path = request.uri().path().trim_end_matches('/');
        match (request.method(), path) {
            (&Method::GET, "") => Ok(page(request)),
            (&Method::GET, "/widget.js") => Ok(script()),
            (&Method::GET, "/events") => self.events(request).await,
            (&Method::POST, "/say") => self.say(request, body).await,
            (&Method::POST, "/file") => self.file(request, body).await,
            (&Method::GET, path) => match path.strip_prefix("/file/") {
                Some(token) => self.0.files.download(token).await,
                None => Err(Refused::NotFound),
            },
            _ => Err(Refused::NotFound),
        }
    }

    async fn events(&self, request: &Request) -> Result<Response, Refused> {
        let query: ChatQuery = params(request)?;
        let (_, chat) = self.visitor_chat(request, &query)?;
        let chat = self.0.chats.open(&chat);
        if chat.newest.receiver_count() >= VISITOR_STREAMS_MAX {
            return Err(Refused::TooManyStreams);
        }
        let share = self.0.limits.streams.take(bucket(request).await?);
        let share = share.ok_or(Refused::TooMuchFromAddress)?;
        let permit = Arc::clone(&self.0.streams).try_acquire_owned();
        let permit = permit.map_err(|_| Refused::Busy)?;
        Ok(stream(chat, query.after, (permit, share)).into_response())
    }

    async fn say(&self, request: &Request, body: Body) -> Result<Response, Refused> {
        let (channel, key) = self.visitor_chat(request, &params(request)?)?;
        let body = body.into_bytes_limit(MESSAGE_BYTES_MAX).await;
        let body = body.map_err(|_| Refused::TextTooLong)?;
        let message: VisitorMessage = serde_json::from_slice(&body).map_err(invalid)?;
        message.check()?;
        if message.text.trim().is_empty() {
            return Err(Refused::Invalid("the message has no text".to_owned()));
        }
        let entry = match lock_for(&self.0.chats.open(&key), &message).await? {
            Ok(chat) => {
                let source = bucket(request).await?;
                self.0
                    .limits
                    .message(source, &channel, chat.entries().is_empty())?;
                send(&channel, &key, chat, message, None).await?
            }
            Err(known) => known,
        };
        Ok(stored(&entry))
    }

    async fn file(&self, request: &Request, body: Body) -> Result<Response, Refused> {
        let (channel, key) = self.visitor_chat(request, &params(request)?)?;
        let FileQuery { id, name, visitor } = params(request)?;
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > FILE_BYTES_MAX) {
            return Err(Refused::FileTooLarge);
        }
        let message = VisitorMessage {
            id,
            name: visitor,
            ..VisitorMessage::default()
        };
        message.check()?;
        let chat = self.0.chats.open(&key);
        let source = bucket(request).await?;
        let share = self.0.limits.uploads.take(source);
        let _share = share.ok_or(Refused::TooMuchFromAddress)?;
        // The chat is not locked while the file arrives.
        match lock_for(&chat, &message).await? {
            Ok(chat) => self
                .0
                .limits
                .message(source, &channel, chat.entries().is_empty())?,
            Err(known) => return Ok(stored(&known)),
        }
        let upload = self.0.files.save(&name, body).await?;
        if let Err(refusal) = self.0.limits.file(source, &channel, upload.bytes) {
            self.0.files.discard(upload).await;
            return Err(refusal);
        }
        let chat = match lock_for(&chat, &message).await {
            Ok(Ok(chat)) => chat,
            Ok(Err(known)) => {
                self.0.files.discard(upload).await;
                return Ok(stored(&known));
            }
            Err(refusal) => {
                self.0.files.discard(upload).await;
                return Err(refusal);
            }
        };
        let file = File {
            url: format!("{}/file/{}", self.0.address()?, upload.token),
            name: upload.name,
            bytes: Some(upload.bytes),
        };
        let entry = send(&channel, &key, chat, message, Some(file)).await?;
        Ok(stored(&entry))
    }

    /// Returns the line that a request names, and the visitor's chat on it.
    fn visitor_chat(
        &self,
        request: &Request,
        query: &ChatQuery,
    ) -> Result<(Channel, ChatKey), Refused> {
        let header = request.headers().get(header::AUTHORIZATION);
        let secret = header.and_then(|header| Secret::from_header(header.to_str().ok()?));
        let secret = secret.ok_or(Refused::NoSecret)?;
        let channels = self.0.channels().ok_or(Refused::NotConnected)?;
        let portal = query.portal.as_deref().map(MemberId::new);
        let channel = match query.line {
            Some(line) => channels.of(portal.as_ref(), LineId(line)),
            None => channels.all().into_iter().next(),
        };
        let channel = channel.ok_or(Refused::NotConnected)?;
        let chat = secret.chat(channel.portal().id(), channel.line());
        Ok((channel, chat))
    }
}

/// Adds headers that forbid guessing the content type, and allow the page that asks to read the
/// answer.
fn add_headers(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin else {
        return;
    };
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type"),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static(PREFLIGHT_SECONDS),
        ),
    ];
    headers.extend(allowed.map(|(name, value)| (Some(name), value)));
}

/// Returns a page with the widget. Its address may end with a slash or not.
fn page(request: &Request) -> Response {
    let path = request.original_uri().path();
    let folder = match path.rsplit('/').next() {
        Some("") | None => ".",
        Some(last) => last,
    };
    let query: ChatQuery = params(request).unwrap_or_default();
    let line = query.line.map(|line| line.to_string());
    let page = PAGE
        .replace("{{folder}}", folder)
        .replace("{{line}}", &line.unwrap_or_default());
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .body(page)
}

fn script() -> Response {
    Response::builder()
        .content_type("text/javascript; charset=utf-8")
        .header(header::CACHE_CONTROL, "public, max-age=300")
        .body(SCRIPT)
}

/// Returns the answer to a message that is stored.
fn stored(entry: &Entry) -> Response {
    let stored = json!({ "number": entry.number, "version": entry.version });
    Response::builder()
        .content_type("application/json")
        .body(stored.to_string())
}

/// Returns the key of the limits for each address.
async fn bucket(request: &Request) -> Result<IpAddr, Refused> {
    let source = Source::from_request_without_body(request).await;
    Ok(source.map_err(invalid)?.bucket())
}

fn params<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    request.params().map_err(invalid)
}

fn invalid(error: impl std::fmt::Display) -> Refused {
    Refused::Invalid(error.to_string())
}
