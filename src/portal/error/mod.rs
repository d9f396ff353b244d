//! Why a call failed, for programs and for people.

mod constructors;
mod display;
mod reason;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use super::http::sender::SendError;
use super::schedule::breaker::suspension;
use crate::store::StoreError;

#[cfg(feature = "cli")]
pub(crate) use reason::Reason;

/// The method's name in errors of the authorization server.
pub(in crate::portal) const OAUTH_METHOD: &str = "oauth/token";

/// Codes that mean: the application is no longer installed, or its tokens do not work.
/// `INVALID_CREDENTIALS` means this or a missing right, depending on the status.
const REVOKED: [&str; 5] = [
    "invalid_grant",
    "invalid_client",
    "wrong_client",
    "NOT_INSTALLED",
    "APPLICATION_NOT_FOUND",
];

/// Codes that mean: a scope or a right is missing (page `b24restdocs: _includes/system-errors.md`;
/// those of REST version 3, protocol/rest.md 7).
const DENIED: [&str; 9] = [
    "BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION",
    "BITRIX_REST_V3_EXCEPTION_INSUFFICIENTSCOPEEXCEPTION",
    "ACCESS_DENIED",
    "ACCESS_ERROR",
    "insufficient_scope",
    "user_access_error",
    "authorization_error",
    "WRONG_AUTH_TYPE",
    "ALLOWED_ONLY_INTRANET_USER",
];

/// Codes of refusals before the method runs (protocol/server-behaviour.md 5.2).
const BEFORE_METHOD: [&str; 12] = [
    "QUERY_LIMIT_EXCEEDED",
    "OPERATION_TIME_LIMIT",
    "ERROR_BATCH_METHOD_NOT_ALLOWED",
    "ERROR_BATCH_LENGTH_EXCEEDED",
    "METHOD_CONFIRM_WAITING",
    "METHOD_CONFIRM_DENIED",
    "insufficient_scope",
    "user_access_error",
    "authorization_error",
    "INVALID_CREDENTIALS",
    "NO_AUTH_FOUND",
    "ERROR_METHOD_NOT_FOUND",
];

/// Codes of refusals that an administrator of the portal can end without a new installation: the
/// person whose rights are used was dismissed (protocol/auth.md 4), or may not use the application,
/// or the method waits for a permission (protocol/rest.md 3.1).
const UNTIL_AN_ADMINISTRATOR_ACTS: [&str; 3] = [
    "authorization_error",
    "user_access_error",
    "METHOD_CONFIRM_WAITING",
];

/// A failed call to a portal or to its authorization server.
///
/// Decide by [`code`](Error::code), not by the HTTP status: portals use different statuses for the
/// same error.
#[derive(Clone, Debug)]
pub struct Error {
    method: String,
    kind: Arc<Kind>,
}

#[derive(Debug)]
enum Kind {
    Refused {
        code: String,
        description: String,
        status: u16,
        /// How long the portal should not be called.
        retry_after: Option<Duration>,
    },
    Answer(Box<dyn StdError + Send + Sync>),
    /// The result is not the list that was asked for, and why.
    NotAList(String),
    NotJson {
        status: u16,
        /// The beginning of the body, unless it may contain tokens.
        excerpt: Option<String>,
    },
    TooLarge(usize),
    Unreachable {
        source: SendError,
        was_sent: bool,
    },
    Forbidden(Forbidden),
    /// This many calls wait already.
    QueueFull(usize),
    /// Another process may own the portal.
    NotOwner,
    /// There was no answer within this time.
    NoAnswer(Duration),
    Store(StoreError),
}

/// Why a call is not made.
#[derive(Debug, thiserror::Error)]
pub(in crate::portal) enum Forbidden {
    #[error(
        "{host} is an address of your own network; allow it with `--allow-host {host}` (IMBOT_ALLOW_HOST)"
    )]
    PrivateAddress { host: String },
    #[error(
        "{host} is not called without https; allow it with `--allow-host {host}` (IMBOT_ALLOW_HOST)"
    )]
    PlainHttp { host: String },
    #[error("the portal redirects to {host}, without https")]
    PlainHttpRedirect { host: String },
    /// The target is not an address of REST methods, such as a login or a maintenance page.
    #[error("the portal redirects to {host}, which is not a REST method")]
    ElsewhereRedirect { host: String },
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    #[error("{0}")]
    Other(String),
}

impl Forbidden {
    /// Returns true if the portal, or a gateway in front of it, redirects the call. The next call
    /// may be answered.
    fn is_redirect(&self) -> bool {
        match self {
            Self::PlainHttpRedirect { .. }
            | Self::ElsewhereRedirect { .. }
            | Self::TooManyRedirects(_) => true,
            Self::PrivateAddress { .. } | Self::PlainHttp { .. } | Self::Other(_) => false,
        }
    }
}

