//! Looks at a portal or an address without changing anything there, for `doctor`.

use std::time::Duration;

use reqwest::header::{DATE, HeaderName, LOCATION};
use reqwest::tls::TlsInfo;
use reqwest::{Method, Request, Response, Url};
use serde_json::Value;
use tokio::time::Instant;

use crate::portal::{Error, Http, Portal, Validity};
use crate::store::Time;

/// Maximum size of an answer that is read, in bytes.
const PROBE_BYTES_MAX: usize = 64 * 1024;

/// The answer of an address to a plain GET.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The server's time (`Date`).
    pub(crate) date: Option<Time>,
    /// The host it redirects to (`Location`).
    pub(crate) moved_to: Option<String>,
    /// Whether the redirect keeps the path, as that of a renamed portal does.
    pub(crate) keeps_path: bool,
    /// The body, if it is JSON.
    pub(crate) json: Option<Value>,
    /// The body, if it is a single word.
    pub(crate) word: Option<String>,
    /// The certificate's validity, if there is one.
    pub(crate) validity: Option<Validity>,
    /// How long the answer took.
    pub(crate) took: Duration,
}

impl Http {
    /// GETs an address that the operator configured, without following redirects.
    pub(crate) async fn probe(&self, what: &str, address: &str) -> Result<Probe, Error> {
        let url = self.check_address(what, address)?;
        let began = Instant::now();
        let asked = self
            .sender
            .send(Request::new(Method::GET, url.clone()))
            .await;
        let response = asked.map_err(|source| Error::unreachable(what, source))?;
        let target = header(&response, LOCATION).and_then(|to| url.join(&to).ok());
        let moved_to = target.as_ref().and_then(host);
        let keeps_path = target.is_some_and(|target| target.path() == url.path());
        let (status, date) = (response.status().as_u16(), date(&response));
        let tls: Option<&TlsInfo> = response.extensions().get();
        let certificate = tls.and_then(TlsInfo::peer_certificate);
        let validity = certificate.and_then(Validity::read);
        let body = self.body(what, response, PROBE_BYTES_MAX).await?;
        Ok(Probe {
            status,
            date,
            moved_to,
            keeps_path,
            validity,
            json: serde_json::from_slice(&body).ok(),
            word: word(&body),
            took: began.elapsed(),
        })
    }
}

impl Portal {
    /// Returns the portal's answer to a call without credentials: a refusal in JSON, since it looks
    /// for the method first and then for the credentials (protocol/server-behaviour.md 5.2).
    pub(crate) async fn probe(&self) -> Result<Probe, Error> {
        const METHOD: &str = "server.time";
        self.acquire_one(METHOD).await?;
        let address = format!("{}{METHOD}.json", self.endpoint());
        self.inner.http.probe(METHOD, &address).await
    }

    /// Makes a call and returns how long the method has run within ten minutes, in seconds; 0 if
    /// the portal does not count, as on its owner's server (`time.operating`; protocol/rest.md 5).
    pub(crate) async fn operating(&self, method: &str, params: &Value) -> Result<f64, Error> {
        Ok(self.answer(method, params).await?.time.operating)
    }
}

/// Returns a body that is a single word.
fn word(body: &[u8]) -> Option<String> {
    const BYTES_MAX: usize = 32;
    let body = body.get(..body.len().min(BYTES_MAX + 1))?.trim_ascii();
    let is_word = body.len() <= BYTES_MAX && body.iter().all(u8::is_ascii_alphabetic);
    is_word.then(|| String::from_utf8_lossy(body).into_owned())
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

fn date(response: &Response) -> Option<Time> {
    let date = jiff::fmt::rfc2822::parse(&header(response, DATE)?).ok()?;
    let ms = date.timestamp().as_millisecond();
    ms.try_into().ok().map(Time)
}

fn host(url: &Url) -> Option<String> {
    let name = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    })
}
