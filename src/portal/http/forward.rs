//! Forwards events to another program.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};

use crate::portal::{Error, Http};

/// Maximum time that a receiver may take to answer.
pub const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum size of a forwarded body, in bytes: more than the JSON of any event that a portal sends.
pub const FORWARD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The method's name in errors.
const METHOD: &str = "forward";

impl Http {
    /// POSTs JSON to an address that the author configured. Success is a status from 200 to 299; a
    /// redirect is a failure.
    ///
    /// # Errors
    /// - The body has more than [`FORWARD_BYTES_MAX`] bytes.
    /// - The address cannot be reached.
    /// - The receiver answers with another status.
    pub(crate) async fn forward(
        &self,
        address: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<(), Error> {
        if body.len() > FORWARD_BYTES_MAX {
            return Err(Error::unusable(METHOD, "the event is too long as JSON"));
        }
        let url =
            Url::parse(address).map_err(|error| Error::unusable(METHOD, &error.to_string()))?;
        let mut request = Request::new(Method::POST, url);
        *request.timeout_mut() = Some(FORWARD_TIMEOUT);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|error| Error::unusable(METHOD, &error.to_string()))?;
            request.headers_mut().insert(*name, value);
        }
        *request.body_mut() = Some(body.into());
        let answered = self.sender.send(request).await;
        let status = answered
            .map_err(|source| Error::unreachable(METHOD, source))?
            .status();
        if status.is_success() {
            Ok(())
        } else {
            let why = format!("the receiver answered with status {}", status.as_u16());
            Err(Error::answer(METHOD, why))
        }
    }
}
