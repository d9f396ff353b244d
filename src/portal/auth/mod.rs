//! Who calls: the tokens of an installed application, their renewal, and inbound webhooks.

pub(super) mod oauth;
pub(super) mod tokens;
pub(super) mod webhook;
