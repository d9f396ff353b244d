//! The `auth` block of an event: the acting user, the portal, and tokens.

use secrecy::SecretString;

use super::tree::Node;
use super::{DecodeError, MemberId, UserId};

/// The portal, the acting user and the tokens of an event.
///
/// Every field is optional: an event without an acting user has no tokens, and an outgoing webhook
/// never has (`b24restdocs: api-reference/events/index.md`). Secrets print as `[REDACTED]`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Auth {
    /// The portal's own id.
    pub member_id: Option<MemberId>,
    /// The secret of this installation, which proves that the event is the portal's.
    pub application_token: Option<SecretString>,
    /// The portal's current address. Never called: addresses come from a proven installation.
    pub domain: Option<String>,
    /// The address of the REST methods. Never taken from an event.
    pub client_endpoint: Option<String>,
    /// The REST address of the authorization server. Never taken from an event.
    pub server_endpoint: Option<String>,
    /// `L` local, `F` free, `D` demo, `T` trial, `P` paid, `S` subscription.
    pub status: Option<String>,
    /// The user whose tokens these are.
    pub user_id: Option<UserId>,
    /// The scopes of the tokens, such as `imbot` and `crm`.
    pub scope: Vec<String>,
    /// The access token, valid for an hour.
    pub access_token: Option<SecretString>,
    /// The refresh token, valid for 180 days.
    pub refresh_token: Option<SecretString>,
    /// Lifetime of the access token, in seconds.
    pub expires_in: Option<u64>,
    /// Expiry of the access token, in Unix seconds.
    pub expires: Option<u64>,
}

impl Auth {
    /// Reads an `auth` block, or the same keys in another map.
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
