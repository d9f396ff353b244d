//! Renews the tokens of a portal shortly before they expire, once for all callers.
//!
//! Page `b24restdocs: settings/oauth/auto-renewal.md`: an access token is valid for an hour, a
//! refresh token for one use. Within the process a lock lets one caller renew while the others
//! wait; between processes on one store a [claim](crate::store::Store::claim) does, and the second
//! process takes over what the first has stored.
//!
//! Without calls, tokens are renewed only when they are old ([`RENEW_AFTER`]): the documentation
//! warns against renewing every hour or day, and a refresh token expires after 180 days.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::portal::error::OAUTH_METHOD;
use crate::portal::{Error, Portal};
use crate::store::{Access, Installation, Spare, Time, Tokens};

/// How long before its expiry an access token is renewed, if a call needs it then; at most a tenth
/// of its lifetime.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// Age at which tokens are renewed without a call. A refresh token is valid for 180 days.
const RENEW_AFTER: Duration = Duration::from_secs(120 * 24 * 60 * 60);
/// Pause after a renewal of old tokens has failed.
const RENEW_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a process claims the right to renew. Each attempt claims again and ends within this
/// time.
const LEASE: Duration = Duration::from_secs(30);
/// Interval of checking whether another process has renewed the tokens.
const CLAIM_POLL: Duration = Duration::from_millis(250);
/// Maximum number of attempts to renew, or to store, the tokens.
const ATTEMPTS_MAX: u32 = 3;
/// The pause before the next attempt; every further pause is twice as long.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long tokens are new: a portal that does not recognise them would not recognise the next
/// ones either.
const NEW_FOR: Duration = Duration::from_secs(10 * 60);
/// How long callers that waited for a failed renewal get its error instead of trying themselves.
const FAILURE_SHARED: Duration = Duration::from_secs(5);

/// The tokens or webhook that prove our calls, as far as this process knows.
#[derive(Debug)]
pub(in crate::portal) struct Credentials {
    pub(super) installation: Installation,
    /// When to renew the access token, if its expiry is known.
    renew_at: Option<Instant>,
    /// When the tokens were renewed or replaced, if this process did it.
    set_at: Option<Instant>,
    /// When to renew the tokens without a call; `None` until it is computed.
    old_at: Option<Time>,
    /// The time and error of the last renewal, if it failed.
    failed: Option<(Instant, Error)>,
    /// Whether the store has the installation.
    is_stored: bool,
    /// Whether the application was removed from the portal: nothing is stored any more.
    pub(super) is_removed: bool,
    /// Whether the spare tokens are used instead of the installation's own.
    pub(super) uses_spare: bool,
    /// Whether the use of the spare tokens was logged.
    pub(super) has_warned: bool,
    /// When this process kept the spare tokens.
    pub(super) spare_at: Option<Instant>,
    /// This process's id in claims.
    holder: Uuid,
}

impl Credentials {
    pub(in crate::portal) fn new(installation: Installation) -> Credentials {
        Credentials {
            installation,
            renew_at: None,
            set_at: None,
            old_at: None,
            failed: None,
            is_stored: true,
            is_removed: false,
            uses_spare: false,
            has_warned: false,
            spare_at: None,
            holder: Uuid::new_v4(),
        }
    }

    /// Replaces the installation by another one, which the store has.
    pub(super) fn replace(&mut self, installation: Installation) {
        self.use_spare(false);
        self.set(installation, None);
        self.is_stored = true;
        self.has_warned = false;
    }

    /// Replaces the installation; its access token is valid for `expires_in`.
    pub(super) fn set(&mut self, installation: Installation, expires_in: Option<Duration>) {
        self.uses_spare &= installation.spare.is_some();
        self.installation = installation;
        self.set_at = Some(Instant::now());
        self.old_at = None;
        // Tokens of unknown age are renewed when a call is refused.
        self.renew_at = expires_in.map(|good| Instant::now() + good - RENEW_BEFORE.min(good / 10));
        self.failed = None;
    }

