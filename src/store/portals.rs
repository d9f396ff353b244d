//! The portals that the application is installed on.

use secrecy::SecretString;

use crate::event::MemberId;

/// The application as it is installed on one portal.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The portal.
    pub portal: MemberId,
    /// Where its REST methods are called, such as `https://example.bitrix24.com/rest/`.
    pub endpoint: String,
    /// What proves that an event is this portal's.
    pub application_token: SecretString,
    /// What proves that a call is ours.
    pub tokens: Tokens,
}

/// A pair of OAuth tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Good for an hour.
    pub access: SecretString,
    /// Good for 180 days, and for one use.
    pub refresh: SecretString,
}
