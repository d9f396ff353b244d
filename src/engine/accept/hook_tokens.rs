//! Outgoing webhooks: events that a person bound in the portal's interface, proven by a token of
//! the webhook's own.
//!
//! Such a token is shown in the webhook's settings and is not the application's
//! (`b24restdocs: api-reference/events/safe-event-handlers.md`), so the operator configures it
//! ([`Config::hook_token`](crate::Config::hook_token)). It gives access to hooks only, and only for
//! the portal that it is configured for: a person who makes a webhook on one portal speaks neither
//! for a bot nor for another portal.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

/// The tokens of outgoing webhooks, by the host of their portal: its present one, or any that it
/// had before.
#[derive(Clone, Debug, Default)]
pub struct HookTokens(HashMap<String, Vec<SecretString>>);

/// The token of an outgoing webhook is configured without its portal. The text does not repeat it,
/// since it is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is the portal's host, a colon and the token, such as example.bitrix24.com:abc123")]
pub struct HookTokenError;

impl HookTokens {
    /// Reads tokens as they are configured: `example.bitrix24.com:abc123`.
    ///
    /// # Errors
    /// [`HookTokenError`] if one has no host, or no token.
    pub fn read(settings: &[SecretString]) -> Result<Self, HookTokenError> {
        let mut tokens = Self::default();
        for setting in settings {
            let parts = setting.expose_secret().trim().rsplit_once(':');
            let is_whole = |(host, token): &(&str, &str)| !host.is_empty() && !token.is_empty();
            let (host, token) = parts.filter(is_whole).ok_or(HookTokenError)?;
            let of_host = tokens.0.entry(host.to_ascii_lowercase()).or_default();
            of_host.push(token.to_owned().into());
        }
        Ok(tokens)
    }

    /// Returns true if no token is configured.
    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if a webhook of this portal has the token. All are compared, each in constant
    /// time.
    pub(super) fn has(&self, host: &str, token: &str) -> bool {
        let of_host = self.0.get(host).into_iter().flatten();
        let is_same = of_host.fold(Choice::from(0), |is_same, own| {
            is_same | own.expose_secret().as_bytes().ct_eq(token.as_bytes())
        });
        is_same.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::accept::hook_tokens::*;

    fn tokens(settings: &[&str]) -> Result<HookTokens, HookTokenError> {
        let settings: Vec<SecretString> = settings.iter().map(|text| (*text).into()).collect();
        HookTokens::read(&settings)
    }

    #[test]
    fn a_token_is_accepted_for_its_portal_only() {
        let tokens = tokens(&[
            "Example.bitrix24.com:abc",
            "127.0.0.1:8071:def",
            "example.bitrix24.com:ghi",
        ])
        .unwrap();
        assert!(
            tokens.has("example.bitrix24.com", "abc") && tokens.has("example.bitrix24.com", "ghi")
        );
        assert!(tokens.has("127.0.0.1:8071", "def"));
        for (host, token) in [
            ("127.0.0.1:8071", "abc"),
            ("example.bitrix24.com", ""),
            ("", "abc"),
        ] {
            assert!(!tokens.has(host, token), "{host} {token}");
        }
    }

    #[test]
    fn a_token_without_a_portal_is_an_error() {
        for setting in ["abc", ":abc", "example.bitrix24.com:", ""] {
            assert!(tokens(&[setting]).is_err(), "{setting}");
        }
    }
}
