//! The widget's addresses: the script, a page to try it on, and what the script asks for.
//!
//! | address | what |
//! |---|---|
//! | `GET /` | a page with the widget on it |
//! | `GET /widget.js` | the script |
//! | `GET /events?line=7&after=0` | the visitor's chat and all that comes, as server-sent events |
//! | `POST /say?line=7` | a message: `{"id": "…", "text": "Hello"}` |
//! | `POST /file?line=7&id=…&name=a.png` | a message that is a file: its bytes |
//! | `GET /file/…` | a file, for whoever knows its address |

use std::sync::Arc;

use imbot::event::MemberId;
use imbot::prelude::{Channel, LineId};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoEndpoint, IntoResponse, Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::refused::Refused;
use super::say::{VisitorMessage, say, turn};
use super::stream::{VISITOR_STREAMS_MAX, stream};
use super::talk::{Entry, File};
use super::visitor::{ChatKey, Secret};
use super::{FILE_BYTES_MAX, Widget};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("widget.js");
/// The longest body of a message.
const SAID_BYTES_MAX: usize = 64 * 1_024;
/// How long a browser may remember that a site is allowed.
const ALLOWED_SECONDS: &str = "3600";

/// The widget's addresses, to be nested at its [path](Widget::path).
#[derive(Clone, Debug)]
pub struct WidgetEndpoint(Widget);

impl IntoEndpoint for Widget {
    type Endpoint = WidgetEndpoint;

    fn into_endpoint(self) -> WidgetEndpoint {
        WidgetEndpoint(self)
    }
}

/// Which line is meant.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// Where none is named, any that the widget is joined to.
    line: Option<u64>,
    /// Where several portals have a line of this number.
    portal: Option<String>,
    /// What the page knows already.
    #[serde(default)]
    after: u64,
}

/// A file and its message.
#[derive(Debug, Deserialize)]
struct FileAsked {
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
        let answered = match self.welcome(request.headers()) {
            Err(refused) => Err(refused),
            Ok(()) if *request.method() == Method::OPTIONS => Ok(StatusCode::NO_CONTENT.into()),
            Ok(()) => Box::pin(self.answer(&request, body)).await,
        };
        let mut response = answered.unwrap_or_else(|refused| refused.answer());
        guard(response.headers_mut(), origin);
        Ok(response)
    }
}

impl WidgetEndpoint {
    /// Whether a page of this origin may have the widget. What is no page has no origin.
    fn welcome(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(origin) = text(header::ORIGIN) else {
            return Ok(());
        };
        let address = self.0.channels().and_then(|channels| channels.address());
        match self
            .0
            .sites
            .take(origin, text(header::HOST), address.as_deref())
        {
            true => Ok(()),
            false => Err(Refused::Site(origin.to_owned())),
        }
    }

    async fn answer(&self, request: &Request, body: Body) -> Result<Response, Refused> {
        let path = request.uri().path().trim_end_matches('/');
        match (request.method(), path) {
            (&Method::GET, "") => Ok(page(request)),
            (&Method::GET, "/widget.js") => Ok(script()),
            (&Method::GET, "/events") => self.events(request).await,
            (&Method::POST, "/say") => self.say(request, body).await,
            (&Method::POST, "/file") => self.file(request, body).await,
            (&Method::GET, path) => match path.strip_prefix("/file/") {
                Some(token) => self.0.files.give(token).await,
                None => Err(Refused::Nothing),
            },
            _ => Err(Refused::Nothing),
        }
    }

    async fn events(&self, request: &Request) -> Result<Response, Refused> {
        let asked: Asked = params(request)?;
        let (_, chat) = self.visitor(request, &asked)?;
        let open = self.0.talks.open(&chat);
        if open.news.receiver_count() >= VISITOR_STREAMS_MAX {
            return Err(Refused::TooManyPlaces);
        }
        let place = Arc::clone(&self.0.streams).try_acquire_owned();
        let place = place.map_err(|_| Refused::Full)?;
        Ok(stream(open, asked.after, place).into_response())
    }