    /// Returns the tokens or webhook in use.
    pub(super) fn access(&self) -> Access {
        let spare = self.spare_in_use();
        spare.map_or_else(
            || self.installation.access.clone(),
            |spare| Access::Tokens(spare.tokens.clone()),
        )
    }

    /// Returns the spare tokens, if they are in use.
    pub(super) fn spare_in_use(&self) -> Option<&Spare> {
        self.installation.spare.as_ref().filter(|_| self.uses_spare)
    }

    /// Changes between the spare tokens and the installation's own.
    pub(super) fn use_spare(&mut self, uses_spare: bool) {
        self.uses_spare = uses_spare;
        self.renew_at = None;
        self.set_at = None;
        self.failed = None;
    }

    /// Returns the installation with new tokens in place of those in use.
    fn renewed(&self, tokens: Tokens) -> Installation {
        let mut renewed = self.installation.clone();
        match &mut renewed.spare {
            Some(spare) if self.uses_spare => spare.tokens = tokens,
            _ => renewed.access = Access::Tokens(tokens),
        }
        renewed
    }
}

impl Portal {
    /// Returns the tokens or webhook for a call, renewed if they expire soon.
    pub(crate) async fn access(&self) -> Access {
        let mut credentials = self.inner.credentials.lock().await;
        if !credentials.is_stored {
            self.store(&mut credentials).await;
        }
        if credentials.renew_at.is_some_and(|at| at <= Instant::now()) {
            credentials.renew_at = None;
            if let Err(error) = self.exchange(&mut credentials).await {
                // The token is still valid for a while; when a call is refused, it is renewed
                // again.
                tracing::warn!(portal = %self.id(), %error, "the access token could not be renewed; using it until it expires");
            }
        }
        credentials.access()
    }

    /// Renews the tokens if no call has renewed them for [`RENEW_AFTER`]. The age counts from the
    /// first call: the calls of a start have renewed tokens that were older then.
    pub(crate) async fn renew_old_tokens(&self, now: Time) {
        let mut credentials = self.inner.credentials.lock().await;
        if credentials.installation.access.tokens().is_none() {
            return; // an inbound webhook is valid until it is deleted
        }
        let old_at = *credentials.old_at.get_or_insert(now + RENEW_AFTER);
        if old_at > now {
            return;
        }
        let renewed = self.exchange(&mut credentials).await;
        let pause = if renewed.is_ok() {
            RENEW_AFTER
        } else {
            RENEW_AGAIN
        };
        credentials.old_at = Some(now + pause);
        if let Err(error) = renewed {
            tracing::warn!(portal = %self.id(), %error, "the tokens are old and could not be renewed; retrying tomorrow");
        }
    }

    /// Returns true if the tokens were not renewed a moment ago.
    pub(in crate::portal) async fn may_be_stale(&self) -> bool {
        let credentials = self.inner.credentials.lock().await;
        credentials.set_at.is_none_or(|at| at.elapsed() >= NEW_FOR)
    }

    /// Renews the tokens, unless that has happened meanwhile.
    pub(in crate::portal) async fn refresh(&self, stale: &Tokens) -> Result<(), Error> {
        let mut credentials = self.inner.credentials.lock().await;
        if !credentials.access().is_same(&Access::Tokens(stale.clone())) {
            return Ok(());
        }
        match &credentials.failed {
            Some((at, error)) if at.elapsed() < FAILURE_SHARED => Err(error.clone()),
            _ => self.exchange(&mut credentials).await,
        }
    }

    /// Returns the installation as this process knows it.
    pub(crate) async fn installation(&self) -> Installation {
        self.inner.credentials.lock().await.installation.clone()
    }

    async fn exchange(&self, credentials: &mut Credentials) -> Result<(), Error> {
        let done = self.exchange_or_take_over(credentials).await;
        if let Err(error) = &done {
            if is_refresh_refused(error) && self.change_to_spare(credentials, error).await {
                return Ok(());
            }
            credentials.failed = Some((Instant::now(), error.clone()));
        }
        done
    }

