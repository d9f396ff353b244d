//! Why a call failed, for programs and for people.

mod constructors;
mod display;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use crate::store::StoreError;

/// The name under which calls to the authorization server fail.
pub(in crate::portal) const OAUTH_METHOD: &str = "oauth/token";

/// The application is not installed any more, or its tokens are dead.
const REVOKED: [&str; 6] = [
    "INVALID_CREDENTIALS",
    "invalid_grant",
    "invalid_client",
    "wrong_client",
    "NOT_INSTALLED",
    "APPLICATION_NOT_FOUND",
];

/// Refusals for want of a scope or a right (page `_includes/system-errors.md`).
const DENIED: [&str; 7] = [
    "ACCESS_DENIED",
    "ACCESS_ERROR",
    "insufficient_scope",
    "user_access_error",
    "authorization_error",
    "WRONG_AUTH_TYPE",
    "ALLOWED_ONLY_INTRANET_USER",
];

/// Refusals before a method is run (server-behaviour, section 5.2).
const BEFORE_METHOD: [&str; 9] = [
    "QUERY_LIMIT_EXCEEDED",
    "OPERATION_TIME_LIMIT",
    "ERROR_BATCH_METHOD_NOT_ALLOWED",
    "ERROR_BATCH_LENGTH_EXCEEDED",
    "METHOD_CONFIRM_WAITING",
    "METHOD_CONFIRM_DENIED",
    "insufficient_scope",
    "NO_AUTH_FOUND",
    "ERROR_METHOD_NOT_FOUND",
];

/// A call to a portal, or to its authorization server, failed.
///
/// Decide by [`code`](Error::code), not by the HTTP status: portals answer the same error with different statuses.
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
        /// For how long the portal asks not to be called.
        retry_after: Option<Duration>,
    },
    Answer(Box<dyn StdError + Send + Sync>),
    NotJson {
        status: u16,
        /// The beginning of what came instead, where it may be quoted.
        excerpt: Option<String>,
    },
    TooLarge(usize),
    Unreachable {
        source: reqwest::Error,
        was_sent: bool,
    },
    Forbidden(String),
    /// This many calls wait already.
    QueueFull(usize),
    Store(StoreError),
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

    /// Whether the portal's code is this one; portals mix the case of letters.
    pub fn is(&self, code: &str) -> bool {
        self.code()
            .is_some_and(|own| own.eq_ignore_ascii_case(code))
    }

    /// Whether a limit was reached: the same call may pass later ([`retry_after`](Error::retry_after)).
    pub fn is_rate_limited(&self) -> bool {
        self.is("QUERY_LIMIT_EXCEEDED") || self.is("OPERATION_TIME_LIMIT")
    }

    /// Whether Bitrix24's support has stopped the application on this portal; only they can let it go on.
    pub fn is_blocked(&self) -> bool {
        self.is("OVERLOAD_LIMIT")
    }

    /// Whether the portal takes no calls at present: it is stopped or gone (`PORTAL_DELETED`), or its plan or the
    /// application's subscription is over. Calls pass again when that is mended.
    pub fn is_portal_closed(&self) -> bool {
        self.is("PORTAL_DELETED") || self.is_unpaid()
    }

    /// `ACCESS_DENIED` has many meanings: this one comes with 401 where the tokens are looked at (server-behaviour, section
    /// 5.2), or with these words: "REST is available only on commercial plans", "… only by subscription".
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

    /// Whether the access token is over; the client renews it by itself, so who sees this should reinstall.
    pub fn is_token_expired(&self) -> bool {
        self.is("expired_token") || self.is("invalid_token")
    }

    /// Whether the application may not act on this portal any more.
    pub fn is_access_revoked(&self) -> bool {
        self.is_one_of(&REVOKED)
    }

    /// Whether the application, or the person whose tokens these are, lacks a scope or a right.
    pub fn is_access_denied(&self) -> bool {
        self.is_one_of(&DENIED)
    }

    /// For how long the portal should not be asked again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.kind {
            Kind::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the call was certainly not run, so that making it again does nothing twice.
    pub fn was_not_run(&self) -> bool {
        match &*self.kind {
            Kind::Refused { .. } => {
                self.is_token_expired()
                    || self.is_blocked()
                    || self.is_portal_closed()
                    || self.is_one_of(&BEFORE_METHOD)
            }
            Kind::Unreachable { was_sent, .. } => !was_sent,
            Kind::Forbidden(_) | Kind::QueueFull(_) => true,
            Kind::Answer(_) | Kind::NotJson { .. } | Kind::TooLarge(_) | Kind::Store(_) => false,
        }
    }

    /// Whether the call may have been run, though no answer tells so.
    ///
    /// Renewing the tokens comes before the call, so a call whose tokens could not be renewed was not run.
    pub fn may_have_run(&self) -> bool {
        let is_call = self.method != OAUTH_METHOD;
        is_call
            && match &*self.kind {
                Kind::Refused { .. } => self.is_server_error() && !self.was_not_run(),
                Kind::Answer(_) | Kind::NotJson { .. } | Kind::TooLarge(_) => true,
                Kind::Unreachable { was_sent, .. } => *was_sent,
                Kind::Forbidden(_) | Kind::Store(_) | Kind::QueueFull(_) => false,
            }
    }

    /// Whether the same call may pass later: a limit was reached, the portal is closed for a time, or it or its
    /// authorization server could not be reached.
    pub fn may_pass_later(&self) -> bool {
        match &*self.kind {
            Kind::Refused { .. } => {
                self.is_rate_limited()
                    || self.is_blocked()
                    || self.is_portal_closed()
                    || self.is("CONNECTION_ERROR")
                    || self.is_server_error()
            }
            Kind::Unreachable { .. } | Kind::NotJson { .. } | Kind::Store(_) | Kind::QueueFull(_) => {
                true
            }
            Kind::Answer(_) | Kind::TooLarge(_) | Kind::Forbidden(_) => false,
        }
    }

    /// Whether the portal was never asked, or at its door said "later": the client asks again by itself.
    pub(in crate::portal) fn is_retryable(&self) -> bool {
        match &*self.kind {
            Kind::Refused { .. } => self.is_rate_limited() || self.is_not_allowed_in_batch(),
            Kind::Unreachable { was_sent, .. } => !was_sent,
            _ => false,
        }
    }

    /// Whether the portal was not even reached.
    pub(in crate::portal) fn is_unreachable(&self) -> bool {
        matches!(
            &*self.kind,
            Kind::Unreachable {
                was_sent: false,
                ..
            }
        )
    }

    /// Whether the method has to be called by itself.
    pub(in crate::portal) fn is_not_allowed_in_batch(&self) -> bool {
        self.is("ERROR_BATCH_METHOD_NOT_ALLOWED")
    }

    /// By status, or by code where the refusal is that of a command in a batch.
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
