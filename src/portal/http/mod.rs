//! Speaks HTTP with portals and with receivers of forwarded events: requests, answers, redirects, certificates, signatures.

pub(super) mod answer;
#[cfg(feature = "cli")]
pub(super) mod certificate;
pub(super) mod client;
pub(super) mod forward;
#[cfg(feature = "cli")]
pub(super) mod probe;
pub(super) mod public;
pub(super) mod redirect;
pub(super) mod request;
pub(super) mod signature;
