//! An endpoint of the OpenAI chat-completions kind: `POST {url}/chat/completions`, answered with
//! server-sent events.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use imbot::libraries::bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::events::{EVENT_BYTES_MAX, EventReader, Step, Unreadable, read};
use super::{End, FIRST_TOKEN_TIMEOUT, ModelError, Out, Request, Round, TOKEN_TIMEOUT, ToolCall};

/// Maximum number of times a request is repeated before the model has written anything.
pub const RETRIES_MAX: u32 = 3;
/// Longest `Retry-After` that is waited for. With a longer one the person is asked to come back.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(15);
/// Pause before the first repetition if the server names none. It doubles with each one.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Time limit of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the end of a stream whose answer is complete.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// An endpoint, its model and its key.
#[derive(Clone)]
pub(crate) struct Endpoint {
    client: Client,
    url: Url,
    model: String,
    key: Option<HeaderValue>,
}

/// Why an endpoint cannot be used. No error contains the key or the URL, which may have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("is no address that begins with http:// or https://")]
    Url,
    #[error(
        "must not contain a user, a password, a query or a fragment; the key has its own setting"
    )]
    UrlParts,
    #[error("has characters that no HTTP header can have")]
    Key,
    #[error("would go unencrypted over a public network: use https://")]
    KeyInTheClear,
    #[error("no HTTP client can be made on this machine")]
    Client,
}

impl Endpoint {
    pub(crate) fn new(
        url: &str,
        model: impl Into<String>,
        key: Option<&SecretString>,
    ) -> Result<Self, EndpointError> {
        let url = address(url)?;
        let key = key.map(|key| bearer(key, &url)).transpose()?;
        let mut client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none()); // the key goes nowhere else
        if is_local(&url) {
            client = client.no_proxy();
        }
        Ok(Self {
            client: client.build().map_err(|_| EndpointError::Client)?,
            url,
            model: model.into(),
            key,
        })
    }

    /// Asks for one round.
    pub(super) async fn round(
        &self,
        request: &Request<'_>,
        out: &mut Out,
    ) -> Result<Round, ModelError> {
        let body = request.to_json(&self.model);
        let (response, first) = self.send(&body, request.deadline).await?;
        let mut reading = Reading::new(first, request.deadline);
        let media = response.headers().get(CONTENT_TYPE);
        let media = media.and_then(|media| media.to_str().ok()).unwrap_or("");
        if media.to_ascii_lowercase().contains("json") {
            reading.read_whole(response, out).await;
        } else {
            reading.read_events(response, out).await;
        }
        reading.into_round()
    }

    /// Sends the request, again if the server has too much to do or cannot be reached. Returns the
    /// answer, and until when its first token has to come.
    async fn send(
        &self,
        body: &Value,
        deadline: Instant,
    ) -> Result<(Response, Instant), ModelError> {
        let mut retries = 0;
        loop {
            let first = deadline.min(Instant::now() + FIRST_TOKEN_TIMEOUT);
            let refused = match self.send_once(body, first).await {
                Ok(response) => return Ok((response, first)),
                Err(refused) => refused,
            };
            let pause = refused.pause(retries);
            let pause = pause.filter(|pause| Instant::now() + *pause < deadline);
            let Some(pause) = pause else {
                return Err(refused.error);
            };
            retries += 1;
            tracing::debug!(error = %refused.error, ?pause, retries, "the model is asked again");
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
    }

    async fn send_once(&self, body: &Value, limit: Instant) -> Result<Response, NotAnswered> {
        let mut request = self.client.post(self.url.clone()).json(body);
        request = request.header(ACCEPT, "text/event-stream");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        match timeout_at(limit, request.send()).await {
            Err(_) => Err(NotAnswered::for_good(ModelError::Silent)),
            Ok(Err(error)) if error.is_connect() => Err(NotAnswered {
                error: ModelError::Unreachable,
                repeat: Repeat::AfterOwnPause,
            }),
            Ok(Err(_)) => Err(NotAnswered::for_good(ModelError::Unreachable)),
            Ok(Ok(response)) if response.status().is_success() => Ok(response),
            Ok(Ok(response)) => Err(NotAnswered::of(&response)),
        }
    }
}

impl fmt::Debug for Endpoint {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("host", &self.url.host_str())
            .field("model", &self.model)
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

/// A request that was not answered.
#[derive(Debug)]
struct NotAnswered {
    error: ModelError,
    repeat: Repeat,
}

/// When a request may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    Never,
    AfterOwnPause,
    /// After the pause that the server names.
    After(Duration),
}

impl NotAnswered {
    fn for_good(error: ModelError) -> Self {
        Self {
            error,
            repeat: Repeat::Never,
        }
    }

    /// Returns what a refusal means. Its body is not read: it could repeat the key.
    fn of(response: &Response) -> Self {
        let status = response.status();
        let is_busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        if !is_busy {
            return Self::for_good(ModelError::Refused(status.as_u16()));
        }
        let header = response.headers().get(RETRY_AFTER);
        let named = header.and_then(|header| retry_after(header, Timestamp::now()));
        Self {
            error: ModelError::Busy(status.as_u16()),
            repeat: named.map_or(Repeat::AfterOwnPause, Repeat::After),
        }
    }

