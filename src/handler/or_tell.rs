//! Answers to the user in place of failures.

use super::{Error, Result, tell};
use crate::message::Draft;

/// Ends the turn with an answer to the user, if a value is missing.
///
/// It is implemented for [`Option`] and for results with any error that a handler can return.
///
/// ```
/// use imbot::prelude::*;
///
/// fn quantity(text: &str) -> Result<u32> {
///     text.parse().or_tell("A number, please.")
/// }
/// assert_eq!(quantity("2").unwrap(), 2);
/// assert!(quantity("two").unwrap_err().is_answer());
///
/// fn first_word(text: &str) -> Result<&str> {
///     text.split_whitespace().next().or_tell("Write a word.")
/// }
/// assert!(first_word(" ").unwrap_err().is_answer());
/// ```
pub trait OrTell<T> {
    /// Returns the value, or an error that is this answer ([`tell`]). With the error, the turn
    /// changes nothing, only the answer is sent, and nothing is retried.
    ///
    /// Use it for what the user did wrong. A failure that may pass, such as a portal that does not
    /// answer, should be retried: see [`or_tell_if`](FailureExt::or_tell_if).
    ///
    /// # Errors
    /// The answer, if there is no value.
    fn or_tell(self, answer: impl Into<Draft>) -> Result<T>;
}

impl<T> OrTell<T> for Option<T> {
    fn or_tell(self, answer: impl Into<Draft>) -> Result<T> {
        self.ok_or_else(|| tell(answer))
    }
}

impl<T, E: Into<Error>> OrTell<T> for Result<T, E> {
    fn or_tell(self, answer: impl Into<Draft>) -> Result<T> {
        self.map_err(|_| tell(answer))
    }
}

/// Decides what a failure is for the turn: an answer, a failure that is not retried, or what it
/// was.
pub trait FailureExt<T, E> {
    /// Ends the turn with an answer to the user if the error is of this kind. Other errors stay
    /// failures, which are retried if they may pass.
    ///
    /// ```
    /// use imbot::prelude::*;
    ///
    /// # struct Deals;
    /// # impl Bot for Deals {
    /// async fn message(&self, cx: &mut Context, message: Message) -> Result {
    ///     let id: u32 = message.text.parse().or_tell("The number of a deal, please.")?;
    ///     let deal = cx.call::<serde_json::Value>("crm.deal.get").with("ID", id).await;
    ///     let deal = deal.or_tell_if(|error| error.is("NOT_FOUND"), "No such deal.")?;
    ///     cx.say(Text::new().plain(&deal["TITLE"]));
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// The answer, or the failure.
    fn or_tell_if(self, is_answer: impl FnOnce(&E) -> bool, answer: impl Into<Draft>) -> Result<T>;

    /// Makes a failure permanent: it is not retried, and the user hears of it at once
    /// ([`Error::permanent`]). An answer stays an answer.
    ///
    /// ```
    /// use imbot::prelude::*;
    ///
    /// fn read(stored: &str) -> Result<u8> {
    ///     serde_json::from_str(stored).permanent()
    /// }
    /// assert!(read("{").unwrap_err().is_permanent());
    /// ```
    ///
    /// # Errors
    /// The permanent failure.
    fn permanent(self) -> Result<T>;
}

impl<T, E: Into<Error>> FailureExt<T, E> for Result<T, E> {
    fn or_tell_if(self, is_answer: impl FnOnce(&E) -> bool, answer: impl Into<Draft>) -> Result<T> {
        self.map_err(|error| {
            if is_answer(&error) {
                tell(answer)
            } else {
                error.into()
            }
        })
    }

    fn permanent(self) -> Result<T> {
        self.map_err(|error| error.into().made_permanent())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::handler::or_tell::*;

    fn failure() -> Result<u8, io::Error> {
        Err(io::Error::other("away"))
    }

    #[test]
    fn a_failure_becomes_an_answer_only_if_it_is_of_the_kind() {
        let told = failure().or_tell_if(|_| true, "Gone.").unwrap_err();
        assert!(told.is_answer());
        let failed = failure().or_tell_if(|_| false, "Gone.").unwrap_err();
        assert!(!failed.is_answer() && !failed.is_permanent());
        assert!(failed.downcast_ref::<io::Error>().is_some());
        assert_eq!(Ok::<u8, Error>(1).or_tell_if(|_| true, "Gone.").unwrap(), 1);
    }

    #[test]
    fn a_permanent_failure_keeps_its_type_and_an_answer_stays_one() {
        let failed = failure().permanent().unwrap_err();
        assert!(failed.is_permanent());
        assert!(failed.downcast_ref::<io::Error>().is_some());
        let answer = Err::<u8, Error>(tell("No.")).permanent().unwrap_err();
        assert!(answer.is_answer() && !answer.is_permanent());
    }
}
