//! Questions that need nobody, and which of them is meant.
//!
//! No guessing: a question is meant when all words of one of its phrases are in what was said, in whatever order and case.
//! Of several the one with the longest phrase is, since it says most; then the first.

use std::cmp::Reverse;
use std::collections::HashSet;

use serde::Deserialize;

/// A question and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// Phrases, any of which asks it.
    pub(super) asked: Vec<String>,
    /// What is answered; may have BB codes.
    pub(super) answer: String,
}

/// The answer to the question that is meant, if one is.
pub(super) fn answer<'q>(questions: &'q [Question], said: &str) -> Option<&'q str> {
    let said: HashSet<String> = words(said).collect();
    let fits = questions
        .iter()
        .filter_map(|question| Some((question, question.fit(&said)?)));
    let best = fits.min_by_key(|(_, fit)| Reverse(*fit))?;
    Some(&best.0.answer)
}

impl Question {
    /// The number of words in the longest phrase that is in what was said.
    fn fit(&self, said: &HashSet<String>) -> Option<usize> {
        let words_of = |phrase: &String| words(phrase).collect::<Vec<_>>();
        let phrases = self.asked.iter().map(words_of);
        let fitting = phrases.filter(|words| words.iter().all(|word| said.contains(word)));
        fitting
            .map(|words| words.len())
            .filter(|number| *number > 0)
            .max()
    }
}

/// The words in a text, in small letters.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|char: char| !char.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: Option<&str>) {
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
        assert_eq!(answer(&questions, said), expected, "{said}");
    }

    #[test]
    fn all_words_of_a_phrase_mean_a_question_and_more_words_mean_it_more() {
        check("What is the price of a delivery?", Some("price"));
        check("SHIPPING", Some("price"));
        check("delivery, please", Some("any"));
        check("the price", Some("first"));
        check("Сколько стоит ДОСТАВКА?", Some("russian"));
    }

    #[test]
    fn a_part_of_a_word_or_nothing_means_no_question() {
        for said in ["deliveries", "prices", "", "!", "hello"] {
            check(said, None);
        }
    }
}
