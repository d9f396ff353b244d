//! Installations: accepted only after the authorization server and the portal have confirmed them,
//! then set up.
//!
//! Anybody can post an `ONAPPINSTALL`. Nobody can forge a refresh token that was issued to our
//! application: it is exchanged at the configured server, and the portal and its address are taken
//! from that answer. But each person who opens the application has such a token, and the
//! application's token too. So the portal, called with the new tokens, must report an
//! administrator. Until then the installation before stays in force, also across a crash.
//!
//! This holds for a first installation as well: only an administrator may install
//! (protocol/auth.md 4), and the method that reports it (`profile`) needs no scope. A portal that
//! cannot be asked is not installed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::install_queue::PendingInstall;
use crate::engine::keyed_queues::Next;
use crate::engine::registry::Installed;
use crate::engine::{AcceptError, Engine, Options};
use crate::event::{Delivery, MemberId, excerpt};
use crate::portal::{Error, Portal, Proof, Proven};
use crate::store::{Access, Installation};

/// How far the time of an installation may be ahead of this program's clock. A later one is not
/// used: once the portal's clock is right again, all that it sends would count as late.
const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(60 * 60);

/// How long the authorization server and the portal may take to prove an installation. After it,
/// the installation is refused with [`AcceptError::Unreachable`].
const PROOF_TIMEOUT: Duration = Duration::from_secs(45);

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

/// Lengths of a refresh token, in bytes. Those on the documentation's pages have 32, those of real
/// portals up to a hundred or so.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 16..=1024;

/// Returns true if a text may be a refresh token: it has a possible length, and characters that
/// tokens are written with.
fn is_token(text: &str) -> bool {
    let is_of_token = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=:|_".contains(&c);
    TOKEN_BYTES.contains(&text.len()) && text.bytes().all(is_of_token)
}

impl Engine {
    /// Accepts an installation event that came from an address.
    pub(super) async fn accept_install(
        self: &Arc<Self>,
        delivery: &Delivery,
        from: Option<IpAddr>,
    ) -> Result<(), AcceptError> {
        let auth = delivery.auth()?;
        match (auth.member_id, auth.application_token, auth.refresh_token) {
            (Some(portal), Some(application_token), Some(refresh_token)) => {
                let claim = InstallClaim {
                    installed_at: delivery.ts,
                    event: Some(delivery.clone()),
                    ..InstallClaim::new(portal, application_token, refresh_token)
                };
                self.install_from(claim, from).await
            }
            _ => Err(AcceptError::Unproven),
        }
    }

    /// Accepts an installation, from an event or an installation page. When it returns `Ok`, the
    /// installation is proven and stored; bots, commands and bindings are set up afterwards, in the
    /// background.
    ///
    /// # Errors
    /// - [`AcceptError::Unproven`] if the authorization server does not confirm it, or the portal
    ///   does not report an administrator.
    /// - [`AcceptError::Full`] if it waited for too long
    ///   ([`INSTALL_PATIENCE`](crate::engine::INSTALL_PATIENCE)), while too many wait
    ///   ([`INSTALLS_MAX`](crate::engine::INSTALLS_MAX)), or while the program stops.
    /// - [`AcceptError::Unreachable`] if the authorization server or the portal cannot be reached.
    /// - [`AcceptError::Store`] if it cannot be stored.
    pub async fn install(self: &Arc<Self>, claim: InstallClaim) -> Result<(), AcceptError> {
        self.install_from(claim, None).await
    }

    /// Accepts an installation that came from an address: addresses take turns when many wait to be
    /// proven.
    ///
    /// # Errors
    /// Those of [`install`](Engine::install).
    pub async fn install_from(
        self: &Arc<Self>,
        claim: InstallClaim,
        from: Option<IpAddr>,
    ) -> Result<(), AcceptError> {
        let token = &claim.refresh_token;
        if !is_token(token.expose_secret()) || self.proof_limits.is_refused(token) {
            return Err(AcceptError::Unproven);
        }
        let place = self.proof_limits.installs.push(claim, from)?;
        if self.proof_limits.installs.add_worker() {
            let (engine, stopped) = (Arc::clone(self), self.stopped.clone());
            self.tasks.spawn(self.watch.watch("proofs", async move {
                let taken = || stopped.run_until_cancelled(engine.proof_limits.installs.take());
                while let Some(Some(pending)) = taken().await {
                    engine.prove(pending).await;
                }
            }));
        }
        place.result().await
    }

    /// Proves an installation, answers, and queues it to be set up.
    async fn prove(self: &Arc<Self>, mut pending: PendingInstall) {
        let event = pending.claim.event.take();
        let proven = self.prove_claim(&mut pending.claim).await;
        let portal = proven.as_ref().ok().cloned();
        if let (Some(portal), Some(delivery)) = (&portal, event) {
            self.queue_for_hooks(portal, delivery).await;
        }
        pending.answer(proven.map(|_| ()));
        if let Some(portal) = portal {
            self.set_up_soon(portal);
        }
    }

