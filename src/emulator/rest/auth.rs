//! Authorization of calls: an application by its token, or an inbound webhook. The rules of
//! production, without a switch.
//!
//! One rule applies only with TLS: webhooks are refused over plain HTTP.

use subtle::ConstantTimeEq;

use super::request::{Credential, Incoming};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::World;
use crate::emulator::world::tokens::HOPS_MAX;

/// An authorized caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The user of the token or webhook: a person, or a bot with its own token.
    pub(crate) user: u64,
    /// The application's client id; `None` for a webhook.
    pub(crate) app: Option<String>,
    /// Links left in the chain of events that led to this call.
    pub(crate) hops: u8,
}

impl Caller {
    /// Returns the name under which operating time is counted.
    pub(crate) fn key(&self) -> String {
        self.app
            .clone()
            .unwrap_or_else(|| format!("webhook {}", self.user))
    }
}

/// Returns the caller of a request.
pub(crate) fn caller(world: &World, incoming: &Incoming) -> Result<Caller, Refusal> {
    match &incoming.credential {
        Credential::None => Err(unauthorized("NO_AUTH_FOUND", "Wrong authorization data")),
        Credential::Token(token) => by_token(world, token),
        Credential::Webhook(..) if world.is_secure && !incoming.is_secure => {
            Err(unauthorized("INVALID_REQUEST", "Https required."))
        }
        Credential::Webhook(user, secret) => by_webhook(world, user, secret),
    }
}

fn by_token(world: &World, token: &str) -> Result<Caller, Refusal> {
    let grant = world.tokens.grant(token);
    let grant =
        grant.ok_or_else(|| unauthorized("invalid_token", "Unable to get application by token"))?;
    if grant.expires <= world.clock.unix() {
        return Err(unauthorized(
            "expired_token",
            "The access token provided has expired.",
        ));
    }
    if !world.apps.contains_key(&grant.client_id) {
        return Err(unauthorized(
            "APPLICATION_NOT_FOUND",
            "Application not found",
        ));
    }
    let user = world.users.get(&grant.user);
    if user.is_none_or(|user| user.is_dismissed) {
        return Err(unauthorized(
            "authorization_error",
            "Unable to authorize user",
        ));
    }
    Ok(Caller {
        user: grant.user,
        app: Some(grant.client_id.clone()),
        hops: grant.hops,
    })
}

fn by_webhook(world: &World, user: &str, secret: &str) -> Result<Caller, Refusal> {
    let right = world.webhook.secret.as_bytes().ct_eq(secret.as_bytes());
    if user == world.webhook.user.to_string() && bool::from(right) {
        Ok(Caller {
            user: world.webhook.user,
            app: None,
            hops: HOPS_MAX,
        })
    } else {
        Err(unauthorized(
            "INVALID_CREDENTIALS",
            "Invalid request credentials",
        ))
    }
}

/// Refuses an application without the scope of a method. A webhook has all scopes.
pub(super) fn check_scope(world: &World, caller: &Caller, scope: &str) -> Result<(), Refusal> {
    let app = caller
        .app
        .as_ref()
        .and_then(|client_id| world.apps.get(client_id));
    let text = "The request requires higher privileges than provided by the access token";
    if app.is_none_or(|app| app.has_scope(scope)) {
        Ok(())
    } else {
        Err(unauthorized("insufficient_scope", text))
    }
}

fn unauthorized(code: &str, text: &str) -> Refusal {
    Refusal::new(code, text).status(401)
}
