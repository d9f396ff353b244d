//! Looking at a portal, and at the way to an address, without changing anything there: what `doctor` asks.

use std::time::Duration;

use reqwest::header::{DATE, HeaderName, LOCATION};
use reqwest::tls::TlsInfo;
use reqwest::{Response, Url};
use serde_json::Value;
use tokio::time::Instant;

use crate::portal::{Error, Http, Portal, Validity};
use crate::store::Time;

/// How much of an answer is read.
const PROBE_BYTES_MAX: usize = 64 * 1024;

/// What an address answers to a plain GET.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What time it is there (`Date`).
    pub(crate) date: Option<Time>,
    /// The host that callers are sent to (`Location`).
    pub(crate) moved_to: Option<String>,
    /// The answer, if it is JSON.
    pub(crate) json: Option<Value>,
    /// How long the certificate is good, if there was one.
    pub(crate) validity: Option<Validity>,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Http {
    /// GETs an address that the operator configured, and follows it nowhere.
    pub(crate) async fn probe(&self, what: &str, address: &str) -> Result<Probe, Error> {
        let url = self.check_address(what, address)?;
        let began = Instant::now();
        let asked = self.client.get(url.clone()).send().await;
        let response = asked.map_err(|source| Error::unreachable(what, source))?;
        let moved_to = header(&response, LOCATION).and_then(|to| host(&url.join(&to).ok()?));
        let (status, date) = (response.status().as_u16(), date(&response));
        let tls: Option<&TlsInfo> = response.extensions().get();
        let certificate = tls.and_then(TlsInfo::peer_certificate);
        let validity = certificate.and_then(Validity::read);
        let body = self.body(what, response, PROBE_BYTES_MAX).await?;
        Ok(Probe {
            status,
            date,
            moved_to,
            validity,
            json: serde_json::from_slice(&body).ok(),
            took: began.elapsed(),
        })
    }
}

impl Portal {
    /// What the portal answers to somebody without credentials: a refusal in JSON, since it looks for the method first
    /// and then for who calls (server-behaviour, section 5.2).
    pub(crate) async fn probe(&self) -> Result<Probe, Error> {
        const METHOD: &str = "server.time";
        self.acquire_one(METHOD).await?;
        let address = format!("{}{METHOD}.json", self.endpoint());
        self.inner.http.probe(METHOD, &address).await
    }

    /// How long a method has run within ten minutes, in seconds, as the answer to one more call tells; none where the
    /// portal does not count, as on a server of its owner (`time.operating`; rest, section 5).
    pub(crate) async fn operating(&self, method: &str, params: &Value) -> Result<f64, Error> {
        Ok(self.answer(method, params).await?.time.operating)
    }
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
