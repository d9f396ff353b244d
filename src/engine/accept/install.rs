//! Installations: believed only when the authorization server confirms them, then brought into step.
//!
//! Anybody can post an `ONAPPINSTALL`. What nobody can forge is a refresh token issued to our application: it is exchanged
//! at the configured server, and the portal and its address are taken from that answer.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::engine::keyed_queues::Next;
use crate::engine::{CLAIMS_MAX, Engine, INSTALLS_MAX, Options, Proof, Refused};
use crate::event::Delivery;
use crate::portal::{Error, Portal};
use crate::store::{Access, Installation};

/// An installation to be proven, and who waits to hear of it.
pub(in crate::engine) struct Claim {
    proof: Proof,
    answer: oneshot::Sender<Result<(), Refused>>,
}

impl Engine {
    /// Takes in the claim of an installation event.
    pub(in crate::engine) async fn claim(
        self: &Arc<Self>,
        delivery: &Delivery,
    ) -> Result<(), Refused> {
        let auth = delivery.auth()?;
        match (auth.member_id, auth.application_token, auth.refresh_token) {
            (Some(portal), Some(application_token), Some(refresh_token)) => {
                let proof = Proof {
                    portal,
                    application_token,
                    refresh_token,
                    event: Some(delivery.clone()),
                };
                self.install(proof).await
            }
            _ => Err(Refused::Unproven),
        }
    }

    /// Takes in the claim of an installation, from an event or an installation page. When it returns `Ok`, it is proven
    /// and written down; what the application needs on the portal is set up afterwards.
    ///
    /// # Errors
    /// [`Refused::Unproven`]; [`Refused::Full`] while [`INSTALLS_MAX`] are being proven; [`Refused::Unreachable`] if the
    /// authorization server is; [`Refused::Store`].
    pub async fn install(self: &Arc<Self>, proof: Proof) -> Result<(), Refused> {
        let is_full = self.installs.waiting() >= INSTALLS_MAX
            || self.installs.waiting_for(&proof.portal) >= CLAIMS_MAX;
        if is_full {
            return Err(Refused::Full);
        }
        let (answer, answered) = oneshot::channel();
        let portal = proof.portal.clone();
        self.installs.push(portal, Claim { proof, answer });
        answered.await.unwrap_or(Err(Refused::Full)) // the program stops
    }

    /// Proves an installation, answers, and sets it up.
    pub(in crate::engine) async fn prove(self: Arc<Self>, claim: Claim) -> Next<Claim> {
        let Claim { mut proof, answer } = claim;
        let event = proof.event.take();
        let proven = self.believe(proof).await;
        let portal = proven.as_ref().ok().cloned();
        if let (Some(portal), Some(delivery)) = (&portal, event) {
            self.tell_hooks(portal, delivery).await;
        }
        answer.send(proven.map(drop)).ok(); // whoever asked may have gone
        if let Some(portal) = portal {
            self.bring_into_step(&portal).await.ok(); // what failed is logged
            self.set_ups.send_modify(|done| *done += 1);
        }
        Next::Done
    }

    /// Exchanges the refresh token, and writes the installation down if the answer is of the portal that it claims.
    async fn believe(&self, proof: Proof) -> Result<Portal, Refused> {
        let Options {
            application,
            http,
            store,
            ..
        } = &self.options;
        let Some(application) = application else {
            tracing::warn!(claimed = %proof.portal, "an installation cannot be proven: this program has no client id and secret");
            return Err(Refused::Unproven);
        };
        let grant = match application.refresh(http, &proof.refresh_token).await {
            Ok(grant) if grant.portal == proof.portal => grant,
            Ok(grant) => {
                tracing::warn!(claimed = %proof.portal, proven = %grant.portal, "an installation of another portal is not believed");
                return Err(Refused::Unproven);
            }
            Err(error) => {
                tracing::warn!(claimed = %proof.portal, error = %causes(&error), "an installation is not proven");
                return Err(match error.code() {
                    Some(_) => Refused::Unproven,
                    None => Refused::Unreachable,
                });
            }
        };
        let installation = Installation {
            portal: grant.portal,
            endpoint: grant.endpoint,
            application_token: proof.application_token,
            access: Access::Tokens(grant.tokens),
        };
        store.install(installation.clone()).await?;
        let portal = self.know(installation).await;
        tracing::info!(portal = %portal.id(), endpoint = portal.endpoint(), "installed");
        Ok(portal)
    }
}

/// An error with its causes, for a log line.
pub(in crate::engine) fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
