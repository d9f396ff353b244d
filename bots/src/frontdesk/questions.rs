//! Questions that the bot answers without an operator.
//!
//! A message asks a question if it contains all words of one of the question's phrases, in any
//! order and case. If it asks several, the longest phrase decides, then the first question.

use std::cmp::Reverse;
use std::collections::HashSet;

use serde::Deserialize;

/// A question and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// Phrases that ask the question.
    pub(super) asked: Vec<String>,
    /// The answer, which may contain BB codes.
    pub(super) answer: String,
}

/// Returns the answer to the question that a message asks, if any.
pub(super) fn answer<'q>(questions: &'q [Question], message: &str) -> Option<&'q str> {
    let message: HashSet<String> = words(message).collect();
    let matches = questions
        .iter()
        .filter_map(|question| Some((question, question.longest_match(&message)?)));
    let best = matches.min_by_key(|(_, length)| Reverse(*length))?;
    Some(&best.0.answer)
}

impl Question {
    /// Returns the number of words of the longest phrase that the message contains.
    fn longest_match(&self, message: &HashSet<String>) -> Option<usize> {
        let words_of = |phrase: &String| words(phrase).collect::<Vec<_>>();
        let phrases = self.asked.iter().map(words_of);
        let matching = phrases.filter(|words| words.iter().all(|word| message.contains(word)));
        matching
            .map(|words| words.len())
            .filter(|number| *number > 0)
            .max()
    }
}

/// Returns the words of a text, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|char: char| !char.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: Option<&str>) {
        let question = |asked: &[&str], answer: &str| Question {
            asked: asked.iter().map(|phrase| (*phrase).to_owned()).collect(),
            answer: answer.to_owned(),
        };
        let questions = [
            question(&["delivery"], "any"),
            question(&["delivery price", "shipping"], "price"),
            question(&["price"], "first"),
            question(&["price"], "second"),
            question(&["доставка", "!"], "russian"),
        ];
        assert_eq!(answer(&questions, message), expected, "{message}");
    }

    #[test]
    fn a_question_is_asked_by_all_words_of_a_phrase_and_the_longest_phrase_wins() {
        check("What is the price of a delivery?", Some("price"));
        check("SHIPPING", Some("price"));
        check("delivery, please", Some("any"));
        check("the price", Some("first"));
        check("Сколько стоит ДОСТАВКА?", Some("russian"));
    }

    #[test]
    fn a_part_of_a_word_asks_no_question() {
        for message in ["deliveries", "prices", "", "!", "hello"] {
            check(message, None);
        }
    }
}
