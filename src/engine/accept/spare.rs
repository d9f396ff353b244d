//! Tokens of people who open the application: those of an administrator are kept as the portal's
//! spare tokens, for the time when the person who installed the application is gone.
//!
//! Anybody can post such tokens. They are kept only after the portal has confirmed them, at the
//! address of its installation; how often it is asked is bounded.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::install::causes;
use crate::engine::Engine;
use crate::event::MemberId;
use crate::store::Tokens;

/// The tokens that a portal posts when somebody opens the application, not yet confirmed.
#[derive(Debug)]
pub(crate) struct OfferedTokens {
    /// The portal that they claim to be from.
    pub(crate) portal: MemberId,
    /// The token of the installation, which every frame posts.
    pub(crate) application_token: Option<SecretString>,
    pub(crate) tokens: Tokens,
}

impl Engine {
    /// Keeps tokens as the portal's spare ones if they are an administrator's, in the background.
    /// Drops them without a call if they do not come with the token of an installation on that
    /// portal, or if too many are being checked. The caller does not wait, so the answer to a
    /// stranger takes the same time for every portal.
    pub(crate) fn offer_spare(self: &Arc<Self>, offered: OfferedTokens) {
        let engine = Arc::clone(self);
        let check = async move { engine.check_spare(offered).await };
        self.tasks.spawn(self.watch.watch("spare tokens", check));
    }

    async fn check_spare(self: &Arc<Self>, offered: OfferedTokens) {
        let Some(portal) = self.portal(&offered.portal) else {
            return;
        };
        let installed_with = self.registry.application_token(portal.id());
        // Strangers do not know it, so they cannot use up the checks.
        let (Some(claimed), Some(own)) = (&offered.application_token, installed_with) else {
            return;
        };
        let (claimed, own) = (claimed.expose_secret(), own.expose_secret());
        if !bool::from(claimed.as_bytes().ct_eq(own.as_bytes())) {
            return;
        }
        let now = self.options.clock.now();
        let token = offered.tokens.access.clone();
        let Some(permit) = self.proof_limits.spare(portal.id(), &token, now) else {
            tracing::debug!(portal = %portal.id(), "tokens of a person who opened the application are not checked");
            return;
        };
        let kept = portal.keep_spare(offered.tokens);
        match self.stopped.run_until_cancelled(kept).await {
            Some(Ok(Some(user))) => {
                tracing::info!(portal = %portal.id(), %user, "the tokens of an administrator who opened the application are kept as spare ones");
            }
            Some(Ok(None)) => self.proof_limits.refuse(&token),
            Some(Err(error)) => {
                tracing::debug!(portal = %portal.id(), error = %causes(&error), "tokens of a person who opened the application are not kept");
                if error.code().is_some() {
                    self.proof_limits.refuse(&token);
                }
            }
            None => {} // the program stops
        }
        drop(permit);
    }
}
