//! The result of a handler.

use std::char::{CharTryFromError, ParseCharError};
use std::error::Error as StdError;
use std::fmt;
use std::net::AddrParseError;
use std::num::{ParseFloatError, ParseIntError, TryFromIntError};
use std::str::{ParseBoolError, Utf8Error};
use std::string::FromUtf8Error;

use super::{ArgsError, RequestError};
use crate::message::{Draft, InvalidDraft};
use crate::portal;
use crate::store::InvalidEvery;

/// The result of a handler. `Result<T>` is a `T` or an [`Error`].
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The error of a turn: an answer to the user ([`tell`]), or a failure.
///
/// Any error converts into it with `?`. Like other boxed errors, it is not a [`std::error::Error`]
/// itself.
///
/// A failure is retried, unless it [cannot pass](Error::is_permanent).
///
/// ```
/// use imbot::prelude::*;
///
/// fn quantity(text: &str) -> Result<u32> {
///     Ok(text.parse()?)
/// }
/// assert!(quantity("2").is_ok());
/// assert!(!quantity("two").unwrap_err().is_answer());
/// ```
pub struct Error(Kind);

enum Kind {
    Tell(Box<Draft>),
    Failed(Box<dyn StdError + Send + Sync>),
    /// A failure that the author has called permanent.
    Permanent(Box<dyn StdError + Send + Sync>),
}

/// Returns an error that is an answer to the user: the turn changes nothing, and only this is sent,
/// as several messages if its text is too long for one ([`Draft::split`]).
///
/// ```
/// use imbot::prelude::*;
///
/// fn deal(number: u32) -> Result<&'static str> {
///     if number == 7 { Ok("Roof tiles") } else { Err(tell("No such deal")) }
/// }
/// assert!(deal(8).unwrap_err().is_answer());
/// ```
pub fn tell(answer: impl Into<Draft>) -> Error {
    Error(Kind::Tell(Box::new(answer.into())))
}

impl Error {
    /// Returns a failure with this message.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self(Kind::Failed(message.to_string().into()))
    }

    /// Returns a failure that cannot pass, so that it is not retried: a text or another error.
    ///
    /// ```
    /// use imbot::prelude::*;
    ///
    /// fn date(text: &str) -> Result<(u8, u8)> {
    ///     let parts = text.split_once('.').ok_or_else(|| Error::permanent("no date"))?;
    ///     Ok((parts.0.parse()?, parts.1.parse()?))
    /// }
    /// assert!(date("tomorrow").unwrap_err().is_permanent());
    /// ```
    pub fn permanent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Kind::Permanent(source.into()))
    }

    /// Whether this is a failure that cannot pass: the event becomes a dead letter at once, and the
    /// user gets the answer of [`Bot::failed`](super::Bot::failed).
    ///
    /// That is so for
    /// - a failure made with [`permanent`](Error::permanent);
    /// - a message over a limit of the portal ([`InvalidDraft`]);
    /// - a text that the standard library cannot parse as a number, a truth value, a character, a
    ///   network address or UTF-8, and arguments of a command;
    /// - a number that does not fit its type;
    /// - a time or a time zone that does not exist, in a reminder that repeats;
    /// - a call that the portal refused for a reason that does not pass in a minute, such as
    ///   `ACCESS_DENIED`.
    ///
    /// Any other error may pass, also one of `serde`, because what an unreachable service answers
    /// cannot be parsed either.
    pub fn is_permanent(&self) -> bool {
        match &self.0 {
            Kind::Tell(_) => false,
            Kind::Permanent(_) => true,
            Kind::Failed(source) => is_permanent(source.as_ref()),
        }
    }

    /// Returns the same failure as one that cannot pass. An answer stays one.
    pub(super) fn made_permanent(self) -> Self {
        Self(match self.0 {
            Kind::Failed(source) => Kind::Permanent(source),
            kind @ (Kind::Tell(_) | Kind::Permanent(_)) => kind,
        })
    }

    /// Whether this is an answer to the user ([`tell`]) and not a failure.
    pub fn is_answer(&self) -> bool {
        matches!(self.0, Kind::Tell(_))
    }

    /// Returns the failure as its original type, if it is of that type.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        match &self.0 {
            Kind::Failed(source) | Kind::Permanent(source) => source.downcast_ref(),
            Kind::Tell(_) => None,
        }
    }

    /// Returns the answer to the user, if this is one.
    pub(crate) fn answer(&self) -> Option<&Draft> {
        if let Kind::Tell(draft) = &self.0 {
            Some(draft)
        } else {
            None
        }
    }
}

/// Whether an error cannot pass.
fn is_permanent(error: &(dyn StdError + 'static)) -> bool {
    let is_refused = error.downcast_ref().is_some_and(is_refused_for_good);
    let is_wrong_request = error.downcast_ref().is_some_and(RequestError::is_permanent);
    is_refused
        || is_wrong_request
        || error.is::<InvalidDraft>()
        || error.is::<ArgsError>()
        || error.is::<InvalidEvery>()
        || error.is::<ParseIntError>()
        || error.is::<ParseFloatError>()
        || error.is::<ParseBoolError>()
        || error.is::<ParseCharError>()
        || error.is::<AddrParseError>()
        || error.is::<TryFromIntError>()
        || error.is::<CharTryFromError>()
        || error.is::<Utf8Error>()
        || error.is::<FromUtf8Error>()
}

/// Whether the portal refused a call for a reason that does not pass in a minute.
fn is_refused_for_good(error: &portal::Error) -> bool {
    let is_refused = error.code().is_some();
    let waits_for_consent = error.is("METHOD_CONFIRM_WAITING");
    let may_pass = error.may_pass_later() || error.may_have_run() || error.is_token_expired();
    is_refused && !waits_for_consent && !may_pass
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(source: E) -> Self {
        Self(Kind::Failed(source.into()))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    /// Writes the error with all its causes, for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Tell(draft) => write!(
                f,
                "an answer of {} characters",
                draft.text().chars().count()
            ),
            Kind::Failed(source) | Kind::Permanent(source) => {
                write!(f, "{source}")?;
                let mut cause = source.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}
