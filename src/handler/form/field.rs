//! The types of a form's answers.

use std::fmt;

use crate::event::UserId;
use crate::handler::phrases::{Language, Phrase, translated};

/// The type of an answer to a question of a [`Form`](super::Form): text, numbers, yes or no,
/// `Option`s of these, or your own type.
///
/// ```
/// use imbot::handler::{Field, FieldError};
///
/// struct Phone(String);
///
/// impl Field for Phone {
///     fn read(answer: &str) -> Result<Self, FieldError> {
///         let digits: String = answer.chars().filter(char::is_ascii_digit).collect();
///         if digits.len() < 5 {
///             return Err("A phone number has at least five digits.".into());
///         }
///         Ok(Phone(digits))
///     }
/// }
/// ```
pub trait Field: Sized {
    /// Reads an answer, without spaces around it.
    ///
    /// # Errors
    /// What is wrong with it, as the person is told before the question comes again.
    fn read(answer: &str) -> Result<Self, FieldError>;

    /// Returns the answers that are shown as buttons. Each must be one that [`read`](Field::read)
    /// takes. Other answers can still be typed. Default: none.
    fn choices() -> Vec<String> {
        Vec::new()
    }
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError(Wrong);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    /// What the author says about it.
    Text(String),
    /// It is not of this kind, in English.
    Kind {
        answer: String,
        expected: &'static str,
    },
    /// It is empty, such as a message with a file only.
    Missing,
}

impl FieldError {
    /// Returns what the person is told.
    pub(super) fn text(&self, language: Language) -> String {
        match &self.0 {
            Wrong::Text(text) => text.clone(),
            Wrong::Kind { answer, expected } => {
                let expected = translated(expected, language);
                Phrase::WrongArgument.with(language, &[answer, expected])
            }
            Wrong::Missing => Phrase::MissingArgument.text(language).to_owned(),
        }
    }
}

impl fmt::Display for FieldError {
    /// Writes it in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl std::error::Error for FieldError {}

impl<T: Into<String>> From<T> for FieldError {
    fn from(text: T) -> Self {
        Self(Wrong::Text(text.into()))
    }
}

impl Field for String {
    /// Any text that is not empty.
    fn read(answer: &str) -> Result<Self, FieldError> {
        if answer.is_empty() {
            return Err(FieldError(Wrong::Missing));
        }
        Ok(answer.to_owned())
    }
}

macro_rules! field {
    ($expected:literal: $($type:ty)+) => {$(
        impl Field for $type {
            fn read(answer: &str) -> Result<Self, FieldError> {
                let wrong = || Wrong::Kind { answer: answer.to_owned(), expected: $expected };
                answer.parse().map_err(|_| FieldError(wrong()))
            }
        }
    )+};
}

field!("a whole number, zero or more": u8 u16 u32 u64 usize UserId);
field!("a whole number": i8 i16 i32 i64 isize);
field!("a number": f32 f64);
field!("a single letter": char);

impl Field for bool {
    /// Yes or no, in any of our languages.
    fn read(answer: &str) -> Result<Self, FieldError> {
        let is = |phrase: Phrase| {
            let mut languages = Language::ALL.into_iter();
            languages.any(|language| phrase.is_meant(answer, language))
        };
        let expected = "true or false";
        match (is(Phrase::Yes), is(Phrase::No)) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            _ => answer.parse().map_err(|_| {
                FieldError(Wrong::Kind {
                    answer: answer.to_owned(),
                    expected,
                })
            }),
        }
    }

    /// Yes and no, in the portal's language.
    fn choices() -> Vec<String> {
        vec!["Yes".to_owned(), "No".to_owned()]
    }
}

impl<T: Field> Field for Option<T> {
    /// `None` if the person skips the question.
    fn read(answer: &str) -> Result<Self, FieldError> {
        let mut languages = Language::ALL.into_iter();
        let is_skipped = languages.any(|language| Phrase::Skip.is_meant(answer, language));
        if is_skipped {
            Ok(None)
        } else {
            T::read(answer).map(Some)
        }
    }

    /// Those of the type, and a button to skip the question.
    fn choices() -> Vec<String> {
        let mut choices = T::choices();
        choices.push("Skip".to_owned());
        choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_by_type_and_errors_are_in_the_persons_language() {
        assert_eq!(String::read("Ann Lee"), Ok("Ann Lee".to_owned()));
        assert_eq!(u32::read("7"), Ok(7));
        let error = u32::read("seven").unwrap_err();
        assert_eq!(
            error.to_string(),
            "“seven” is not a whole number, zero or more."
        );
        assert_eq!(
            error.text(Language::German),
            "Erwartet wird eine ganze Zahl ab null, nicht „seven“."
        );
        assert!(String::read("").is_err());
        for (answer, is) in [("yes", true), ("Нет", false), ("NEIN", false), ("Sí", true)] {
            assert_eq!(bool::read(answer), Ok(is), "{answer}");
        }
        assert!(bool::read("perhaps").is_err());
        assert_eq!(Option::<u32>::read("überspringen"), Ok(None));
        assert_eq!(Option::<u32>::read("3"), Ok(Some(3)));
    }

    #[test]
    fn every_choice_is_an_answer() {
        for choice in bool::choices() {
            assert!(bool::read(&choice).is_ok());
        }
        for choice in Option::<bool>::choices() {
            assert!(Option::<bool>::read(&choice).is_ok());
        }
    }
}