    /// Queues a portal that was installed to be set up, unless another process owns it.
    pub(in crate::engine) fn set_up_soon(&self, portal: Portal) {
        if self.works_on(portal.id()) {
            self.setups.push(portal.id().clone(), portal);
        }
    }

    /// Sets up a portal that was installed.
    pub(in crate::engine) async fn set_up_installed(
        self: Arc<Self>,
        portal: Portal,
    ) -> Next<Portal> {
        let id = portal.id().clone();
        let _ = self.run_owned(&id, self.set_up(&portal)).await; // each failure is logged
        self.registry.count_set_up();
        Next::Done
    }

    /// Exchanges the refresh token, and stores the installation if the tokens are an
    /// administrator's of the portal that was claimed.
    async fn prove_claim(&self, claim: &mut InstallClaim) -> Result<Portal, AcceptError> {
        let latest = self.options.clock.now() + CLOCK_AHEAD_MAX;
        claim.installed_at = claim.installed_at.filter(|at| *at <= latest.0 / 1_000);
        let claimed = excerpt(claim.portal.as_str()); // anybody may post a long one
        let Options {
            application, http, ..
        } = &self.options;
        let Some(application) = application else {
            tracing::warn!(
                claimed,
                "an installation cannot be proven: this program has no client id and secret"
            );
            return Err(AcceptError::Unproven);
        };
        let proof = application.prove(http, &claim.portal, &claim.refresh_token);
        let Ok(proof) = timeout(PROOF_TIMEOUT, proof).await else {
            tracing::warn!(
                claimed,
                "an installation cannot be proven: no answer in time"
            );
            return Err(AcceptError::Unreachable);
        };
        let proven = match proof {
            Ok(Proof::Administrator(proven)) => proven,
            Ok(Proof::Ordinary(user)) => {
                tracing::warn!(claimed, %user, "an installation is refused: its tokens are not an administrator's");
                self.proof_limits.refuse(&claim.refresh_token);
                return Err(AcceptError::Unproven);
            }
            Ok(Proof::Elsewhere(proven)) => {
                tracing::warn!(claimed, %proven, "an installation is refused: its tokens are another portal's");
                self.proof_limits.refuse(&claim.refresh_token);
                return Err(AcceptError::Unproven);
            }
            Err(error) => {
                tracing::warn!(claimed, error = %causes(&error), "an installation cannot be proven");
                if error.is("invalid_grant") {
                    self.proof_limits.refuse(&claim.refresh_token);
                }
                return Err(match error.code() {
                    Some(_) if !error.may_pass_later() => AcceptError::Unproven,
                    _ => AcceptError::Unreachable,
                });
            }
        };
        self.apply(claim, proven).await
    }

    /// Stores a proven installation, and uses it from now on; unless a newer one is in force.
    async fn apply(&self, claim: &InstallClaim, proven: Proven) -> Result<Portal, AcceptError> {
        let Proven { grant, number, .. } = proven;
        let _changing = self.registry.change(&grant.portal).await;
        if let Some(newer) = self
            .registry
            .newer(&grant.portal, claim.installed_at, number)
        {
            tracing::warn!(portal = %newer.id(), "an installation arrived late; a newer one is kept");
            return Ok(newer);
        }
        let application_token = claim.application_token.clone();
        let mut installation = Installation::new(
            grant.portal,
            grant.endpoint,
            application_token.clone(),
            Access::Tokens(grant.tokens),
        );
        installation.installed_at = claim.installed_at;
        let id = installation.portal.clone();
        let portal = match self.registry.portal(&id) {
            Some(portal) => {
                portal.install(installation).await?;
                portal
            }
            None => {
                self.options.store.install(installation.clone()).await?;
                self.client(installation)
            }
        };
        let installed = Installed {
            application_token,
            installed_at: claim.installed_at,
            number,
            is_webhook: false,
            portal: portal.clone(),
        };
        self.registry.insert(id, installed);
        portal.renew_old_tokens(self.options.clock.now()).await; // their age counts from now on
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

#[cfg(test)]
mod tests {
    use crate::engine::accept::install::*;

    #[test]
    fn texts_of_an_impossible_shape_are_no_tokens() {
        let hexadecimal = "5f2c".repeat(18);
        for token in [
            "2lg086mxijlpvwh0h7r4nl19udm4try5", // b24restdocs: settings/oauth/simple-way.md
            &hexadecimal,
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl_-",
        ] {
            assert!(is_token(token), "{token}");
        }
        let long = "a".repeat(1025);
        for text in [
            "",
            "bogus",
            "with a space and more",
            "a\nb4567890123456",
            &long,
        ] {
            assert!(!is_token(text), "{text}");
        }
    }
}