    async fn say(&self, request: &Request, body: Body) -> Result<Response, Refused> {
        let (channel, chat) = self.visitor(request, &params(request)?)?;
        let body = body.into_bytes_limit(SAID_BYTES_MAX).await;
        let body = body.map_err(|_| Refused::TextTooLong)?;
        let said: VisitorMessage = serde_json::from_slice(&body).map_err(unreadable)?;
        said.check()?;
        if said.text.trim().is_empty() {
            return Err(Refused::Unreadable("it has no text".to_owned()));
        }
        match turn(&self.0.talks.open(&chat), &said).await? {
            Ok(turn) => say(&channel, &chat, turn, said, None)
                .await
                .map(|it| kept(&it)),
            Err(known) => Ok(kept(&known)),
        }
    }

    async fn file(&self, request: &Request, body: Body) -> Result<Response, Refused> {
        let (channel, chat) = self.visitor(request, &params(request)?)?;
        let FileAsked { id, name, visitor } = params(request)?;
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > FILE_BYTES_MAX) {
            return Err(Refused::FileTooLarge);
        }
        let said = VisitorMessage {
            id,
            name: visitor,
            ..VisitorMessage::default()
        };
        said.check()?;
        let open = self.0.talks.open(&chat);
        if let Err(known) = turn(&open, &said).await? {
            return Ok(kept(&known)); // nobody waits in the chat while the file comes
        }
        let upload = self.0.files.take(&name, body).await?;
        let turn = match turn(&open, &said).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(known)) => {
                upload.forget().await;
                return Ok(kept(&known));
            }
            Err(refused) => {
                upload.forget().await;
                return Err(refused);
            }
        };
        let file = File {
            url: format!("{}/file/{}", self.0.address()?, upload.token),
            name: upload.name,
            bytes: Some(upload.bytes),
        };
        let entry = say(&channel, &chat, turn, said, Some(file)).await?;
        Ok(kept(&entry))
    }

    /// Who asks, and on which line.
    fn visitor(&self, request: &Request, asked: &Asked) -> Result<(Channel, ChatKey), Refused> {
        let shown = request.headers().get(header::AUTHORIZATION);
        let secret = shown.and_then(|shown| Secret::shown(shown.to_str().ok()?));
        let secret = secret.ok_or(Refused::NoSecret)?;
        let channels = self.0.channels().ok_or(Refused::NoLine)?;
        let portal = asked.portal.as_deref().map(MemberId::new);
        let channel = match asked.line {
            Some(line) => channels.of(portal.as_ref(), LineId(line)),
            None => channels.all().into_iter().next(),
        };
        let channel = channel.ok_or(Refused::NoLine)?;
        let chat = secret.chat(channel.portal().id(), channel.line());
        Ok((channel, chat))
    }
}

/// What every answer has: nothing is guessed about its type, and pages of the sites that are allowed may read it.
fn guard(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
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
            HeaderValue::from_static(ALLOWED_SECONDS),
        ),
    ];
    headers.extend(allowed.map(|(name, value)| (Some(name), value)));
}

/// A page with the widget on it. Its address may end with a slash or not.
fn page(request: &Request) -> Response {
    let path = request.original_uri().path();
    let folder = match path.rsplit('/').next() {
        Some("") | None => ".",
        Some(last) => last,
    };
    let asked: Asked = params(request).unwrap_or_default();
    let line = asked.line.map(|line| line.to_string());
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

/// Tells the page that its message is written down.
fn kept(entry: &Entry) -> Response {
    let kept = json!({ "number": entry.number, "version": entry.version });
    Response::builder()
        .content_type("application/json")
        .body(kept.to_string())
}

fn params<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    request.params().map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> Refused {
    Refused::Unreadable(error.to_string())
}
