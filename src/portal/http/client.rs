//! The HTTP client: which addresses it calls, how long it waits, how much it reads.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderValue, REFERER, RETRY_AFTER};
use reqwest::{Certificate, Method, Proxy, Request, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::answer::Answer;
use super::public::{PublicOnly, is_public};
use super::redirect::{Hop, Redirect};
use super::sender::HttpSender;
#[cfg(feature = "testing")]
use super::sender::InProcess;
use crate::event::excerpt;
use crate::portal::Error;
use crate::portal::error::Forbidden;

/// Maximum time of a call: the portal itself cuts a request after 60 seconds.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(70);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum time of a call to the authorization server; shorter than the claim of a renewal.
const OAUTH_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum size of an answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A client for public hosts over https, and for local hosts that are allowed by name.
#[derive(Clone, Debug)]
pub struct Http {
    pub(super) sender: HttpSender,
    local: Arc<HashSet<String>>,
}

/// Settings of the HTTP client.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Hosts (`127.0.0.1:8071`) that may be called by http and at private addresses. Default: none.
    pub local: Vec<String>,
    /// PEM certificates of authorities trusted in addition to the system's. Default: none.
    pub authorities: Option<Vec<u8>>,
    /// The proxy for all calls, such as `http://proxy.example.com:3128`. Default: none.
    pub proxy: Option<SecretString>,
}

impl Http {
    /// A client that may also call these hosts (`127.0.0.1:8071`), by http and at private
    /// addresses.
    ///
    /// # Errors
    /// The system provides no certificates or no randomness.
    pub fn new(local: impl IntoIterator<Item = String>) -> Result<Http, Error> {
        Http::with_options(HttpOptions {
            local: local.into_iter().collect(),
            ..HttpOptions::default()
        })
    }

