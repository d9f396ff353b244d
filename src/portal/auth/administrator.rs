//! Proves that tokens are an administrator's: the authorization server exchanges the refresh token,
//! and the portal, called with the new tokens, reports the user.
//!
//! Proof that a person belongs to a portal is no proof of a right there: each person who opens the
//! application gets tokens of their own, and the application's token as well (protocol/auth.md 3).
//! Only an administrator may install (protocol/auth.md 4).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::token_exchange::{Application, Grant};
use crate::event::{MemberId, UserId};
use crate::portal::methods::Method;
use crate::portal::methods::profile::{self, Profile};
use crate::portal::{Error, Http};

/// Maximum number of attempts to ask the portal about the user of new tokens. The refresh token
/// that was exchanged for them is used up, so they are the only chance. With the pauses it is a few
/// seconds, in which a portal whose limit was reached takes calls again.
const ATTEMPTS_MAX: u32 = 5;
/// The pause before the next attempt; every further pause is twice as long.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// New tokens of an administrator.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) grant: Grant,
    pub(crate) user: UserId,
    /// The number of the exchange: later ones of this process have greater numbers.
    pub(crate) number: u64,
}

/// Whose tokens were exchanged.
#[derive(Debug)]
pub(crate) enum Proof {
    /// They are an administrator's of the portal.
    Administrator(Proven),
    /// They are another user's of the portal.
    Ordinary(UserId),
    /// They are another portal's.
    Elsewhere(MemberId),
}

impl Application {
    /// Exchanges a refresh token, and asks the portal whether it is an administrator's. The portal
    /// is called with the new tokens, at the address that the authorization server gave.
    ///
    /// # Errors
    /// - The authorization server or the portal refused the tokens, or could not be reached.
    /// - An answer cannot be read.
    pub(crate) async fn prove(
        &self,
        http: &Http,
        portal: &MemberId,
        token: &SecretString,
    ) -> Result<Proof, Error> {
        static EXCHANGES: AtomicU64 = AtomicU64::new(1);
        let grant = self.refresh(http, token).await?;
        let number = EXCHANGES.fetch_add(1, Ordering::Relaxed);
        if grant.portal != *portal {
            return Ok(Proof::Elsewhere(grant.portal));
        }
        let mut tries = 1;
        let user = loop {
            match user_of(http, &grant).await {
                Err(error) if error.may_pass_later() && tries < ATTEMPTS_MAX => {
                    sleep(RETRY_PAUSE * 2u32.pow(tries - 1)).await;
                    tries += 1;
                }
                user => break user?,
            }
        };
        Ok(if user.admin {
            Proof::Administrator(Proven {
                grant,
                user: user.id,
                number,
            })
        } else {
            Proof::Ordinary(user.id)
        })
    }
}

/// Returns the user of new tokens. The method needs no scope.
async fn user_of(http: &Http, grant: &Grant) -> Result<Profile, Error> {
    const METHOD: &str = profile::Get::NAME;
    let body: Value = json!({ "auth": grant.tokens.access.expose_secret() });
    let path = format!("{METHOD}.json");
    let (_, answer) = http.post(METHOD, &grant.endpoint, &path, &body).await?;
    serde_json::from_value(answer.result).map_err(|source| Error::answer(METHOD, source))
}
