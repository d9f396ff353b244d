//! Provides what proves our calls.
//!
//! - `administrator.rs` proves that tokens are an administrator's.
//! - `app_status.rs` asks the authorization server for the application's status.
//! - `replacement.rs` replaces and removes an installation.
//! - `spare.rs` keeps the tokens of another administrator, and uses them when they are needed.
//! - `token_exchange.rs` exchanges refresh tokens at the authorization server.
//! - `token_renewal.rs` renews the tokens of a portal, once for all callers and processes.
//! - `webhook.rs` reads the address of an inbound webhook, which needs no tokens.

pub(super) mod administrator;
mod app_status;
mod replacement;
mod spare;
pub(super) mod token_exchange;
pub(super) mod token_renewal;
pub(super) mod webhook;
