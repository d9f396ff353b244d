//! The talk with a person: what was said, within bounds.

use serde::{Deserialize, Serialize};

/// Maximum number of messages of a talk that are remembered.
pub const HISTORY_MESSAGES_MAX: usize = 40;
/// Maximum length of all remembered messages of a talk together, in characters.
pub const HISTORY_CHARS_MAX: usize = 24_000;

/// What was said in a chat, oldest first: the state of the conversation. The model's instructions
/// are not in it, so they are never dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Talk {
    said: Vec<Said>,
}

/// A message of a talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) by: By,
    pub(super) text: String,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    Person,
    Assistant,
}

impl Talk {
    /// Returns what was said, oldest first.
    pub(super) fn said(&self) -> &[Said] {
        &self.said
    }

    /// Adds what a person said.
    pub(super) fn add_question(&mut self, text: impl Into<String>) {
        self.add(By::Person, text.into());
    }

    /// Adds what the assistant said. Nothing is added if it said nothing.
    pub(super) fn add_answer(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !text.trim().is_empty() {
            self.add(By::Assistant, text);
        }
    }

    /// Removes the last message if a person said it, because it was not answered.
    pub(super) fn drop_question(&mut self) {
        self.said.pop_if(|said| said.by == By::Person);
    }

    fn add(&mut self, by: By, text: String) {
        self.said.push(Said { by, text });
        let surplus = self.surplus();
        self.said.drain(..surplus);
    }

    /// Returns how many of the oldest messages are over a bound. The last message stays, and the
    /// first is one of a person, since many models accept no other.
    fn surplus(&self) -> usize {
        let last = self.said.len().saturating_sub(1);
        let mut chars = 0;
        let fitting = self.said.iter().rev().take(HISTORY_MESSAGES_MAX);
        let fitting = fitting.take_while(|said| {
            chars += said.text.chars().count();
            chars <= HISTORY_CHARS_MAX
        });
        let first = self.said.len() - fitting.count();
        let is_answer = |said: &&Said| said.by == By::Assistant;
        let answers = self.said.iter().skip(first).take_while(is_answer).count();
        let is_cut = first > 0;
        (first + if is_cut { answers } else { 0 }).min(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(messages: usize, chars: usize) -> Talk {
        let mut talk = Talk::default();
        for number in 0..messages {
            let text = format!("{number:0chars$}");
            if number % 2 == 0 {
                talk.add_question(text);
            } else {
                talk.add_answer(text);
            }
        }
        talk
    }

    fn numbers(talk: &Talk) -> Vec<usize> {
        let number = |said: &Said| said.text.parse().unwrap();
        talk.said().iter().map(number).collect()
    }

    #[test]
    fn the_oldest_messages_are_dropped_first() {
        assert_eq!(numbers(&talk(5, 1)), [0, 1, 2, 3, 4]);
        let many = talk(HISTORY_MESSAGES_MAX + 3, 1);
        assert_eq!(numbers(&many), Vec::from_iter(4..HISTORY_MESSAGES_MAX + 3));
        let long = talk(9, HISTORY_CHARS_MAX / 4);
        assert_eq!(numbers(&long), [6, 7, 8]);
        let huge = talk(3, HISTORY_CHARS_MAX + 1);
        assert_eq!(numbers(&huge), [2]);
    }

    #[test]
    fn an_unanswered_question_can_be_dropped_and_an_answer_stays() {
        let mut talk = talk(3, 1);
        talk.drop_question();
        assert_eq!(numbers(&talk), [0, 1]);
        talk.drop_question();
        talk.add_answer(" ");
        assert_eq!(numbers(&talk), [0, 1]);
    }
}
