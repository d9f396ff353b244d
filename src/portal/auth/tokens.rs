//! The tokens of a portal: renewed shortly before they are over, by one for all.
//!
//! Page `settings/oauth/auto-renewal.md`: an access token is good for an hour, a refresh token for one use. Within the
//! process a lock lets one renew while the others wait for it; between processes on one store a
//! [claim](crate::store::Store::claim) does, and whoever comes second takes over what the first has stored. Nothing is
//! renewed for an application that makes no calls: the documentation warns of doing so by the clock.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::oauth::METHOD;
use crate::portal::{Error, Portal};
use crate::store::{Access, Clock, Installation, Tokens};

/// How long before its end an access token is renewed, if a call wants it then; at most a tenth of its life.
const MARGIN: Duration = Duration::from_secs(60);
/// For how long a process claims the right to renew; each try claims anew, and is over by then.
const LEASE: Duration = Duration::from_secs(30);
/// How often somebody looks whether another process has renewed the tokens.
const LOOK: Duration = Duration::from_millis(250);
/// How often a renewal is tried that the authorization server did not answer, or a store that did not write.
const TRIES: u32 = 3;
/// The pause before another try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// For how long those who waited for a renewal that failed get its error, in place of trying themselves.
const FAILED: Duration = Duration::from_secs(5);

/// What proves our calls, as far as this process knows.
#[derive(Debug)]
pub(in crate::portal) struct Credentials {
    installation: Installation,
    /// When the access token is to be renewed, if we know how long it is good.
    renew_at: Option<Instant>,
    /// The last renewal, if it failed.
    failed: Option<(Instant, Error)>,
    /// Whether the store has it, too.
    is_stored: bool,
    /// Who claims, in the store.
    holder: Uuid,
}

impl Credentials {
    pub(in crate::portal) fn new(installation: Installation) -> Credentials {
        Credentials {
            installation,
            renew_at: None,
            failed: None,
            is_stored: true,
            holder: Uuid::new_v4(),
        }
    }

    /// Puts another in its place, with tokens that are good for so long.
    fn set(&mut self, installation: Installation, expires_in: Option<Duration>) {
        self.installation = installation;
        // Tokens of unknown age are renewed when a call is refused.
        self.renew_at = expires_in.map(|good| Instant::now() + good - MARGIN.min(good / 10));
        self.failed = None;
    }
}

impl Portal {
    /// What proves that a call is ours, renewed if it is nearly over.
    pub(crate) async fn access(&self) -> Access {
        let mut credentials = self.inner.credentials.lock().await;
        if !credentials.is_stored {
            self.store(&mut credentials).await;
        }
        if credentials.renew_at.is_some_and(|at| at <= Instant::now()) {
            credentials.renew_at = None;
            if let Err(error) = self.exchange(&mut credentials).await {
                // The token is good for a while; in the end a call will be refused, and this tried once more.
                tracing::warn!(portal = %self.id(), %error, "the tokens are not renewed yet");
            }
        }
        credentials.installation.access.clone()
    }

    /// Renews the tokens, unless somebody did meanwhile.
    pub(in crate::portal) async fn refresh(&self, stale: &Tokens) -> Result<(), Error> {
        let mut credentials = self.inner.credentials.lock().await;
        if !credentials
            .installation
            .access
            .is_same(&Access::Tokens(stale.clone()))
        {
            return Ok(());
        }
        match &credentials.failed {
            Some((at, error)) if at.elapsed() < FAILED => Err(error.clone()),
            _ => self.exchange(&mut credentials).await,
        }
    }

    /// Takes over the tokens of a new proof of the same installation, and its address.
    pub async fn renew(&self, installation: Installation) {
        let mut credentials = self.inner.credentials.lock().await;
        self.set_endpoint(&installation.endpoint);
        credentials.set(installation, None);
        credentials.is_stored = true;
        self.breaker().open();
    }

    async fn exchange(&self, credentials: &mut Credentials) -> Result<(), Error> {
        let done = self.exchange_or_take_over(credentials).await;
        if let Err(error) = &done {
            credentials.failed = Some((Instant::now(), error.clone()));
        }
        done
    }

    async fn exchange_or_take_over(&self, credentials: &mut Credentials) -> Result<(), Error> {
        let Some(application) = &self.inner.application else {
            return Ok(()); // an inbound webhook has nothing to renew
        };
        let mut tries = 0;
        loop {
            if self.claim(credentials).await? {
                return Ok(());
            }
            let Access::Tokens(tokens) = &credentials.installation.access else {
                return Ok(()); // the portal is reached another way meanwhile
            };
            let error = match application.refresh(&self.inner.http, &tokens.refresh).await {
                Ok(grant) if grant.portal != *self.id() => {
                    return Err(Error::answer(METHOD, "the tokens are another portal's"));
                }
                Ok(grant) => {
                    let mut renewed = credentials.installation.clone();
                    renewed.access = Access::Tokens(grant.tokens);
                    renewed.endpoint = grant.endpoint;
                    self.set_endpoint(&renewed.endpoint);
                    credentials.set(renewed, grant.expires_in);
                    tracing::info!(portal = %self.id(), "the tokens are renewed");
                    self.store(credentials).await;
                    return Ok(());
                }
                Err(error) => error,
            };
            // Another process may have used the refresh token while its claim was over.
            if error.is("invalid_grant") && self.claim(credentials).await? {
                return Ok(());
            }
            tries += 1;
            if !error.may_pass_later() || tries == TRIES {
                return Err(error);
            }
            sleep(PAUSE * 2u32.pow(tries - 1)).await;
        }
    }

    /// Claims the right to renew, and waits for it. Says whether that has become needless: another process did.
    async fn claim(&self, credentials: &mut Credentials) -> Result<bool, Error> {
        let end = Instant::now() + LEASE + LOOK;
        loop {
            let now = Clock::default().now();
            let claim = self
                .inner
                .store
                .claim(self.id(), credentials.holder, now, now + LEASE)
                .await
                .map_err(|source| Error::store(METHOD, source))?;
            let Some(claim) = claim else {
                return Ok(false); // nobody has stored it, so nobody shares it
            };
            let stored = claim.installation;
            if !stored.access.is_same(&credentials.installation.access) {
                tracing::info!(portal = %self.id(), "the tokens that another process has renewed are taken over");
                self.set_endpoint(&stored.endpoint);
                credentials.set(stored, None);
                return Ok(true);
            }
            if claim.is_granted || Instant::now() >= end {
                return Ok(false);
            }
            sleep(LOOK).await;
        }
    }

    /// Writes down what is held. It is used even if that fails, since the pair before it is dead, and written later.
    async fn store(&self, credentials: &mut Credentials) {
        credentials.is_stored = false;
        for tries in 0..TRIES {
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
                    tracing::error!(portal = %self.id(), %error, "the new tokens are not stored; it is tried again");
                    sleep(PAUSE * 2u32.pow(tries)).await;
                }
            }
        }
    }

    /// Remembers where the portal has moved to.
    pub(in crate::portal) async fn moved(&self, endpoint: &str) {
        let mut credentials = self.inner.credentials.lock().await;
        if credentials.installation.endpoint == endpoint {
            return;
        }
        tracing::info!(portal = %self.id(), endpoint, "the portal has moved");
        endpoint.clone_into(&mut credentials.installation.endpoint);
        self.set_endpoint(endpoint);
        self.store(&mut credentials).await;
    }
}
