//! The tokens of a portal: renewed when they are over, by one for all.

use secrecy::ExposeSecret;

use super::{Error, Portal};
use crate::store::{Access, Installation, Tokens};

impl Portal {
    /// Exchanges the refresh token, unless somebody did meanwhile. The new pair is stored before it is used.
    pub(super) async fn refresh(&self, stale: &Tokens) -> Result<(), Error> {
        let mut installation = self.inner.installation.lock().await;
        let (Access::Tokens(tokens), Some(application)) =
            (&installation.access, &self.inner.application)
        else {
            return Ok(()); // the portal is reached another way meanwhile
        };
        if tokens.access.expose_secret() != stale.access.expose_secret() {
            return Ok(());
        }
        let grant = application
            .refresh(&self.inner.http, &tokens.refresh)
            .await?;
        let mut renewed = installation.clone();
        renewed.access = Access::Tokens(grant.tokens);
        self.inner
            .store
            .install(renewed.clone())
            .await
            .map_err(|source| Error::store("oauth/token", source))?;
        *installation = renewed;
        tracing::info!(portal = %self.inner.id, "the tokens are renewed");
        Ok(())
    }

    /// What proves that a call is ours.
    pub(crate) async fn access(&self) -> Access {
        self.inner.installation.lock().await.access.clone()
    }

    /// Takes over the tokens of a new proof of the same installation.
    pub async fn renew(&self, installation: Installation) {
        *self.inner.installation.lock().await = installation;
        self.gate().open();
    }
}
