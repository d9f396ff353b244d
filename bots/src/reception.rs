//! A bot for a line: welcomes clients, answers what it knows, and fetches people.
//!
//! ```text
//! Visitor    Hello
//! Reception  Welcome! Ask me for our hours, or write “people”, and somebody comes.
//! Reception  That is beyond me. Shall I fetch somebody? Write “people”.
//! Visitor    When do your opening hours begin?
//! Reception  We are here from Monday to Friday, nine to six.
//! Visitor    people
//! Reception  One moment, I call somebody.
//! Ann        Good morning, what can I do for you?
//! ```

use imbot::prelude::*;

/// Answers what it knows, by a word that the question has, and fetches people.
#[derive(Clone, Debug)]
pub struct Reception {
    welcome: String,
    answers: Vec<(String, String)>,
}

impl Reception {
    /// One that welcomes with these words and knows nothing yet.
    pub fn new(welcome: impl Into<String>) -> Reception {
        Reception {
            welcome: welcome.into(),
            answers: Vec::new(),
        }
    }

    /// Answers this to what has this word in it.
    #[must_use]
    pub fn answer(mut self, word: &str, answer: impl Into<String>) -> Reception {
        self.answers.push((word.to_lowercase(), answer.into()));
        self
    }

    /// That of an office.
    pub fn office() -> Reception {
        Reception::new("Welcome! Ask me for our hours, or write “people”, and somebody comes.")
            .answer("hours", "We are here from Monday to Friday, nine to six.")
    }
}

impl Bot for Reception {
    fn profile(&self) -> Profile {
        Profile::new("reception", "Reception")
            .work_position("Welcomes clients on a line")
            .serves_open_channels()
    }

    async fn join(&self, cx: &mut Context, _: Join) -> Result {
        if cx.line().is_none() {
            cx.say(&self.welcome); // on a line, the session's beginning is the moment
        }
        Ok(())
    }

    async fn session_started(&self, cx: &mut Context, _: Option<SessionId>) -> Result {
        cx.say(&self.welcome);
        Ok(())
    }

    async fn message(&self, cx: &mut Context, message: Message) -> Result {
        let said = message.said().to_lowercase();
        let known = self.answers.iter().find(|(word, _)| said.contains(word));
        if said.contains("people") && cx.line().is_some() {
            cx.say("One moment, I call somebody.");
            cx.to_operator();
        } else if let Some((_, answer)) = known {
            cx.say(answer);
        } else {
            cx.say("That is beyond me. Shall I fetch somebody? Write “people”.");
        }
        Ok(())
    }
}
