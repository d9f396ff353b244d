//! The application's status on a portal, as the authorization server reports it.
//!
//! Page `b24restdocs: settings/oauth/simple-way.md` names `app.info` of that server as the trusted
//! source: a portal on its owner's server may claim anything. The documentation does not show the
//! answer; its shape is that of Bitrix24's own clients (protocol/other-clients.md item 11).

use secrecy::ExposeSecret;
use serde_json::Value;

use crate::portal::{Error, Portal};
use crate::store::Access;

/// The method's name in errors.
const METHOD: &str = "oauth/app.info";

impl Portal {
    /// Returns the application's status, such as `P` for a paid one.
    ///
    /// # Errors
    /// - The portal is not called by an application.
    /// - The authorization server refused, or could not be reached.
    /// - Its answer has no status, or is about another portal.
    pub(crate) async fn trusted_status(&self) -> Result<String, Error> {
        let Some(application) = &self.inner.application else {
            return Err(Error::unusable(METHOD, "no application is configured"));
        };
        let address = format!(
            "{}/rest/app.info",
            application.oauth_url.trim_end_matches('/')
        );
        let mut is_renewed = false;
        loop {
            let access = self.access().await;
            let Access::Tokens(tokens) = &access else {
                return Err(Error::unusable(
                    METHOD,
                    "the portal is called by an inbound webhook",
                ));
            };
            let query = [("auth", tokens.access.expose_secret())];
            match self.inner.http.get(METHOD, &address, &query).await {
                Err(error) if error.is_token_expired() && !is_renewed => {
                    is_renewed = true;
                    self.refresh(tokens).await?;
                }
                answer => return self.status_in(&answer?["result"]),
            }
        }
    }

    fn status_in(&self, result: &Value) -> Result<String, Error> {
        let install = &result["install"];
        let other = install["member_id"]
            .as_str()
            .filter(|id| *id != self.id().as_str());
        if other.is_some() {
            return Err(Error::answer(METHOD, "it is about another portal"));
        }
        // The emulator is its own authorization server, and answers as a portal.
        let status = install["status"].as_str().or(result["STATUS"].as_str());
        status
            .map(str::to_owned)
            .ok_or_else(|| Error::answer(METHOD, "it has no status"))
    }
}