impl From<String> for Forbidden {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

impl Error {
    /// The method that was called.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The portal's code, such as `ACCESS_DENIED`, if it refused.
    pub fn code(&self) -> Option<&str> {
        if let Kind::Refused { code, .. } = &*self.kind {
            Some(code)
        } else {
            None
        }
    }

    /// The portal's own words for its refusal; `None` if it gave none, or did not refuse. They are
    /// for developers, not for people in a chat.
    pub fn description(&self) -> Option<&str> {
        match &*self.kind {
            Kind::Refused { description, .. } if !description.is_empty() => Some(description),
            _ => None,
        }
    }

    /// Returns true if the portal's code is this one. Case is ignored, since portals mix it.
    pub fn is(&self, code: &str) -> bool {
        self.code()
            .is_some_and(|own| own.eq_ignore_ascii_case(code))
    }

    /// Returns true if a limit was reached: the same call may succeed later
    /// ([`retry_after`](Error::retry_after)).
    pub fn is_rate_limited(&self) -> bool {
        self.is("QUERY_LIMIT_EXCEEDED") || self.is("OPERATION_TIME_LIMIT")
    }

    /// Returns true if Bitrix24's support has stopped the application on this portal. Only they can
    /// allow it again.
    pub fn is_blocked(&self) -> bool {
        self.is("OVERLOAD_LIMIT")
    }

    /// Returns true if the portal accepts no calls at present: it is stopped or deleted
    /// (`PORTAL_DELETED`), or its plan or the application's subscription has ended. Calls succeed
    /// again after that has changed.
    pub fn is_portal_closed(&self) -> bool {
        self.is("PORTAL_DELETED") || self.is_unpaid()
    }

    /// `ACCESS_DENIED` has several meanings. It means this with status 401, when the tokens are
    /// checked (protocol/server-behaviour.md 5.2), or with the text "REST is available only on
    /// commercial plans" or "… only by subscription".
    pub(in crate::portal) fn is_unpaid(&self) -> bool {
        let is_of_the_plan = match &*self.kind {
            Kind::Refused {
                description,
                status,
                ..
            } => *status == 401 || description.contains("available only"),
            _ => false,
        };
        self.is("PAYMENT_REQUIRED") || (self.is("ACCESS_DENIED") && is_of_the_plan)
    }

    /// Returns true if the access token has expired. The client renews it, so if this reaches you,
    /// reinstall.
    pub fn is_token_expired(&self) -> bool {
        self.is("expired_token") || self.is("invalid_token")
    }

    /// Returns true if the application may no longer act on this portal, or if its inbound webhook
    /// does not exist (`INVALID_CREDENTIALS` with status 401).
    pub fn is_access_revoked(&self) -> bool {
        self.is_one_of(&REVOKED) || self.is_wrong_webhook()
    }

    /// Returns true if the application, or the user whose tokens it used, lacks a scope or a right.
    pub fn is_access_denied(&self) -> bool {
        let is_missing_right = self.is("INVALID_CREDENTIALS") && !self.is_wrong_webhook();
        self.is_one_of(&DENIED) || is_missing_right
    }

    /// Returns true if the code of the inbound webhook is wrong. `INVALID_CREDENTIALS` means this
    /// with status 401, and otherwise that a right is missing (protocol/rest.md 3.2).
    fn is_wrong_webhook(&self) -> bool {
        let is_unauthorized = matches!(&*self.kind, Kind::Refused { status: 401, .. });
        self.is("INVALID_CREDENTIALS") && is_unauthorized
    }

    /// Returns true if the portal did not recognise the credentials. Its documentation means the
    /// token by that, the server's source that there was none (protocol/rest.md 3.2).
    pub(in crate::portal) fn is_not_recognised(&self) -> bool {
        self.is("NO_AUTH_FOUND")
    }

    /// Returns true if the person whose rights are used was dismissed or deleted, so that every
    /// call is refused until the application is installed again, or the person is back.
    pub(in crate::portal) fn is_user_gone(&self) -> bool {
        self.is("authorization_error")
    }

