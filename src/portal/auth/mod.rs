//! Provides what proves our calls.
//!
//! - `oauth.rs` exchanges refresh tokens at the authorization server.
//! - `tokens.rs` renews the tokens of a portal, once for all callers and processes.
//! - `webhook.rs` reads the address of an inbound webhook, which needs no tokens.

pub(super) mod oauth;
pub(super) mod tokens;
pub(super) mod webhook;
