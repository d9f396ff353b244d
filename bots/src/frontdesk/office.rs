//! The front desk's file: what it says, which topics it offers, and when people are there.
//!
//! `sample.toml` has everything that can stand in it. What is unknown or wrong there is told with its line, at the start.

use std::fmt;
use std::path::PathBuf;

use imbot::prelude::LineId;
use imbot::store::Time;
use serde::Deserialize;

use super::hours::Hours;
use super::questions::Question;

/// Names the file; without it there is one for trying.
pub const FILE: &str = "FRONTDESK_FILE";
const SAMPLE: &str = include_str!("sample.toml");
/// Topics, so that a number is a digit and the menu fits on a telephone.
const TOPICS_MAX: usize = 9;

/// All that a front desk is told.
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

/// What clients choose from: one topic at least.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Topic>")]
pub(super) struct Topics(pub(super) Vec<Topic>);

/// Something that people are there for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    pub(super) name: String,
    /// The line whose queue takes the chat; without one, a free operator of the client's own line does.
    pub(super) line: Option<LineId>,
}

/// The desk's own words.
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
    fn default() -> Words {
        let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Words {
            choose: "Write a number, or ask in your own words.".to_owned(),
            people: "0  To a person".to_owned(),
            calling: "One moment, I call somebody for you.".to_owned(),
            leave_message: "Please leave a message, and how we reach you; it is read when we are back on {day} at {time}.".to_owned(),
            message_taken: "Thank you. Your message waits for us.".to_owned(),
            unknown: "I do not know that.".to_owned(),
            was_that_all: "Was that all? Then write “done”.".to_owned(),
            done: all(&["done", "thanks", "thank you", "bye"]),
            vote: "How was it, from 1 (bad) to 5 (good)?".to_owned(),
            voted: "Thank you, and goodbye!".to_owned(),
            private: "I receive the clients of open channels: choose me as the bot of a line. Here I only answer questions.".to_owned(),
            weekdays: [
                "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
            ]
            .map(str::to_owned),
        }
    }
}

/// Why there is no front desk.
#[derive(Debug)]
pub struct FileError(String);

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FileError {}

impl Office {
    /// The office of the file that the environment names, or of the one for trying.
    pub(super) fn from_env() -> Result<Office, FileError> {
        let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else {
            return Office::read(SAMPLE, "sample.toml");
        };
        let name = path.display().to_string();
        let wrong = |error| {
            FileError(format!(
                "{name}, which {FILE} names, cannot be read: {error}"
            ))
        };
        let text = std::fs::read_to_string(&path).map_err(wrong)?;
        Office::read(&text, &name)
    }

    /// The office of a file's text. Mistakes are told with the file's name and their line.
    pub(super) fn read(text: &str, name: &str) -> Result<Office, FileError> {
        let wrong = |error| FileError(format!("{name} is no front desk's file: {error}"));
        toml::from_str(text).map_err(wrong)
    }

    /// Whether people are there.
    pub(super) fn is_open(&self, now: Time) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.is_open(now))
    }

    /// A text with the day and the time when people come back.
    pub(super) fn with_opening(&self, text: &str, now: Time) -> String {
        let Some(hours) = &self.hours else {
            return text.to_owned();
        };
        let (day, time) = hours.opens(now);
        let day = &self.words.weekdays[day];
        text.replace("{day}", day).replace("{time}", &time)
    }

    /// The topic of this number or name.
    pub(super) fn topic(&self, said: &str) -> Option<&Topic> {
        let Topics(topics) = &self.topics;
        let place = said
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let by_number = place.and_then(|place| topics.get(place));
        by_number.or_else(|| topics.iter().find(|topic| is_same(&topic.name, said)))
    }

    /// Whether the client has nothing more to ask.
    pub(super) fn is_done(&self, said: &str) -> bool {
        let said = said.trim_end_matches(['.', '!']);
        self.words.done.iter().any(|word| is_same(word, said))
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

impl TryFrom<Vec<Topic>> for Topics {
    type Error = String;

    fn try_from(topics: Vec<Topic>) -> Result<Topics, String> {
        match topics.len() {
            1..=TOPICS_MAX => Ok(Topics(topics)),
            number => Err(format!("{number} topics: there can be 1 to {TOPICS_MAX}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "greeting = 'Hi'\naway = 'Away'\n[[topics]]\nname = 'Bills'\nline = 3\n";

    #[test]
    fn the_file_for_trying_shows_everything_and_the_defaults() {
        let office = Office::read(SAMPLE, "sample.toml").unwrap();
        assert_eq!(office.words, Words::default());
        assert!(office.hours.is_some() && !office.questions.is_empty());
    }

    #[test]
    fn a_small_file_is_enough() {
        let office = Office::read(SMALL, "desk.toml").unwrap();
        assert!(office.is_open(Time(0)));
        assert_eq!(office.topic("1").unwrap().line, Some(LineId(3)));
        assert_eq!(office.topic("BILLS").unwrap().name, "Bills");
        assert!(office.topic("2").is_none() && office.topic("0").is_none());
        assert!(office.is_done("Thank you!") && !office.is_done("thanks for what?"));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
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
