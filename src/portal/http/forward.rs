//! Handing an event on to another program.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

use crate::portal::{Error, Http};

/// How long a receiver may take to answer.
pub const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest body that is handed on, in bytes: more than the longest event becomes as JSON, unless it is made to.
pub const FORWARD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What an error is told of.
const METHOD: &str = "forward";

impl Http {
    /// POSTs JSON to an address that the author configured. Only the status counts, and only one in the two hundreds is well:
    /// who sends elsewhere has not taken it.
    ///
    /// # Errors
    /// The body is too long; the address cannot be reached, or answers otherwise.
    pub(crate) async fn forward(
        &self,
        address: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<(), Error> {
        if body.len() > FORWARD_BYTES_MAX {
            return Err(Error::unusable(METHOD, "the event is too long as JSON"));
        }
        let url =
            Url::parse(address).map_err(|error| Error::unusable(METHOD, &error.to_string()))?;
        let request = self.client.post(url).timeout(FORWARD_TIMEOUT);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let answered = request.send().await;
        let status = answered
            .map_err(|source| Error::unreachable(METHOD, source))?
            .status();
        if status.is_success() {
            Ok(())
        } else {
            let why = format!("the receiver answers with a status of {}", status.as_u16());
            Err(Error::answer(METHOD, why))
        }
    }
}