    /// How long the portal should not be called again, if known.
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.kind {
            Kind::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns true if the call was certainly not run, so that repeating it has no double effect.
    pub fn was_not_run(&self) -> bool {
        match &*self.kind {
            Kind::Refused { .. } => {
                self.is_token_expired()
                    || self.is_blocked()
                    || self.is_portal_closed()
                    || self.is_one_of(&BEFORE_METHOD)
            }
            Kind::Unreachable { was_sent, .. } => !was_sent,
            Kind::Forbidden(_) | Kind::QueueFull(_) | Kind::NotOwner => true,
            Kind::Answer(_)
            | Kind::NotAList(_)
            | Kind::NotJson { .. }
            | Kind::TooLarge(_)
            | Kind::NoAnswer(_)
            | Kind::Store(_) => false,
        }
    }

    /// Returns true if the call may have been run although its answer does not say so.
    ///
    /// Tokens are renewed before a call, so a call whose tokens could not be renewed was not run.
    pub fn may_have_run(&self) -> bool {
        let is_call = self.method != OAUTH_METHOD;
        is_call
            && match &*self.kind {
                Kind::Refused { .. } => self.is_server_error() && !self.was_not_run(),
                Kind::Answer(_)
                | Kind::NotAList(_)
                | Kind::NotJson { .. }
                | Kind::TooLarge(_)
                | Kind::NoAnswer(_) => true,
                Kind::Unreachable { was_sent, .. } => *was_sent,
                Kind::Forbidden(_) | Kind::Store(_) | Kind::QueueFull(_) | Kind::NotOwner => false,
            }
    }

    /// Returns true if the same call may succeed later: a limit was reached, the portal is
    /// temporarily closed, redirects to another page, or waits for its administrator, or it or its
    /// authorization server could not be reached.
    pub fn may_pass_later(&self) -> bool {
        match &*self.kind {
            Kind::Refused { .. } => {
                self.is_rate_limited()
                    || self.is_blocked()
                    || self.is_portal_closed()
                    || self.is("CONNECTION_ERROR")
                    || self.is_one_of(&UNTIL_AN_ADMINISTRATOR_ACTS)
                    || self.is_server_error()
            }
            Kind::Unreachable { .. }
            | Kind::NotJson { .. }
            | Kind::NoAnswer(_)
            | Kind::NotOwner
            | Kind::Store(_)
            | Kind::QueueFull(_) => true,
            Kind::Forbidden(why) => why.is_redirect(),
            Kind::Answer(_) | Kind::NotAList(_) | Kind::TooLarge(_) => false,
        }
    }

    /// Returns true if the client should repeat the call: it never reached the portal, or was
    /// refused for a limit before it ran.
    pub(in crate::portal) fn is_retryable(&self) -> bool {
        match &*self.kind {
            Kind::Refused { .. } => self.is_rate_limited() || self.is_not_allowed_in_batch(),
            Kind::Unreachable { was_sent, .. } => !was_sent,
            _ => false,
        }
    }

    /// Returns true if the portal was not reached.
    pub(in crate::portal) fn is_unreachable(&self) -> bool {
        matches!(
            &*self.kind,
            Kind::Unreachable {
                was_sent: false,
                ..
            }
        )
    }

    /// Returns true if neither the portal nor its authorization server answered: the connection
    /// failed, or what came back is not from them, such as a gateway's page or redirect.
    pub(in crate::portal) fn is_no_answer(&self) -> bool {
        match &*self.kind {
            Kind::Unreachable { .. } | Kind::NotJson { .. } | Kind::NoAnswer(_) => true,
            Kind::Forbidden(why) => why.is_redirect(),
            _ => false,
        }
    }

    /// Returns true if the call was not made because another process may own the portal.
    pub(crate) fn is_not_owner(&self) -> bool {
        matches!(&*self.kind, Kind::NotOwner)
    }

    /// Returns true if any other call would have failed as well: the portal did not answer, or it
    /// refuses all calls for a while.
    pub(crate) fn is_of_portal(&self) -> bool {
        self.is_no_answer() || suspension(self).is_some()
    }

    /// Returns true if the portal itself answered, with a refusal that is not a fault of its
    /// server.
    pub(in crate::portal) fn is_answer(&self) -> bool {
        self.code().is_some() && !self.is_server_error()
    }

    /// Returns true if the method cannot be called in a batch.
    pub(in crate::portal) fn is_not_allowed_in_batch(&self) -> bool {
        self.is("ERROR_BATCH_METHOD_NOT_ALLOWED")
    }

    /// By status, or by code if the refusal is that of a command in a batch.
    fn is_server_error(&self) -> bool {
        matches!(&*self.kind, Kind::Refused { status, .. } if *status >= 500)
            || self.is("INTERNAL_SERVER_ERROR")
            || self.is("ERROR_UNEXPECTED_ANSWER")
    }

    fn is_one_of(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.is(code))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.kind {
            Kind::Answer(source) => Some(source.as_ref()),
            Kind::Unreachable { source, .. } => Some(source),
            Kind::Store(source) => Some(source),
            _ => None,
        }
    }
}
