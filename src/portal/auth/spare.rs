//! The spare tokens of a portal: those of an administrator other than the person who installed the
//! application.
//!
//! If that person is dismissed, the portal refuses the installation's own tokens
//! (protocol/auth.md 4). The spare ones are used then, until the application is installed again.
//! They replace neither the installation's tokens nor its address.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use super::administrator::{Proof, Proven};
use super::token_renewal::Credentials;
use crate::event::UserId;
use crate::portal::http::request::RestVersion;
use crate::portal::methods::Method;
use crate::portal::methods::profile::{self, Profile};
use crate::portal::{Error, Portal};
use crate::store::{Access, Spare, Tokens};

/// How long spare tokens are kept before others of the same administrator replace them. The
/// documentation warns against renewing often (protocol/auth.md 2.1).
const SPARE_NEW_FOR: Duration = Duration::from_secs(24 * 60 * 60);

impl Portal {
    /// Keeps these tokens as the spare ones, if the portal confirms that they are an
    /// administrator's, other than the person whose rights the calls have, and the authorization
    /// server that they are this application's. Returns the administrator, or `None` if the tokens
    /// are not kept.
    ///
    /// The stored tokens are those that the authorization server gives in exchange.
    ///
    /// # Errors
    /// - The portal or the authorization server refused the tokens, or could not be reached.
    /// - The store cannot be read.
    pub(crate) async fn keep_spare(&self, offered: Tokens) -> Result<Option<UserId>, Error> {
        let Some(application) = &self.inner.application else {
            return Ok(None);
        };
        let person = self.profile_of(&offered.access).await?;
        if !person.admin || self.has_new_spare(person.id).await || self.acts_as(person.id).await {
            return Ok(None);
        }
        // The two tokens of a pair that was put together may be two persons'.
        let http = &self.inner.http;
        let proof = application.prove(http, self.id(), &offered.refresh).await?;
        let Proof::Administrator(Proven { grant, user, .. }) = proof else {
            return Ok(None);
        };
        let spare = Spare::new(user, grant.tokens);
        Ok(self.set_spare(spare).await?.then_some(user))
    }

    /// Returns the administrator whose spare tokens are in use, if they are.
    #[cfg(feature = "cli")]
    pub(crate) async fn spare_user(&self) -> Option<UserId> {
        let credentials = self.inner.credentials.lock().await;
        credentials.spare_in_use().map(|spare| spare.user)
    }

    /// Returns the user of an access token. The call does not pass the breaker: it may be open
    /// because the installation's own tokens are refused.
    pub(crate) async fn profile_of(&self, token: &SecretString) -> Result<Profile, Error> {
        const METHOD: &str = profile::Get::NAME;
        let portal = self.in_bulk().with_token(token.clone());
        portal.acquire_one(METHOD).await?;
        let answer = portal
            .request(RestVersion::Classic, METHOD, &Value::Null)
            .await?;
        serde_json::from_value(answer.result).map_err(|source| Error::answer(METHOD, source))
    }

    /// Returns true if the calls have the rights of this user already.
    async fn acts_as(&self, user: UserId) -> bool {
        let own = self.in_bulk().run(profile::Get::new()).await;
        own.is_ok_and(|own| own.id == user)
    }

    /// Returns true if this process has kept tokens of this user a short time ago.
    async fn has_new_spare(&self, user: UserId) -> bool {
        let credentials = self.inner.credentials.lock().await;
        let spare = credentials.installation.spare.as_ref();
        spare.is_some_and(|spare| spare.user == user)
            && credentials
                .spare_at
                .is_some_and(|at| at.elapsed() < SPARE_NEW_FOR)
    }

    /// Stores spare tokens. Returns false if the portal is called by an inbound webhook.
    async fn set_spare(&self, spare: Spare) -> Result<bool, Error> {
        let mut credentials = self.inner.credentials.lock().await;
        // With the claim, no other process changes the tokens meanwhile.
        if self.claim(&mut credentials).await? {
            self.claim(&mut credentials).await?;
        }
        if credentials.installation.access.tokens().is_none() {
            return Ok(false);
        }
        credentials.installation.spare = Some(spare);
        credentials.spare_at = Some(Instant::now());
        if credentials.uses_spare {
            credentials.use_spare(true); // the times of the former tokens do not apply
        }
        self.store(&mut credentials).await;
        Ok(true)
    }

    /// Uses the spare tokens from now on, because the portal refused these tokens with this error.
    /// Returns false without spare tokens.
    pub(in crate::portal) async fn leave_tokens(&self, refused: &Tokens, error: &Error) -> bool {
        let mut credentials = self.inner.credentials.lock().await;
        if !credentials
            .access()
            .is_same(&Access::Tokens(refused.clone()))
        {
            return true; // another call has done it
        }
        self.change_to_spare(&mut credentials, error).await
    }

    /// Changes from the installation's own tokens to the spare ones, and logs it once. If the spare
    /// ones are refused too, changes back and returns false, so that the next call tries the
    /// installation's own.
    pub(super) async fn change_to_spare(
        &self,
        credentials: &mut Credentials,
        error: &Error,
    ) -> bool {
        if credentials.uses_spare {
            credentials.use_spare(false);
            return false;
        }
        if credentials.installation.spare.is_none() {
            credentials.installation.spare =
                self.stored_spare(&credentials.installation.access).await;
        }
        let Some(spare) = &credentials.installation.spare else {
            return false;
        };
        if !credentials.has_warned {
            let (portal, user) = (self.id(), spare.user);
            tracing::warn!(%portal, %user, %error, "the portal refuses the tokens of the person who installed the application, who was probably dismissed; calls are made with those of another administrator who opened it. Ask an administrator to install the application again");
            credentials.has_warned = true;
        }
        credentials.use_spare(true);
        true
    }

    /// Returns the spare tokens that another process has stored with the same installation.
    async fn stored_spare(&self, own: &Access) -> Option<Spare> {
        let stored = self.inner.store.portals().await.ok()?;
        let stored = stored.into_iter().find(|it| it.portal == *self.id())?;
        stored.spare.filter(|_| stored.access.is_same(own))
    }
}
