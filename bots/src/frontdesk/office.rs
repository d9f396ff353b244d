//! The front desk's file: its texts, topics and working hours.
//!
//! `sample.toml` shows every key. Errors and unknown keys are reported at the start, with their
//! line.

use std::fmt;
use std::path::PathBuf;

use imbot::prelude::LineId;
use imbot::store::Time;
use serde::Deserialize;

use super::hours::Hours;
use super::questions::Question;

/// The environment variable that names the file. Default: the sample.
pub const FILE: &str = "FRONTDESK_FILE";
const SAMPLE: &str = include_str!("sample.toml");
/// Maximum number of topics, so that a number is one digit and the menu fits on a phone.
const TOPICS_MAX: usize = 9;

/// The content of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Office {
    pub(super) greeting: String,
    pub(super) away: String,
    pub(super) hours: Option<Hours>,
    pub(super) topics: Topics,
    #[serde(default)]
    pub(super) questions: Vec<Question>,
    #[serde(default)]
    pub(super) words: Words,
}

/// The topics that clients choose from, at least one.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Topic>")]
pub(super) struct Topics(pub(super) Vec<Topic>);

/// A topic that operators answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    pub(super) name: String,
    /// The line whose queue gets the chat. Default: a free operator of the client's own line.
    pub(super) line: Option<LineId>,
}

/// The texts of the front desk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Words {
    pub(super) choose: String,
    pub(super) people: String,
    pub(super) calling: String,
    pub(super) leave_message: String,
    pub(super) message_taken: String,
    pub(super) unknown: String,
    pub(super) was_that_all: String,
    pub(super) done: Vec<String>,
    pub(super) vote: String,
    pub(super) voted: String,
    pub(super) private: String,
    weekdays: [String; 7],
}

impl Default for Words {
    fn default() -> Self {
        let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            choose: "Write a number, or ask in your own words.".to_owned(),
            people: "0  Talk to a person".to_owned(),
            calling: "One moment, I will call somebody for you.".to_owned(),
            leave_message: "Please leave a message and tell us how to reach you. We will read it when we are back on {day} at {time}.".to_owned(),
            message_taken: "Thank you. We have your message.".to_owned(),
            unknown: "I do not know the answer.".to_owned(),
            was_that_all: "Is that all? Then write “done”.".to_owned(),
            done: all(&["done", "thanks", "thank you", "bye"]),
            vote: "How was this chat, from 1 (bad) to 5 (good)?".to_owned(),
            voted: "Thank you, and goodbye!".to_owned(),
            private: "I answer clients of open channels: choose me as the bot of a line. In this chat I only answer questions.".to_owned(),
            weekdays: [
                "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
            ]
            .map(str::to_owned),
        }
    }
}

/// The file cannot be read, or is invalid.
#[derive(Debug)]
pub struct FileError(String);

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FileError {}

impl Office {
    /// Returns the office of the file that the environment names, or of the sample.
    pub(super) fn from_env() -> Result<Self, FileError> {
        let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else {
            return Self::read(SAMPLE, "sample.toml");
        };
        let name = path.display().to_string();
        let unreadable =
            |error| FileError(format!("{name}, named by {FILE}, cannot be read: {error}"));
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        Self::read(&text, &name)
    }

    /// Returns the office of a file's text. An error contains the file's name and the line.
    pub(super) fn read(text: &str, name: &str) -> Result<Self, FileError> {
        let invalid = |error| FileError(format!("{name} is not a valid front desk file: {error}"));
        toml::from_str(text).map_err(invalid)
    }

    /// Returns true during working hours.
    pub(super) fn is_open(&self, now: Time) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.is_open(now))
    }

    /// Returns a text with the day and the time when working hours start again.
    pub(super) fn with_opening(&self, text: &str, now: Time) -> String {
        let Some(hours) = &self.hours else {
            return text.to_owned();
        };
        let (day, time) = hours.opens(now);
        let day = &self.words.weekdays[day];
        text.replace("{day}", day).replace("{time}", &time)
    }

    /// Returns the topic with this number or name.
    pub(super) fn topic(&self, text: &str) -> Option<&Topic> {
        let Topics(topics) = &self.topics;
        let index = text
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let by_number = index.and_then(|index| topics.get(index));
        by_number.or_else(|| topics.iter().find(|topic| is_same(&topic.name, text)))
    }

    /// Returns true if the client has no more questions.
    pub(super) fn is_done(&self, text: &str) -> bool {
        let text = text.trim_end_matches(['.', '!']);
        self.words.done.iter().any(|word| is_same(word, text))
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

impl TryFrom<Vec<Topic>> for Topics {
    type Error = String;

    fn try_from(topics: Vec<Topic>) -> Result<Self, String> {
        match topics.len() {
            1..=TOPICS_MAX => Ok(Self(topics)),
            number => Err(format!("{number} topics; there must be 1 to {TOPICS_MAX}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "greeting = 'Hi'\naway = 'Away'\n[[topics]]\nname = 'Bills'\nline = 3\n";

    #[test]
    fn the_sample_shows_every_key_with_its_default() {
        let office = Office::read(SAMPLE, "sample.toml").unwrap();
        assert_eq!(office.words, Words::default());
        assert!(office.hours.is_some() && !office.questions.is_empty());
    }

    #[test]
    fn optional_keys_have_defaults() {
        let office = Office::read(SMALL, "desk.toml").unwrap();
        assert!(office.is_open(Time(0)));
        assert_eq!(office.topic("1").unwrap().line, Some(LineId(3)));
        assert_eq!(office.topic("BILLS").unwrap().name, "Bills");
        assert!(office.topic("2").is_none() && office.topic("0").is_none());
        assert!(office.is_done("Thank you!") && !office.is_done("thanks for what?"));
    }

    #[test]
    fn an_error_contains_the_file_and_the_line() {
        let check = |text: &str, line: usize, word: &str| {
            let error = Office::read(text, "desk.toml").unwrap_err().to_string();
            let place = format!("line {line},");
            assert!(
                error.contains("desk.toml") && error.contains(word),
                "{error}"
            );
            assert!(error.contains(&place), "{place} {error}");
        };
        let hours = |hours: &str| format!("{SMALL}[hours]\n{hours}");
        check("greeting = 'Hi", 1, "string");
        check(&format!("{SMALL}lines = 4\n"), 6, "lines");
        check(
            &hours("days = ['Someday']\nfrom = '09:00'\nto = '18:00'\nutc_offset = '+00:00'"),
            6,
            "Someday",
        );
        check(
            &hours("days = ['Monday']\nfrom = '19:00'\nto = '18:00'\nutc_offset = '+00:00'"),
            6,
            "before",
        );
        check(
            "greeting = 'Hi'\naway = 'Away'\ntopics = []\n",
            3,
            "0 topics",
        );
    }
}
