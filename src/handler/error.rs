//! What a handler returns.

use std::error::Error as StdError;
use std::fmt;

use crate::message::Draft;

/// What a handler returns. With one type it is that type or an [`Error`].
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// A turn that did not work out: an answer to the user, or a failure.
///
/// Any error turns into it with `?`. As with other boxed errors, it is no [`std::error::Error`] itself.
pub struct Error(Kind);

enum Kind {
    Tell(Box<Draft>),
    Failed(Box<dyn StdError + Send + Sync>),
}

/// An error that is an answer: the turn changes nothing, and the user reads this.
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
    /// A failure that is only a sentence.
    pub fn failed(why: impl fmt::Display) -> Error {
        Error(Kind::Failed(why.to_string().into()))
    }

    /// Whether this is an answer to the user ([`tell`]) and no failure.
    pub fn is_answer(&self) -> bool {
        matches!(self.0, Kind::Tell(_))
    }

    /// The failure as the type it was, if it was that.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        if let Kind::Failed(source) = &self.0 {
            source.downcast_ref()
        } else {
            None
        }
    }

    /// The answer to the user, if it is one.
    pub(crate) fn answer(&self) -> Option<&Draft> {
        if let Kind::Tell(draft) = &self.0 {
            Some(draft)
        } else {
            None
        }
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(source: E) -> Error {
        Error(Kind::Failed(source.into()))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    /// With all its causes, since it is read in a log.
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
