//! Installations: accepted only after the authorization server has confirmed them, then set up.
//!
//! Anybody can post an `ONAPPINSTALL`. Nobody can forge a refresh token that was issued to our
//! application: it is exchanged at the configured server, and the portal and its address are taken
//! from that answer.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::oneshot;

use crate::engine::keyed_queues::Next;
use crate::engine::{AcceptError, Engine, Options};
use crate::event::{Delivery, MemberId, excerpt};
use crate::portal::{Error, Portal};
use crate::store::{Access, Installation};

/// How far the time of an installation may be ahead of this program's clock. A later one is not
/// used: once the portal's clock is right again, all that it sends would count as late.
const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(60 * 60);

/// An installation as an event or an installation page claims it, to be proven by exchanging its
/// refresh token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InstallClaim {
    /// The portal that it claims to be from.
    pub portal: MemberId,
    /// The token that the portal's events will carry.
    pub application_token: SecretString,
    /// The token that the authorization server exchanges if it was issued to this portal.
    pub refresh_token: SecretString,
    /// When the portal announced it, in Unix seconds on its own clock; `None` for the installation
    /// page. An event that is older than the installation does not undo it.
    pub installed_at: Option<u64>,
    /// The event that claims it, for the hooks; `None` for the installation page.
    pub event: Option<Delivery>,
}

impl InstallClaim {
    /// The claim of an installation page.
    pub fn new(
        portal: MemberId,
        application_token: SecretString,
        refresh_token: SecretString,
    ) -> Self {
        InstallClaim {
            portal,
            application_token,
            refresh_token,
            installed_at: None,
            event: None,
        }
    }
}

/// A claim in its queue, and where its result goes.
pub(in crate::engine) struct PendingInstall {
    pub(super) claim: InstallClaim,
    pub(super) answer: oneshot::Sender<Result<(), AcceptError>>,
}

impl Engine {
    /// Accepts an installation event.
    pub(super) async fn accept_install(
        self: &Arc<Self>,
        delivery: &Delivery,
    ) -> Result<(), AcceptError> {
        let auth = delivery.auth()?;
        match (auth.member_id, auth.application_token, auth.refresh_token) {
            (Some(portal), Some(application_token), Some(refresh_token)) => {
                let claim = InstallClaim {
                    installed_at: delivery.ts,
                    event: Some(delivery.clone()),
                    ..InstallClaim::new(portal, application_token, refresh_token)
                };
                self.install(claim).await
            }
            _ => Err(AcceptError::Unproven),
        }
    }

    /// Accepts an installation, from an event or an installation page. When it returns `Ok`, the
    /// installation is proven and stored; bots, commands and bindings are set up afterwards, in the
    /// background.
    ///
    /// # Errors
    /// - [`AcceptError::Unproven`] if the authorization server does not confirm it.
    /// - [`AcceptError::Full`] while [`INSTALLS_MAX`](crate::engine::INSTALLS_MAX) are being
    ///   proven, or too many of this portal, or while the program stops.
    /// - [`AcceptError::Unreachable`] if the authorization server cannot be reached.
    /// - [`AcceptError::Store`] if it cannot be stored.
    pub async fn install(self: &Arc<Self>, claim: InstallClaim) -> Result<(), AcceptError> {
        let answered = self.proof_limits.queue(claim)?;
        answered.await.unwrap_or(Err(AcceptError::Full)) // the program stops
    }

    /// Proves an installation, answers, and sets it up.
    pub(in crate::engine) async fn prove(
        self: Arc<Self>,
        pending: PendingInstall,
    ) -> Next<PendingInstall> {
        let PendingInstall { mut claim, answer } = pending;
        let event = claim.event.take();
        let proven = self.exchange(claim).await;
        let portal = proven.as_ref().ok().cloned();
        if let (Some(portal), Some(delivery)) = (&portal, event) {
            self.queue_for_hooks(portal, delivery).await;
        }
        let _ = answer.send(proven.map(|_| ())); // the caller may be gone
        if let Some(portal) = portal {
            let _ = self.set_up(&portal).await; // each failure is logged
            self.registry.count_set_up();
        }
        Next::Done
    }

    /// Exchanges the refresh token, and stores the installation if the answer is about the portal
    /// that was claimed.
    async fn exchange(&self, mut claim: InstallClaim) -> Result<Portal, AcceptError> {
        let latest = self.options.clock.now() + CLOCK_AHEAD_MAX;
        claim.installed_at = claim.installed_at.filter(|at| *at <= latest.0 / 1_000);
        let claimed = excerpt(claim.portal.as_str()); // anybody may post a long one
        let Options {
            application,
            http,
            store,
            ..
        } = &self.options;
        let Some(application) = application else {
            tracing::warn!(
                claimed,
                "an installation cannot be proven: this program has no client id and secret"
            );
            return Err(AcceptError::Unproven);
        };
        let grant = match application.refresh(http, &claim.refresh_token).await {
            Ok(grant) if grant.portal == claim.portal => grant,
            Ok(grant) => {
                tracing::warn!(claimed, proven = %grant.portal, "an installation is refused: its tokens are another portal's");
                return Err(AcceptError::Unproven);
            }
            Err(error) => {
                tracing::warn!(claimed, error = %causes(&error), "an installation cannot be proven");
                return Err(match error.code() {
                    Some(_) => AcceptError::Unproven,
                    None => AcceptError::Unreachable,
                });
            }
        };
        let known = self.registry.portal(&grant.portal);
        if let Some(portal) = &known
            && self.registry.installed_at(&grant.portal) > claim.installed_at
            && claim.installed_at.is_some()
        {
            tracing::warn!(portal = %portal.id(), "an installation arrived late; a newer one is kept");
            return Ok(portal.clone());
        }
        let mut installation = Installation::new(
            grant.portal,
            grant.endpoint,
            claim.application_token,
            Access::Tokens(grant.tokens),
        );
        installation.installed_at = claim.installed_at;
        if let Some(portal) = known {
            let mut before = portal.installation().await;
            before.move_to(&installation.endpoint);
            installation.former_hosts = before.former_hosts;
        }
        store.install(installation.clone()).await?;
        let portal = self.add_portal(installation).await;
        tracing::info!(portal = %portal.id(), endpoint = portal.endpoint(), "installed");
        Ok(portal)
    }
}

/// Returns an error with its causes, for a log line.
pub(in crate::engine) fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
