//! Why a call failed, for programs and for people.

use std::error::Error as StdError;
use std::fmt;

use crate::store::StoreError;

/// A call to a portal, or to its authorization server, failed.
///
/// Decide by [`code`](Error::code), not by the HTTP status: portals answer the same error with different statuses.
#[derive(Debug)]
pub struct Error {
    method: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Refused {
        code: String,
        description: String,
        status: u16,
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
    Store(StoreError),
}

impl Error {
    pub(super) fn refused(method: &str, code: &str, description: &str, status: u16) -> Error {
        let kind = Kind::Refused {
            code: code.to_owned(),
            description: description.to_owned(),
            status,
        };
        Error {
            method: method.to_owned(),
            kind,
        }
    }

    /// A refusal as a portal gives one, for who sends messages another way ([`Speaker`](crate::engine::Speaker)).
    pub fn refusal(code: &str, status: u16) -> Error {
        Error::refused("imbot.message.add", code, "", status)
    }

    pub(super) fn answer(
        method: &str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        Error {
            method: method.to_owned(),
            kind: Kind::Answer(source.into()),
        }
    }

    pub(super) fn not_json(method: &str, status: u16, excerpt: String) -> Error {
        Error {
            method: method.to_owned(),
            kind: Kind::NotJson {
                status,
                excerpt: Some(excerpt),
            },
        }
    }

    /// The same without quoting the answer: it may hold tokens.
    pub(super) fn without_excerpt(mut self) -> Error {
        if let Kind::NotJson { excerpt, .. } = &mut self.kind {
            excerpt.take_if(|excerpt| !excerpt.is_empty());
        }
        self
    }

    pub(super) fn too_large(method: &str, limit: usize) -> Error {
        Error {
            method: method.to_owned(),
            kind: Kind::TooLarge(limit),
        }
    }

    pub(super) fn unreachable(method: &str, source: reqwest::Error) -> Error {
        let was_sent = !source.is_connect() && !source.is_builder();
        // The address is left out: a query string may hold a secret.
        Error {
            method: method.to_owned(),
            kind: Kind::Unreachable {
                source: source.without_url(),
                was_sent,
            },
        }
    }

    pub(super) fn forbidden(method: &str, why: String) -> Error {
        Error {
            method: method.to_owned(),
            kind: Kind::Forbidden(why),
        }
    }

    /// A call that is not made, since it could not do what it is for.
    pub(crate) fn unusable(method: &str, why: &str) -> Error {
        Error::forbidden(method, why.to_owned())
    }

    pub(super) fn store(method: &str, source: StoreError) -> Error {
        Error {
            method: method.to_owned(),
            kind: Kind::Store(source),
        }
    }

    /// The method that was called.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The portal's code, such as `ACCESS_DENIED`, if it refused.
    pub fn code(&self) -> Option<&str> {
        if let Kind::Refused { code, .. } = &self.kind {
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

    /// Whether a limit was reached: the same call may pass later.
    pub fn is_rate_limited(&self) -> bool {
        self.is("QUERY_LIMIT_EXCEEDED") || self.is("OPERATION_TIME_LIMIT")
    }

    /// Whether the access token is over; the client renews it by itself, so who sees this should reinstall.
    pub fn is_token_expired(&self) -> bool {
        self.is("expired_token") || self.is("invalid_token")
    }

    /// Whether the application may not act on this portal any more.
    pub fn is_access_revoked(&self) -> bool {
        [
            "invalid_grant",
            "invalid_client",
            "NOT_INSTALLED",
            "APPLICATION_NOT_FOUND",
            "INVALID_CREDENTIALS",
            "PORTAL_DELETED",
        ]
        .iter()
        .any(|code| self.is(code))
    }

    /// Whether the call was certainly not run, so that repeating it is safe.
    pub fn was_not_run(&self) -> bool {
        match &self.kind {
            Kind::Refused { .. } => self.is("QUERY_LIMIT_EXCEEDED"),
            Kind::Unreachable { was_sent, .. } => !was_sent,
            _ => false,
        }
    }

    /// Whether the call may have been run, though no answer tells so.
    ///
    /// Renewing the tokens comes before the call, so a call whose tokens could not be renewed was not run.
    pub fn may_have_run(&self) -> bool {
        let is_call = self.method != super::oauth::METHOD;
        is_call
            && match &self.kind {
                Kind::Refused { status, .. } => *status >= 500 && !self.was_not_run(),
                Kind::Answer(_) | Kind::NotJson { .. } | Kind::TooLarge(_) => true,
                Kind::Unreachable { was_sent, .. } => *was_sent,
                Kind::Forbidden(_) | Kind::Store(_) => false,
            }
    }

    /// Whether the same call may pass later: a limit was reached, or the portal or its authorization server could not be
    /// reached.
    pub fn may_pass_later(&self) -> bool {
        match &self.kind {
            Kind::Refused { status, .. } => {
                self.is_rate_limited() || self.is("CONNECTION_ERROR") || *status >= 500
            }
            Kind::Unreachable { .. } | Kind::NotJson { .. } | Kind::Store(_) => true,
            Kind::Answer(_) | Kind::TooLarge(_) | Kind::Forbidden(_) => false,
        }
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        if self.is("INVALID_CREDENTIALS") {
            return Some(
                "make a new inbound webhook on the portal: this one was deleted, or mistyped",
            );
        }
        if self.is_access_revoked() {
            return Some("install the application on the portal again");
        }
        match self.code()?.to_ascii_uppercase().as_str() {
            "INSUFFICIENT_SCOPE" => {
                Some("add the scope of this method to the application and install it again")
            }
            "APP_ID_ERROR" => Some(
                "another application owns a bot of this code: choose another code in the profile",
            ),
            "WRONG_AUTH_TYPE" => Some("this method needs the tokens of an application"),
            "ERROR_METHOD_NOT_FOUND" => {
                Some("check the method's name, and that the portal has this module")
            }
            "OVERLOAD_LIMIT" => Some("the portal's support has blocked the application: ask them"),
            _ => None,
        }
    }
}

/// What happened, and what to do about it; the alternate form (`{:#}`) leaves that out.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.method)?;
        match &self.kind {
            Kind::Refused {
                code,
                description,
                status,
            } => {
                write!(f, "the portal refused with {code} ({status})")?;
                if !description.is_empty() {
                    write!(f, ": {description}")?;
                }
            }
            Kind::Answer(_) => f.write_str("the answer is not what this method returns")?,
            Kind::NotJson { status, excerpt } => match excerpt.as_deref() {
                Some("") => write!(f, "the answer ({status}) is empty")?,
                Some(excerpt) => write!(f, "the answer ({status}) is not JSON: {excerpt}")?,
                None => write!(f, "the answer ({status}) is not JSON")?,
            },
            Kind::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes")?,
            Kind::Unreachable {
                was_sent: false, ..
            } => f.write_str("the portal could not be reached")?,
            Kind::Unreachable { .. } => {
                f.write_str("no answer came; the call may have been run")?
            }
            Kind::Forbidden(why) => write!(f, "not called: {why}")?,
            Kind::Store(_) => f.write_str("the new tokens could not be stored")?,
        }
        match self.advice().filter(|_| !f.alternate()) {
            Some(advice) => write!(f, " ({advice})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            Kind::Answer(source) => Some(source.as_ref()),
            Kind::Unreachable { source, .. } => Some(source),
            Kind::Store(source) => Some(source),
            _ => None,
        }
    }
}