    /// A client with these settings.
    ///
    /// # Errors
    /// - The system provides no certificates or no randomness.
    /// - `authorities` is not PEM.
    /// - `proxy` is not an address.
    pub fn with_options(options: HttpOptions) -> Result<Http, Error> {
        let HttpOptions {
            local,
            authorities,
            proxy,
        } = options;
        let local: Arc<HashSet<String>> = Arc::new(local.into_iter().collect());
        let mut names: HashSet<String> = local
            .iter()
            .map(|host| {
                host.rsplit_once(':')
                    .map_or(host.as_str(), |(name, _)| name)
                    .to_owned()
            })
            .collect();
        let unusable = |what: &str| Error::forbidden("client", what.to_owned());
        let mut builder = reqwest::Client::builder();
        if let Some(pem) = authorities {
            let certificates = Certificate::from_pem_bundle(&pem)
                .ok()
                .filter(|found| !found.is_empty())
                .ok_or_else(|| {
                    unusable("the file of authorities contains no certificate in PEM format")
                })?;
            builder = builder.tls_certs_merge(certificates);
        }
        builder = match proxy {
            Some(address) => {
                let wrong = || unusable("the proxy's address is not a URL");
                let address = Url::parse(address.expose_secret()).map_err(|_| wrong())?;
                names.extend(address.host_str().map(str::to_owned)); // its name is resolved as a portal's is
                builder.proxy(Proxy::all(address).map_err(|_| wrong())?)
            }
            None => builder.no_proxy(),
        };
        let client = builder
            .user_agent(concat!("imbot/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .tls_info(true) // `probe` returns the certificate's validity
            .dns_resolver(PublicOnly { local: names })
            .build()
            .map_err(|source| Error::unreachable("client", source))?;
        let sender = HttpSender::Client(client);
        Ok(Http { sender, local })
    }

    /// A client of a portal in this process, which may be called at these hosts.
    #[cfg(feature = "testing")]
    pub(crate) fn in_process(local: impl IntoIterator<Item = String>, answer: InProcess) -> Http {
        Http {
            sender: HttpSender::InProcess(answer),
            local: Arc::new(local.into_iter().collect()),
        }
    }

    /// POSTs JSON to a REST method and takes the result out of its envelope.
    pub(in crate::portal) async fn call(
        &self,
        method: &str,
        address: &str,
        body: &Value,
    ) -> Result<Hop, Error> {
        let mut request = Request::new(Method::POST, self.check_address(method, address)?);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(body.to_string().into());
        let response = self
            .sender
            .send(request)
            .await
            .map_err(|source| Error::unreachable(method, source))?;
        if let Some(moved) = Redirect::from_response(&response) {
            return Ok(Hop::Redirect(moved));
        }
        let answer = Answer::from_envelope(method, self.answer(method, response).await?)?;
        Ok(Hop::Answer(answer))
    }

    /// GETs JSON from the authorization server. Its answers contain tokens, so errors do not quote
    /// them.
    pub(in crate::portal) async fn get(
        &self,
        method: &str,
        address: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, Error> {
        let mut url = self.check_address(method, address)?;
        url.query_pairs_mut().extend_pairs(query);
        let mut request = Request::new(Method::GET, url);
        *request.timeout_mut() = Some(OAUTH_TIMEOUT);
        let response = self
            .sender
            .send(request)
            .await
            .map_err(|source| Error::unreachable(method, source))?;
        self.answer(method, response)
            .await
            .map_err(Error::without_excerpt)
    }

    /// Returns the address if it may be called.
    pub(in crate::portal) fn check_address(
        &self,
        method: &str,
        address: &str,
    ) -> Result<Url, Error> {
        let url = Url::parse(address)
            .map_err(|error| Error::forbidden(method, format!("`{address}`: {error}")))?;
        let host = url.host_str().unwrap_or_default();
        let full = url
            .port_or_known_default()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if self.local.contains(&full) || self.local.contains(host) {
            return Ok(url);
        }
        let is_public = host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .map_or(true, is_public);
        match url.scheme() {
            "https" if is_public => Ok(url),
            "https" => {
                let host = host.to_owned();
                Err(Error::forbidden(method, Forbidden::PrivateAddress { host }))
            }
            _ => Err(Error::forbidden(
                method,
                Forbidden::PlainHttp { host: full },
            )),
        }
    }

    /// GETs the file at an address.
    pub(super) async fn get_file(
        &self,
        method: &str,
        url: Url,
        endpoint: &str,
    ) -> Result<Response, Error> {
        // The portal refuses signed addresses to clients that do not look like a browser
        // (protocol/bots-v2.md 7.6).
        let mut request = Request::new(Method::GET, url);
        let referer = HeaderValue::from_str(endpoint)
            .map_err(|_| Error::unusable(method, "the portal's address is not a header"))?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        headers.insert(REFERER, referer);
        self.sender
            .send(request)
            .await
            .map_err(|source| Error::unreachable(method, source))
    }

    pub(in crate::portal) async fn body(
        &self,
        method: &str,
        mut response: Response,
        limit: usize,
    ) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(part) = response
            .chunk()
            .await
            .map_err(|source| Error::unreachable(method, source))?
        {
            if body.len() + part.len() > limit {
                return Err(Error::too_large(method, limit));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    async fn answer(&self, method: &str, response: Response) -> Result<Value, Error> {
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let body = self.body(method, response, ANSWER_BYTES_MAX).await?;
        let answer: Value = serde_json::from_slice(&body).map_err(|_| {
            Error::not_json(method, status, excerpt(&String::from_utf8_lossy(&body)))
        })?;
        match refusal(&answer) {
            Some((code, description)) => {
                let description = excerpt(&description);
                Err(Error::refused(
                    method,
                    &code,
                    &description,
                    status,
                    retry_after,
                ))
            }
            None if status >= 400 => Err(Error::answer(
                method,
                format!("status {status} without an error"),
            )),
            None => Ok(answer),
        }
    }
}

/// Returns the code and the description of a refusal: next to each other, or, in REST version 3, in
/// an object with the fields that are not valid (protocol/rest.md 7).
fn refusal(answer: &Value) -> Option<(String, String)> {
    let error = answer.get("error")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match error {
        Value::String(code) => Some((code.clone(), text(&answer["error_description"]))),
        // PHP exceptions without a code have 0.
        Value::Number(code) => Some((code.to_string(), text(&answer["error_description"]))),
        Value::Object(_) => {
            let invalid = error["validation"].as_array().into_iter().flatten();
            let invalid = invalid
                .map(|field| format!("{}: {}", text(&field["field"]), text(&field["message"])));
            let message = Some(text(&error["message"])).filter(|message| !message.is_empty());
            let words: Vec<String> = message.into_iter().chain(invalid).collect();
            let code = match &error["code"] {
                Value::Number(code) => code.to_string(),
                code => text(code),
            };
            Some((code, words.join("; ")))
        }
        _ => None,
    }
}

/// `Retry-After` in seconds, which a proxy may send; the portal's documentation does not mention
/// it.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use crate::portal::http::client::*;

    #[test]
    fn plain_http_is_used_for_allowed_hosts_only() {
        let http = Http::new(["127.0.0.1:8071".to_owned()]).unwrap();
        let allowed = |address| http.check_address("scope", address).is_ok();
        assert!(allowed("http://127.0.0.1:8071/rest/scope"));
        assert!(allowed("https://example.bitrix24.com/rest/scope"));
        assert!(!allowed("http://127.0.0.1:8072/rest/scope"));
        assert!(!allowed("http://example.bitrix24.com/rest/scope"));
        assert!(!allowed("https://169.254.169.254/latest"));
        assert!(!allowed("https://[::1]/"));
        assert!(!allowed("file:///etc/passwd"));
    }
}