    /// Returns how long to wait before the request is repeated, if it is.
    fn pause(&self, retries: u32) -> Option<Duration> {
        let pause = match self.repeat {
            Repeat::Never => return None,
            Repeat::AfterOwnPause => RETRY_PAUSE * 2_u32.pow(retries),
            Repeat::After(pause) => pause,
        };
        Some(pause).filter(|pause| retries < RETRIES_MAX && *pause <= RETRY_AFTER_MAX)
    }
}

/// Returns the pause that a server names: a number of seconds, or a date.
fn retry_after(header: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = header.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = rfc2822::parse(text).ok()?.timestamp();
    Some(at.duration_since(now).try_into().unwrap_or_default()) // at once if it has passed
}

/// An answer that is being read.
#[derive(Debug)]
struct Reading {
    text: String,
    calls: Vec<ToolCall>,
    /// How the answer ended, and what is reported if it is empty.
    end: (End, ModelError),
    is_finished: bool,
    /// Until when the next event has to come.
    limit: Instant,
    deadline: Instant,
}

impl Reading {
    fn new(limit: Instant, deadline: Instant) -> Self {
        Self {
            text: String::new(),
            calls: Vec::new(),
            end: (End::Complete, ModelError::Empty),
            is_finished: false,
            limit,
            deadline,
        }
    }

    /// Reads a stream to its end.
    async fn read_events(&mut self, mut response: Response, out: &mut Out) {
        let mut reader = EventReader::default();
        loop {
            let limit = if self.is_finished {
                Instant::now() + END_TIMEOUT
            } else {
                self.limit
            };
            let bytes = match next(&mut response, limit).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return self.break_off(ModelError::Unreadable),
                Err(error) => return self.break_off(error),
            };
            let Ok(events) = reader.push(&bytes) else {
                return self.break_off(ModelError::Unreadable);
            };
            for data in events {
                if self.take(&data, out).await {
                    return;
                }
            }
        }
    }

    /// Reads an answer that is not streamed.
    async fn read_whole(&mut self, mut response: Response, out: &mut Out) {
        let mut body = Vec::new();
        loop {
            match next(&mut response, self.limit).await {
                Ok(Some(bytes)) if body.len() + bytes.len() <= EVENT_BYTES_MAX => {
                    body.extend_from_slice(&bytes);
                }
                Ok(Some(_)) => return self.break_off(ModelError::Unreadable),
                Ok(None) => break,
                Err(error) => return self.break_off(error),
            }
        }
        match std::str::from_utf8(&body) {
            Ok(body) => drop(self.take(body, out).await),
            Err(_) => self.break_off(ModelError::Unreadable),
        }
    }

    /// Takes the data of an event. Returns true if nothing more is read.
    async fn take(&mut self, data: &str, out: &mut Out) -> bool {
        let (text, is_cut) = match read(data, &mut self.calls) {
            Ok(Step::Text(text)) => (text, false),
            Ok(Step::Finished { is_cut, text }) => {
                self.is_finished = true;
                (text, is_cut)
            }
            Ok(Step::Done) => {
                self.is_finished = true;
                return true;
            }
            Ok(Step::Failed) | Err(Unreadable) => {
                self.break_off(ModelError::Unreadable);
                return true;
            }
        };
        if !text.is_empty() {
            self.text.push_str(out.write(&text).await);
        }
        self.limit = self.deadline.min(Instant::now() + TOKEN_TIMEOUT);
        if is_cut || out.is_full() {
            self.end = (End::TooLong, ModelError::Empty);
        }
        out.is_full()
    }

    /// Ends the answer where it is, unless the model has finished it.
    fn break_off(&mut self, error: ModelError) {
        if self.is_finished {
            return;
        }
        let is_late = error == ModelError::Silent && self.limit == self.deadline;
        let end = if is_late {
            End::TooLong
        } else {
            End::BrokenOff
        };
        self.end = (end, error);
    }

    /// Returns the round. Calls of an answer that is not complete are dropped, since they may be
    /// incomplete as well.
    fn into_round(self) -> Result<Round, ModelError> {
        let (end, error) = self.end;
        let mut calls = self.calls;
        if end != End::Complete {
            calls.clear();
        }
        if self.text.trim().is_empty() && calls.is_empty() {
            return Err(error);
        }
        for (number, call) in calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = format!("call{number}");
            }
        }
        Ok(Round {
            text: self.text,
            calls,
            end,
        })
    }
}

/// Returns the next bytes of an answer. `None` at its end.
async fn next(response: &mut Response, limit: Instant) -> Result<Option<Bytes>, ModelError> {
    match timeout_at(limit, response.chunk()).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(ModelError::Unreadable),
        Err(_) => Err(ModelError::Silent),
    }
}