    async fn exchange_or_take_over(&self, credentials: &mut Credentials) -> Result<(), Error> {
        let Some(application) = &self.inner.application else {
            return Ok(()); // an inbound webhook needs no renewal
        };
        let mut tries = 0;
        loop {
            if self.claim(credentials).await? {
                return Ok(());
            }
            let Access::Tokens(tokens) = credentials.access() else {
                return Ok(()); // the portal is called by a webhook now
            };
            let error = match application.refresh(&self.inner.http, &tokens.refresh).await {
                Ok(grant) if grant.portal != *self.id() => {
                    return Err(Error::answer(
                        OAUTH_METHOD,
                        "the tokens are for another portal",
                    ));
                }
                Ok(grant) => {
                    let mut renewed = credentials.renewed(grant.tokens);
                    renewed.move_to(&grant.endpoint);
                    self.set_address(&renewed);
                    credentials.set(renewed, grant.expires_in);
                    tracing::info!(portal = %self.id(), "the tokens were renewed");
                    self.store(credentials).await;
                    return Ok(());
                }
                Err(error) => error,
            };
            // Another process may have used the refresh token after its claim expired.
            if error.is("invalid_grant") && self.claim(credentials).await? {
                return Ok(());
            }
            tries += 1;
            if !error.may_pass_later() || tries == ATTEMPTS_MAX {
                return Err(error);
            }
            sleep(RETRY_PAUSE * 2u32.pow(tries - 1)).await;
        }
    }

    /// Waits for the right to renew. Returns true if another process has renewed the tokens
    /// meanwhile.
    pub(super) async fn claim(&self, credentials: &mut Credentials) -> Result<bool, Error> {
        let end = Instant::now() + LEASE + CLAIM_POLL;
        loop {
            let now = self.now();
            let claim = self
                .inner
                .store
                .claim(self.id(), credentials.holder, now, now + LEASE)
                .await
                .map_err(|source| Error::store(OAUTH_METHOD, source))?;
            let Some(claim) = claim else {
                return Ok(false); // it is not in the store, so no other process has it
            };
            let stored = claim.installation;
            let theirs = match &stored.spare {
                Some(spare) if credentials.uses_spare => Access::Tokens(spare.tokens.clone()),
                _ => stored.access.clone(),
            };
            if !theirs.is_same(&credentials.access()) {
                tracing::info!(portal = %self.id(), "using the tokens that another process has renewed");
                self.set_address(&stored);
                credentials.set(stored, None);
                return Ok(true);
            }
            if credentials.is_stored {
                // Another process may have changed those that are not in use here.
                credentials.installation.access = stored.access;
                credentials.installation.spare = stored.spare;
            }
            if claim.is_granted || Instant::now() >= end {
                return Ok(false);
            }
            sleep(CLAIM_POLL).await;
        }
    }

    /// Stores the installation. If that fails it is used nevertheless, since the old tokens no
    /// longer work, and stored later.
    pub(super) async fn store(&self, credentials: &mut Credentials) {
        if credentials.is_removed {
            return; // a call that was under way would bring the installation back
        }
        credentials.is_stored = false;
        for tries in 0..ATTEMPTS_MAX {
            match self
                .inner
                .store
                .install(credentials.installation.clone())
                .await
            {
                Ok(()) => {
                    credentials.is_stored = true;
                    return;
                }
                Err(error) => {
                    tracing::error!(portal = %self.id(), %error, "the new tokens could not be stored; retrying");
                    sleep(RETRY_PAUSE * 2u32.pow(tries)).await;
                }
            }
        }
    }

    /// Stores the portal's new address.
    pub(in crate::portal) async fn move_to(&self, endpoint: &str) {
        let mut credentials = self.inner.credentials.lock().await;
        if credentials.installation.endpoint == endpoint {
            return;
        }
        tracing::info!(portal = %self.id(), endpoint, "the portal has a new address");
        credentials.installation.move_to(endpoint);
        self.set_address(&credentials.installation);
        self.store(&mut credentials).await;
    }
}

/// Returns true if the authorization server refused the refresh token: it has expired or was used,
/// or its user is gone.
fn is_refresh_refused(error: &Error) -> bool {
    error.is("invalid_grant") || error.is_user_gone()
}
