//! The result of a handler.

use std::error::Error as StdError;
use std::fmt;

use crate::message::Draft;

/// The result of a handler. `Result<T>` is a `T` or an [`Error`].
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The error of a turn: an answer to the user ([`tell`]), or a failure.
///
/// Any error converts into it with `?`. Like other boxed errors, it is not a [`std::error::Error`]
/// itself.
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
}

/// Returns an error that is an answer to the user: the turn changes nothing, and only this is sent.
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

    /// Whether this is an answer to the user ([`tell`]) and not a failure.
    pub fn is_answer(&self) -> bool {
        matches!(self.0, Kind::Tell(_))
    }

    /// Returns the failure as its original type, if it is of that type.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        if let Kind::Failed(source) = &self.0 {
            source.downcast_ref()
        } else {
            None
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
            Kind::Failed(source) => {
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
