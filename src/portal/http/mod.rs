//! Speaks HTTP with portals and with receivers of forwarded events.
//!
//! - `client.rs` is the client and its limits; `public.rs` keeps it off private addresses.
//! - `request.rs` sends one request to a portal; `redirect.rs` follows a portal that has moved.
//! - `sender.rs` sends over the network or, in tests, to a portal in this process.
//! - `answer.rs` reads the envelope of an answer; `file.rs` reads files.
//! - `probe.rs` and `certificate.rs` look at an address for `doctor`.
//! - `forward.rs` and `signature.rs` send and sign forwarded events.

pub(super) mod answer;
#[cfg(feature = "cli")]
pub(super) mod certificate;
pub(super) mod client;
pub(super) mod file;
pub(super) mod forward;
#[cfg(feature = "cli")]
pub(super) mod probe;
pub(super) mod public;
pub(super) mod redirect;
pub(super) mod request;
pub(super) mod sender;
pub(super) mod signature;
