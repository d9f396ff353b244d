//! Typed arguments of a command.

use std::fmt;

use super::phrases::{Language, Phrase, translated};
use crate::event::{BotId, ChatId, Command, CommandId, DialogId, MessageId, UserId};

impl Command {
    /// Parses the arguments as a tuple. An argument is a word, or several words `"in quotes"`.
    ///
    /// Returned with `?`, the error answers the user: what is wrong, and the command's usage, in
    /// the portal's [language](super::Context::language).
    ///
    /// ```
    /// # use imbot::prelude::*;
    /// fn order(command: &Command) -> Result<String> {
    ///     let (what, quantity): (String, Option<u32>) = command.args()?;
    ///     Ok(format!("{} × {what}", quantity.unwrap_or(1)))
    /// }
    /// ```
    ///
    /// # Errors
    /// An argument is missing, of another type, or not expected.
    pub fn args<T: Args>(&self) -> Result<T, ArgsError> {
        T::parse(&self.params)
    }
}

/// Arguments that a command line can be parsed as: tuples of [`Arg`]s.
pub trait Args: Sized {
    /// Parses a line.
    ///
    /// # Errors
    /// An argument is missing, of another type, or not expected.
    fn parse(line: &str) -> Result<Self, ArgsError>;
}

/// The type of one argument: text, numbers, ids, `Option`s and `Vec`s of these, [`Rest`], or your
/// own type.
pub trait Arg: Sized {
    /// Takes the argument from the remaining words.
    ///
    /// # Errors
    /// The next word is missing or of another type.
    fn take(words: &mut Words<'_>) -> Result<Self, ArgsError>;
}

/// The rest of the line as it was typed. It must be the last argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest(pub String);

/// Why a command line cannot be parsed as its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgsError(Wrong);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Type { word: String, expected: String },
    Missing,
    Extra(String),
}

impl ArgsError {
    /// Returns the error in a language.
    pub(crate) fn text(&self, language: Language) -> String {
        match &self.0 {
            Wrong::Type { word, expected } => {
                let expected = translated(expected, language);
                Phrase::WrongArgument.with(language, &[word, expected])
            }
            Wrong::Missing => Phrase::MissingArgument.text(language).to_owned(),
            Wrong::Extra(word) => Phrase::ExtraArgument.with(language, &[word]),
        }
    }
}

impl fmt::Display for ArgsError {
    /// Writes it in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl std::error::Error for ArgsError {}

/// The remaining words of a line.
#[derive(Debug)]
pub struct Words<'l> {
    rest: &'l str,
}

impl Words<'_> {
    /// Returns the next word, or the next words in quotes.
    pub fn next(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        if matches!(first, '"' | '“' | '«') {
            let inside = &self.rest[first.len_utf8()..];
            if let Some(end) = inside.find(['"', '”', '»']) {
                let close = inside[end..].chars().next().map_or(0, char::len_utf8);
                self.rest = &inside[end + close..];
                return Some(inside[..end].to_owned());
            }
        }
        let end = self
            .rest
            .find(char::is_whitespace)
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word.to_owned())
    }

    /// Returns the error for a word that is not what was expected, such as `a colour`.
    pub fn wrong(&self, word: &str, expected: impl fmt::Display) -> ArgsError {
        ArgsError(Wrong::Type {
            word: word.to_owned(),
            expected: expected.to_string(),
        })
    }

    fn missing() -> ArgsError {
        ArgsError(Wrong::Missing)
    }
}

macro_rules! args {
    ($($name:ident)+) => {
        impl<$($name: Arg),+> Args for ($($name,)+) {
            fn parse(line: &str) -> Result<Self, ArgsError> {
                let mut words = Words { rest: line };
                let args = ($($name::take(&mut words)?,)+);
                match words.next() {
                    Some(more) => Err(ArgsError(Wrong::Extra(more))),
                    None => Ok(args),
                }
            }
        }
    };
}

args!(A);
args!(A B);
args!(A B C);
args!(A B C D);
args!(A B C D E);

macro_rules! arg {
    ($expected:literal: $($type:ty)+) => {$(
        impl Arg for $type {
            fn take(words: &mut Words<'_>) -> Result<Self, ArgsError> {
                let word = words.next().ok_or_else(Words::missing)?;
                word.parse().map_err(|_| words.wrong(&word, $expected))
            }
        }
    )+};
}

arg!("a whole number, zero or more": u8 u16 u32 u64 usize UserId ChatId BotId MessageId CommandId);
arg!("a whole number": i8 i16 i32 i64 isize);
arg!("a number": f32 f64);
arg!("a single letter": char);
arg!("true or false": bool);

impl Arg for String {
    fn take(words: &mut Words<'_>) -> Result<Self, ArgsError> {
        words.next().ok_or_else(Words::missing)
    }
}

impl Arg for DialogId {
    fn take(words: &mut Words<'_>) -> Result<Self, ArgsError> {
        String::take(words).map(DialogId::new)
    }
}

impl<A: Arg> Arg for Option<A> {
    /// `None` at the end of the line.
    fn take(words: &mut Words<'_>) -> Result<Self, ArgsError> {
        if words.rest.trim().is_empty() {
            Ok(None)
        } else {
            A::take(words).map(Some)
        }
    }
}

impl<A: Arg> Arg for Vec<A> {
    /// All remaining words. The list may be empty.
    fn take(words: &mut Words<'_>) -> Result<Self, ArgsError> {
        std::iter::from_fn(|| <Option<A> as Arg>::take(words).transpose()).collect()
    }
}

impl Arg for Rest {
    fn take(words: &mut Words<'_>) -> Result<Self, ArgsError> {
        let rest = words.rest.trim().to_owned();
        words.rest = "";
        if rest.is_empty() {
            Err(Words::missing())
        } else {
            Ok(Rest(rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::handler::args::*;

    #[test]
    fn a_line_reads_as_a_tuple() {
        type Order = (String, u32);
        assert_eq!(Order::parse("pizza 2"), Ok(("pizza".into(), 2)));
        assert_eq!(
            Order::parse("  \"big pizza\"  2 "),
            Ok(("big pizza".into(), 2))
        );
        assert_eq!(
            Order::parse("«большая пицца» 2"),
            Ok(("большая пицца".into(), 2))
        );
        assert_eq!(
            <(String, Option<u32>)>::parse("pizza"),
            Ok(("pizza".into(), None))
        );
        assert_eq!(
            <(UserId, Rest)>::parse("27 see you, then"),
            Ok((UserId(27), Rest("see you, then".into())))
        );
        assert_eq!(
            <(String, Vec<u8>)>::parse("pizza 1 2"),
            Ok(("pizza".into(), vec![1, 2]))
        );
        assert_eq!(<(Vec<u8>,)>::parse(""), Ok((vec![],)));
        let wrong = |line| Order::parse(line).unwrap_err().to_string();
        assert_eq!(
            wrong("pizza two"),
            "“two” is not a whole number, zero or more."
        );
        assert_eq!(wrong("pizza"), "Something is missing at the end.");
        assert_eq!(wrong("pizza 2 now"), "“now” is too much.");
        assert_eq!(
            wrong("pizza \"2"),
            "“\"2” is not a whole number, zero or more."
        );
    }

    #[test]
    fn an_error_is_written_in_the_persons_language() {
        let wrong = |line| <(String, u32)>::parse(line).unwrap_err();
        let text = wrong("pizza two").text(Language::German);
        assert_eq!(text, "Erwartet wird eine ganze Zahl ab null, nicht „two“.");
        let text = wrong("pizza").text(Language::Russian);
        assert_eq!(text, "В конце чего-то не хватает.");
    }
}
