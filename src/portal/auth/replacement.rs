//! Replaces the installation of a portal by a new one, and removes it: each in one step with the
//! renewal of its tokens, so that neither undoes the other.

use crate::portal::Portal;
use crate::store::{Installation, StoreError};

impl Portal {
    /// Replaces tokens and address by those of an installation that the store has.
    pub async fn replace(&self, installation: Installation) {
        let mut credentials = self.inner.credentials.lock().await;
        self.set_address(&installation);
        credentials.replace(installation);
        self.reset_breaker();
    }

    /// Stores a new, proven installation on the same portal, then uses it. The hosts that the
    /// portal had stay known.
    ///
    /// A renewal that is under way is waited for, here and in another process: it would store the
    /// renewed old tokens over the new ones.
    ///
    /// # Errors
    /// The installation could not be stored. The one before stays in use then.
    pub(crate) async fn install(&self, mut installation: Installation) -> Result<(), StoreError> {
        let mut credentials = self.inner.credentials.lock().await;
        // A failure of the store ends the next step as well.
        if self.claim(&mut credentials).await.unwrap_or(false) {
            let _ = self.claim(&mut credentials).await; // the first took over the other's tokens
        }
        let mut before = credentials.installation.clone();
        before.move_to(&installation.endpoint);
        installation.former_hosts = before.former_hosts;
        self.inner.store.install(installation.clone()).await?;
        self.set_address(&installation);
        credentials.replace(installation);
        self.reset_breaker();
        Ok(())
    }

    /// Removes the installation from the store. This client stores nothing any more: a call that is
    /// under way may still renew the tokens.
    ///
    /// # Errors
    /// The store could not be changed. The installation stays in use then.
    pub(crate) async fn remove(&self, forget: bool) -> Result<(), StoreError> {
        let mut credentials = self.inner.credentials.lock().await;
        self.inner.store.uninstall(self.id(), forget).await?;
        credentials.is_removed = true;
        Ok(())
    }
}
