//! The `auth` block of an event: who caused it, on which portal, and the tokens that came with it.

use secrecy::SecretString;

use super::tree::Node;
use super::{DecodeError, MemberId, UserId};

/// The portal, the acting user and the tokens that an event brings.
///
/// Everything is optional: an event that no user caused has no tokens, an outgoing webhook never has
/// (`events/index.md` of the documentation). Secrets print as `[REDACTED]`.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// The portal's own id.
    pub member_id: Option<MemberId>,
    /// The secret of this installation: what proves that an event is the portal's.
    pub application_token: Option<SecretString>,
    /// The portal's address now. Never called: addresses come from a proven installation.
    pub domain: Option<String>,
    /// Where REST methods are called. Never taken from an event.
    pub client_endpoint: Option<String>,
    /// The REST address of the authorization server. Never taken from an event.
    pub server_endpoint: Option<String>,
    /// `L` local, `F` free, `D` demo, `T` trial, `P` paid, `S` subscription.
    pub status: Option<String>,
    /// Whose tokens these are.
    pub user_id: Option<UserId>,
    /// What the tokens may do, such as `imbot` and `crm`.
    pub scope: Vec<String>,
    /// The access token, good for an hour.
    pub access_token: Option<SecretString>,
    /// The refresh token, good for 180 days.
    pub refresh_token: Option<SecretString>,
    /// How long the access token lives, in seconds.
    pub expires_in: Option<u64>,
    /// When the access token ends, in Unix seconds.
    pub expires: Option<u64>,
}

impl Auth {
    /// Reads an `auth` block, or the same keys wherever they stand.
    pub(super) fn read(node: Node<'_>) -> Result<Auth, DecodeError> {
        let mut auth = Auth::default();
        for (key, value) in node.fields() {
            let text = || value.filled().map(String::from);
            let secret = || {
                value
                    .filled()
                    .map(|text| SecretString::from(text.into_owned()))
            };
            match key.as_ref() {
                b"member_id" => auth.member_id = text().map(MemberId::new),
                b"application_token" => auth.application_token = secret(),
                b"domain" => auth.domain = text(),
                b"client_endpoint" => auth.client_endpoint = text(),
                b"server_endpoint" => auth.server_endpoint = text(),
                b"status" => auth.status = text(),
                b"user_id" => auth.user_id = value.number()?,
                b"scope" => auth.scope = scopes(&value.text().unwrap_or_default()),
                b"access_token" => auth.access_token = secret(),
                b"refresh_token" => auth.refresh_token = secret(),
                b"expires_in" => auth.expires_in = value.number()?,
                b"expires" => auth.expires = value.number()?,
                _ => {}
            }
        }
        Ok(auth)
    }
}

/// Splits a list of scopes: the documentation shows commas, spaces and both.
pub(crate) fn scopes(text: &str) -> Vec<String> {
    text.split([',', ' '])
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}