/// Returns the address of the completions of an endpoint.
fn address(url: &str) -> Result<Url, EndpointError> {
    let mut url = Url::parse(url.trim()).map_err(|_| EndpointError::Url)?;
    let is_http = matches!(url.scheme(), "http" | "https");
    if !is_http || url.host_str().is_none() {
        return Err(EndpointError::Url);
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(EndpointError::UrlParts);
    }
    let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Returns the key as a header that no log shows.
fn bearer(key: &SecretString, url: &Url) -> Result<HeaderValue, EndpointError> {
    if url.scheme() == "http" && !is_local(url) {
        return Err(EndpointError::KeyInTheClear);
    }
    let header = format!("Bearer {}", key.expose_secret().trim());
    let mut header = HeaderValue::from_str(&header).map_err(|_| EndpointError::Key)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns true if a host is on this machine or in a private network: its address is private, or
/// its name has no dot.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => !host.contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretString {
        SecretString::from("sk-secret")
    }

    #[test]
    fn the_address_is_below_the_url() {
        for url in [
            "https://api.example.com/v1",
            " https://api.example.com/v1/ ",
        ] {
            let url = address(url).unwrap();
            assert_eq!(url.as_str(), "https://api.example.com/v1/chat/completions");
        }
        let root = address("http://localhost:11434").unwrap();
        assert_eq!(root.as_str(), "http://localhost:11434/chat/completions");
    }

    #[test]
    fn other_addresses_are_refused() {
        use EndpointError::{Url, UrlParts};
        for (url, error) in [
            ("", Url),
            ("api.example.com", Url),
            ("ftp://example.com", Url),
            ("https://sk@example.com", UrlParts),
            ("https://example.com?key=sk", UrlParts),
            ("https://example.com#sk", UrlParts),
        ] {
            assert_eq!(address(url).unwrap_err(), error, "{url}");
        }
    }

    #[test]
    fn the_key_is_in_no_debug_output_and_goes_over_no_public_network_in_the_clear() {
        let endpoint = Endpoint::new("https://api.example.com/v1", "m", Some(&key())).unwrap();
        let debug = format!("{endpoint:?}");
        assert!(
            !debug.contains("secret") && debug.contains("has_key: true"),
            "{debug}"
        );
        for (url, is_fine) in [
            ("http://api.example.com", false),
            ("http://93.184.216.34", false),
            ("http://[2001:db8::1]", false),
            ("http://127.0.0.1:8000", true),
            ("http://10.1.2.3", true),
            ("http://[::1]:8000", true),
            ("http://ollama:11434/v1", true),
        ] {
            let endpoint = Endpoint::new(url, "m", Some(&key()));
            let error = endpoint.err();
            let expected = (!is_fine).then_some(EndpointError::KeyInTheClear);
            assert_eq!(error, expected, "{url}");
            assert!(Endpoint::new(url, "m", None).is_ok());
        }
        let broken = SecretString::from("sk\nsecret");
        let endpoint = Endpoint::new("https://example.com", "m", Some(&broken));
        assert_eq!(endpoint.unwrap_err(), EndpointError::Key);
    }

    #[test]
    fn a_servers_pause_is_waited_for_within_the_bound() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let named = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap(), now);
        assert_eq!(named("7"), Some(Duration::from_secs(7)));
        assert_eq!(named("0.5"), Some(Duration::from_millis(500)));
        let date = "Thu, 26 Nov 2026 12:00:09 GMT";
        assert_eq!(named(date), Some(Duration::from_secs(9)));
        let past = "Thu, 26 Nov 2026 11:00:00 GMT";
        assert_eq!(named(past), Some(Duration::ZERO));
        assert_eq!((named("soon"), named("-1")), (None, None));
    }

    #[test]
    fn an_answer_that_reaches_its_deadline_is_too_long_and_a_silent_one_is_broken_off() {
        let now = Instant::now();
        for (deadline, end) in [
            (now, End::TooLong),
            (now + Duration::from_secs(1), End::BrokenOff),
        ] {
            let mut reading = Reading::new(now, deadline);
            reading.text.push_str("Once upon");
            reading.calls.push(ToolCall::default());
            reading.break_off(ModelError::Silent);
            let round = reading.into_round().unwrap();
            assert_eq!((round.end, round.calls.len()), (end, 0));
        }
    }

    #[test]
    fn pauses_double_and_repetitions_end() {
        let busy = |repeat| NotAnswered {
            error: ModelError::Busy(503),
            repeat,
        };
        let seconds = |repeat| {
            let pauses = (0..).map_while(|retries| busy(repeat).pause(retries));
            pauses.map(|pause| pause.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(seconds(Repeat::AfterOwnPause), [1, 2, 4]);
        assert_eq!(seconds(Repeat::After(RETRY_AFTER_MAX)), [15, 15, 15]);
        let longer = RETRY_AFTER_MAX + Duration::from_millis(1);
        assert_eq!(seconds(Repeat::After(longer)), [0; 0]);
        assert_eq!(seconds(Repeat::Never), [0; 0]);
    }
}
