//! Access and refresh tokens: their users and lifetimes.
//!
//! Every event carries new tokens, so the number of pairs for events is bounded. Tokens of
//! installations and renewals are kept until they are used or expire.

use std::collections::{BTreeMap, VecDeque};

use super::secret;

/// Lifetime of an access token, in seconds: an hour.
pub(crate) const ACCESS_SECONDS: i64 = 3600;

/// Lifetime of a refresh token, in seconds: 180 days.
const REFRESH_SECONDS: i64 = 180 * 24 * 3600;

/// Lifetime of an authorization code, in seconds; it is valid once.
const CODE_SECONDS: i64 = 30;

/// Maximum number of pairs for events; beyond it the oldest pair is invalidated.
const EVENT_PAIRS_MAX: usize = 20_000;

/// Maximum number of links in a chain "event, call with its token, event".
pub(crate) const HOPS_MAX: u8 = 7;

/// The application and user of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) user: u64,
    /// Links left in a chain of events.
    pub(crate) hops: u8,
    /// Unix seconds.
    pub(crate) expires: i64,
}

/// A new access token with its refresh token.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// Unix seconds.
    pub(crate) expires: i64,
}

/// All valid tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    access: BTreeMap<String, Grant>,
    refresh: BTreeMap<String, Grant>,
    codes: BTreeMap<String, Grant>,
    of_events: VecDeque<Pair>,
}

impl Tokens {
    /// Issues a pair for an installation or a renewal, which starts a new chain of events.
    pub(crate) fn issue(&mut self, client_id: &str, user: u64, now: i64) -> Pair {
        self.access
            .retain(|_, grant| grant.expires + ACCESS_SECONDS > now);
        self.issue_pair(client_id, user, now, HOPS_MAX)
    }

    /// Issues a pair for an event, with this number of links left.
    pub(crate) fn issue_for_event(
        &mut self,
        client_id: &str,
        user: u64,
        now: i64,
        hops: u8,
    ) -> Pair {
        let pair = self.issue_pair(client_id, user, now, hops);
        self.of_events.push_back(pair.clone());
        if self.of_events.len() > EVENT_PAIRS_MAX
            && let Some(oldest) = self.of_events.pop_front()
        {
            self.access.remove(&oldest.access);
            self.refresh.remove(&oldest.refresh);
        }
        pair
    }

    fn issue_pair(&mut self, client_id: &str, user: u64, now: i64, hops: u8) -> Pair {
        let grant = |life| Grant {
            client_id: client_id.to_owned(),
            user,
            hops,
            expires: now + life,
        };
        let pair = Pair {
            access: secret() + &secret(),
            refresh: secret() + &secret(),
            expires: now + ACCESS_SECONDS,
        };
        self.access
            .insert(pair.access.clone(), grant(ACCESS_SECONDS));
        self.refresh
            .insert(pair.refresh.clone(), grant(REFRESH_SECONDS));
        pair
    }

    /// Returns the grant of an access token, expired or not.
    pub(crate) fn grant(&self, access: &str) -> Option<&Grant> {
        self.access.get(access)
    }

    /// Takes a refresh token, which becomes invalid.
    pub(crate) fn take_refresh(
        &mut self,
        refresh: &str,
        client_id: &str,
        now: i64,
    ) -> Option<Grant> {
        take(&mut self.refresh, refresh, client_id, now)
    }

    /// Issues an authorization code for the full OAuth flow.
    pub(crate) fn issue_code(&mut self, client_id: &str, user: u64, now: i64) -> String {
        self.codes.retain(|_, grant| grant.expires > now);
        let code = secret();
        let grant = Grant {
            client_id: client_id.to_owned(),
            user,
            hops: HOPS_MAX,
            expires: now + CODE_SECONDS,
        };
        self.codes.insert(code.clone(), grant);
        code
    }

    /// Takes an authorization code.
    pub(crate) fn take_code(&mut self, code: &str, client_id: &str, now: i64) -> Option<Grant> {
        take(&mut self.codes, code, client_id, now)
    }

    /// Expires every access token now, so that clients have to renew theirs.
    pub(crate) fn expire_all(&mut self, now: i64) {
        for grant in self.access.values_mut() {
            grant.expires = grant.expires.min(now);
        }
    }

    /// Invalidates all tokens of an application.
    pub(crate) fn revoke(&mut self, client_id: &str) {
        for tokens in [&mut self.access, &mut self.refresh, &mut self.codes] {
            tokens.retain(|_, grant| grant.client_id != client_id);
        }
    }
}

fn take(
    tokens: &mut BTreeMap<String, Grant>,
    key: &str,
    client_id: &str,
    now: i64,
) -> Option<Grant> {
    let grant = tokens
        .get(key)
        .filter(|grant| grant.client_id == client_id && grant.expires > now)?
        .clone();
    tokens.remove(key);
    Some(grant)
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::tokens::*;

    #[test]
    fn a_refresh_token_works_once_and_only_for_its_application() {
        let mut tokens = Tokens::default();
        let pair = tokens.issue("a", 1, 0);
        assert_eq!(tokens.take_refresh(&pair.refresh, "b", 0), None);
        assert!(tokens.take_refresh(&pair.refresh, "a", 0).is_some());
        assert_eq!(tokens.take_refresh(&pair.refresh, "a", 0), None);
    }

    #[test]
    fn tokens_of_events_never_replace_those_of_the_installation() {
        let mut tokens = Tokens::default();
        let kept = tokens.issue("a", 1, 0);
        let first = tokens.issue_for_event("a", 1, 0, 6);
        for _ in 0..EVENT_PAIRS_MAX {
            tokens.issue_for_event("a", 1, 0, 6);
        }
        assert!(tokens.grant(&first.access).is_none());
        assert!(tokens.grant(&kept.access).is_some());
    }
}
