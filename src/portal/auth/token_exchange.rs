//! Exchanges refresh tokens at the authorization server, which also proves an installation.
//!
//! Page `b24restdocs: settings/oauth/auto-renewal.md`. The client secret is sent to this server
//! only.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::event::MemberId;
use crate::portal::error::OAUTH_METHOD;
use crate::portal::http::answer::number;
use crate::portal::{Error, Http};
use crate::store::Tokens;

/// The authorization server of Bitrix24 in the cloud, the default of [`Application::oauth_url`].
pub const OAUTH_URL: &str = "https://oauth.bitrix.info";

/// The application as it is registered with Bitrix24.
#[derive(Clone)]
pub struct Application {
    /// `client_id`, such as `local.5c8bb1b0891cf2.87252039`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: SecretString,
    /// The authorization server, without a path. Default: [`OAUTH_URL`].
    pub oauth_url: String,
}

/// The authorization server's answer to a refresh token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// The portal that the tokens are for. This answer is trusted; an event that says the same is
    /// not.
    pub portal: MemberId,
    /// The address of the portal's REST methods.
    pub endpoint: String,
    /// The new tokens. The old refresh token no longer works.
    pub tokens: Tokens,
    /// How long the access token is valid, if the answer says so: an hour.
    pub expires_in: Option<Duration>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    refresh_token: String,
    client_endpoint: String,
    member_id: String,
    #[serde(default)]
    expires_in: Value,
}

impl Application {
    /// Exchanges a refresh token for new tokens.
    ///
    /// # Errors
    /// - `invalid_grant`: the token has expired, was used, or belongs to another application.
    /// - `invalid_client`: a wrong id or secret.
    /// - The server could not be reached, or its answer cannot be read.
    pub async fn refresh(&self, http: &Http, token: &SecretString) -> Result<Grant, Error> {
        let query = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose_secret()),
            ("refresh_token", token.expose_secret()),
        ];
        let address = format!("{}/oauth/token/", self.oauth_url.trim_end_matches('/'));
        let answer = http.get(OAUTH_METHOD, &address, &query).await?;
        let answer: Answer =
            serde_json::from_value(answer).map_err(|source| Error::answer(OAUTH_METHOD, source))?;
        Ok(Grant {
            portal: MemberId::new(answer.member_id),
            endpoint: answer.client_endpoint,
            tokens: Tokens {
                access: answer.access_token.into(),
                refresh: answer.refresh_token.into(),
            },
            expires_in: number(&answer.expires_in).map(Duration::from_secs),
        })
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("client_id", &self.client_id)
            .field("oauth_url", &self.oauth_url)
            .finish()
    }
}
