//! Calling a portal: the only part on the road that names reqwest.
//!
//! [`Portal`] speaks for the application on one portal. [`Portal::call`] reads as one sentence: wait for the limit, take
//! the token, send, decode; it repeats only what was certainly not done. Addresses come from a proven installation and
//! from the configured authorization server, never from an event.

mod bots;
mod bots_v2;
mod error;
mod events;
mod files;
mod http;
mod limit;
mod look;
mod oauth;
mod voice;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::event::MemberId;
use crate::store::{Access, Installation, Store, Tokens};

pub use bots::{BotFields, CommandFields};
pub use bots_v2::{BotInfo, CommandInfo, EVENTS_MAX, NewBot, NewCommand};
pub use error::Error;
pub use events::Binding;
pub use files::{FILE_BYTES_MAX, Uploaded, UploadedFile};
pub use http::{ANSWER_BYTES_MAX, CALL_TIMEOUT, Http};
pub use limit::{Limit, Plan};
pub(crate) use look::{AppInfo, Glimpse, Owner};
pub use oauth::{Application, Grant, OAUTH_URL};
pub use voice::{Status, Voice};
pub use webhook::{AddressError, inbound};

/// How often a call is repeated that the portal refused for its limits before running it.
pub const REPEATS_MAX: u32 = 6;

/// The application on one portal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Portal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: MemberId,
    endpoint: String,
    http: Http,
    application: Option<Arc<Application>>,
    store: Arc<dyn Store>,
    limit: Limit,
    /// Held while the tokens are refreshed, so that many callers who find them expired refresh once.
    installation: Mutex<Installation>,
}

impl Portal {
    /// The application on the portal of this installation. Only one that calls by inbound webhooks may be none.
    pub fn new(
        http: Http,
        application: Option<Arc<Application>>,
        store: Arc<dyn Store>,
        installation: Installation,
        plan: Plan,
    ) -> Portal {
        Portal(Arc::new(Inner {
            id: installation.portal.clone(),
            endpoint: installation.endpoint.clone(),
            http,
            application,
            store,
            limit: Limit::new(plan),
            installation: Mutex::new(installation),
        }))
    }

    /// The portal's own id.
    pub fn id(&self) -> &MemberId {
        &self.0.id
    }

    /// Where its REST methods are called.
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// Calls a REST method and decodes its result.
    ///
    /// ```no_run
    /// # async fn example(portal: imbot::portal::Portal) -> Result<(), imbot::portal::Error> {
    /// let deal: serde_json::Value = portal.call("crm.deal.get", &serde_json::json!({ "ID": 7 })).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The portal refused ([`Error::code`] tells why), could not be reached, or answered something else than `T`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &Value,
    ) -> Result<T, Error> {
        let result = self.call_value(method, params).await?;
        serde_json::from_value(result).map_err(|source| Error::answer(method, source))
    }

    async fn call_value(&self, method: &str, params: &Value) -> Result<Value, Error> {
        let mut is_refreshed = false;
        let mut repeats = 0;
        loop {
            self.0.limit.ready().await;
            let access = self.0.installation.lock().await.access.clone();
            let error = match self.send(method, params, &access).await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            if let Access::Tokens(stale) = &access
                && error.is_token_expired()
                && !is_refreshed
            {
                is_refreshed = true;
                self.refresh(stale).await?;
            } else if error.was_not_run() && repeats < REPEATS_MAX {
                repeats += 1;
                let pause = Duration::from_millis(250) * 2u32.pow(repeats);
                tracing::debug!(portal = %self.0.id, method, %error, ?pause, "the call is repeated");
                tokio::time::sleep(pause).await;
            } else {
                return Err(error);
            }
        }
    }

    async fn send(&self, method: &str, params: &Value, access: &Access) -> Result<Value, Error> {
        let mut answer = self.envelope(method, params, access).await?;
        answer
            .get_mut("result")
            .map(Value::take)
            .ok_or_else(|| Error::answer(method, "there is no `result`"))
    }

    /// Sends once, and leaves the result in its envelope.
    async fn envelope(
        &self,
        method: &str,
        params: &Value,
        access: &Access,
    ) -> Result<Value, Error> {
        let Inner { endpoint, http, .. } = &*self.0;
        let mut body = params.as_object().cloned().unwrap_or_default();
        let address = match access {
            Access::Tokens(tokens) => {
                body.insert("auth".into(), tokens.access.expose_secret().into());
                format!("{endpoint}{method}.json")
            }
            Access::Webhook(hook) => {
                webhook::name_bots(method, &mut body, hook.bot_token.expose_secret());
                format!(
                    "{endpoint}{}/{}/{method}.json",
                    hook.user,
                    hook.code.expose_secret()
                )
            }
        };
        http.call(method, &address, &Value::Object(body)).await
    }

    /// Exchanges the refresh token, unless somebody did meanwhile. The new pair is stored before it is used.
    async fn refresh(&self, stale: &Tokens) -> Result<(), Error> {
        let mut installation = self.0.installation.lock().await;
        let (Access::Tokens(tokens), Some(application)) =
            (&installation.access, &self.0.application)
        else {
            return Ok(()); // the portal is reached another way meanwhile
        };
        if tokens.access.expose_secret() != stale.access.expose_secret() {
            return Ok(());
        }
        let grant = match application.refresh(&self.0.http, &tokens.refresh).await {
            Err(error) if error.is("invalid_grant") => {
                // A refresh token is good for one use: a command beside the running program may have had it.
                let stored = self.renewed_elsewhere(tokens).await.ok_or(error)?;
                application.refresh(&self.0.http, &stored.refresh).await?
            }
            grant => grant?,
        };
        let mut renewed = installation.clone();
        renewed.access = Access::Tokens(grant.tokens);
        self.0
            .store
            .install(renewed.clone())
            .await
            .map_err(|source| Error::store("oauth/token", source))?;
        *installation = renewed;
        tracing::info!(portal = %self.0.id, "the tokens are renewed");
        Ok(())
    }

    /// The tokens in the store, if they are not these: another process has renewed them.
    async fn renewed_elsewhere(&self, stale: &Tokens) -> Option<Tokens> {
        let stored = self.0.store.portals().await.ok()?;
        let ours = stored.into_iter().find(|known| known.portal == self.0.id)?;
        let tokens = ours.access.tokens().cloned();
        tokens.filter(|tokens| tokens.refresh.expose_secret() != stale.refresh.expose_secret())
    }

    /// Reads what a one-time address of this portal holds.
    async fn download(&self, method: &str, address: &str, limit: usize) -> Result<Bytes, Error> {
        self.0.limit.ready().await;
        let Inner { http, endpoint, .. } = &*self.0;
        http.download(method, address, endpoint, limit).await
    }

    /// What proves that a call is ours.
    pub(crate) async fn access(&self) -> Access {
        self.0.installation.lock().await.access.clone()
    }

    /// Takes over the tokens of a new proof of the same installation.
    pub async fn renew(&self, installation: Installation) {
        *self.0.installation.lock().await = installation;
    }
}
