//! A bot for the clients of an open channel: it answers the questions in its file, and calls an
//! operator for all others.
//!
//! ```text
//! Eve        hello
//! Front desk Hello! This is the front desk.
//!            1  Orders and delivery
//!            2  Bills
//!            3  Something else
//!            0  Talk to a person
//!            Write a number, or ask in your own words.
//! Eve        What is the price of delivery?
//! Front desk Delivery costs 4 euros, and nothing from 50 euros on.
//!            Is that all? Then write “done”.
//! Eve        2
//! Front desk One moment, I will call somebody for you.   (operators read: The client asks for
//!            Bills)
//! ```
//!
//! Outside working hours it says so, asks for a message, and puts the chat into the queue:
//!
//! ```text
//! Eve        2
//! Front desk Please leave a message and tell us how to reach you. We will read it when we are back
//!            on Monday at 09:00.
//! Eve        My bill is wrong. eve@example.com
//! Front desk Thank you. We have your message.  (operators read: A message out of hours, Bills: …)
//! ```
//!
//! Its texts, topics and answers are in a file ([`FILE`], `sample.toml`). Clients of messengers see
//! no buttons, so choices have numbers; `0` is the portal's own command, which calls an operator
//! even without the bot.
//!
//! **The rating.** When a client has no more questions, the bot asks for a rating from 1 to 5. A
//! bot cannot store it on the portal: `imopenlines.session.head.vote` is for the supervisor's
//! opinion, and the client's rating would appear there under another name. So the rating is a note
//! for operators in the session's history, and a line in the log.

mod hours;
mod office;
mod questions;

use imbot::handler::BotColor;
use imbot::prelude::*;
use serde::{Deserialize, Serialize};

pub use office::{FILE, FileError};
use office::{Office, Topic};

/// Maximum length of a client's message in a note for operators, in characters.
const NOTE_CHARS_MAX: usize = 1_000;

/// Answers clients of open channels.
#[derive(Clone, Debug)]
pub struct Frontdesk {
    office: Office,
}

/// The current step of the conversation with a client.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub enum Step {
    /// The client asks questions.
    #[default]
    #[serde(rename = "Asks")]
    Questions,
    /// The client has just been greeted, so a greeting in return is not a question.
    Greeted,
    /// The client is asked for a message about this topic.
    #[serde(rename = "Leaves")]
    Message(String),
    /// The client is asked for a rating.
    #[serde(rename = "Votes")]
    Rating,
}

impl Frontdesk {
    /// Returns the front desk of the file that the environment variable [`FILE`] names, or of the
    /// sample.
    ///
    /// # Errors
    /// The file cannot be read, or is invalid.
    pub fn from_env() -> Result<Self, FileError> {
        Ok(Self {
            office: Office::from_env()?,
        })
    }

    /// Returns the front desk of a file's text.
    ///
    /// # Errors
    /// The text is invalid.
    pub fn read(text: &str) -> Result<Self, FileError> {
        Ok(Self {
            office: Office::read(text, "the text")?,
        })
    }

    fn greeting(&self, cx: &Context<Step>) -> String {
        if self.office.is_open(cx.now()) {
            self.office.greeting.clone()
        } else {
            self.office.with_opening(&self.office.away, cx.now())
        }
    }

    /// Returns the menu of topics below a sentence.
    fn menu(&self, above: &str, cx: &Context<Step>) -> Text {
        let words = &self.office.words;
        let topics = self.office.topics.0.iter().enumerate();
        let mut text = topics.fold(Text::new().bb(above), |text, (index, topic)| {
            text.line()
                .plain(format_args!("{}  {}", index + 1, topic.name))
        });
        if self.office.is_open(cx.now()) {
            text = text.line().bb(&words.people);
        }
        text.line().bb(&words.choose)
    }

    /// Calls an operator for a topic, or asks for a message outside working hours.
    fn choose(&self, cx: &mut Context<Step>, topic: &Topic) {
        let Topic { name, line } = topic;
        let words = &self.office.words;
        if !self.office.is_open(cx.now()) {
            cx.say(self.office.with_opening(&words.leave_message, cx.now()));
            cx.state = Step::Message(name.clone());
            return;
        }
        cx.say(&words.calling);
        cx.whisper(Text::new().plain("The client asks for: ").bold(name));
        hand_over(cx, *line);
    }

    /// Passes a message on to the operators, who find the chat in their queue.
    fn leave_message(&self, cx: &mut Context<Step>, topic: &str, message: &str) {
        let short: String = message.chars().take(NOTE_CHARS_MAX).collect();
        let note = format_args!("A message out of hours, {topic}: {short}");
        cx.say(&self.office.words.message_taken);
        cx.whisper(Text::new().plain(note));
        hand_over(cx, self.office.topic(topic).and_then(|topic| topic.line));
    }

    fn record_rating(&self, cx: &mut Context<Step>, rating: u8) {
        tracing::info!(conversation = %cx.dialog(), rating, "a client gave a rating");
        cx.say(&self.office.words.voted);
        cx.whisper(format!("The client's rating: {rating} of 5"));
        cx.finish();
    }

    /// Answers a message. `is_greeted` is true if the menu has just been shown.
    fn answer(&self, cx: &mut Context<Step>, text: &str, is_greeted: bool) {
        let words = &self.office.words;
        if self.office.is_done(text) {
            cx.say(&words.vote);
            cx.state = Step::Rating;
        } else if let Some(topic) = self.office.topic(text) {
            self.choose(cx, topic);
        } else if let Some(answer) = questions::answer(&self.office.questions, text) {
            cx.say(Text::new().bb(answer).line().bb(&words.was_that_all));
        } else if !is_greeted {
            cx.say(self.menu(&words.unknown, cx));
        }
    }

    /// Answers a message in a private chat, where there is no operator to call.
    fn answer_privately(&self, cx: &Context<Step>, text: &str) {
        let answer = questions::answer(&self.office.questions, text);
        cx.say(answer.unwrap_or(&self.office.words.private));
    }
}

impl Bot<Step> for Frontdesk {
    fn profile(&self) -> Profile {
        Profile::new("frontdesk", "Front desk")
            .color(BotColor::DarkBlue)
            .work_position("Answers clients")
            .serves_open_channels()
    }

    async fn session_started(&self, cx: &mut Context<Step>, _: Option<SessionId>) -> Result {
        cx.say(self.menu(&self.greeting(cx), cx));
        cx.state = Step::Greeted;
        Ok(())
    }

    async fn join(&self, cx: &mut Context<Step>, _: Join) -> Result {
        if cx.line().is_none() {
            self.answer_privately(cx, "");
        }
        Ok(())
    }

    async fn message(&self, cx: &mut Context<Step>, message: Message) -> Result {
        let text = message.text.as_str();
        if cx.line().is_none() {
            self.answer_privately(cx, text);
            return Ok(());
        }
        match std::mem::take(&mut cx.state) {
            Step::Message(topic) => self.leave_message(cx, &topic, text),
            Step::Rating => match rating(text) {
                Some(rating) => self.record_rating(cx, rating),
                None => self.answer(cx, text, false),
            },
            Step::Greeted => self.answer(cx, text, true),
            Step::Questions => self.answer(cx, text, false),
        }
        Ok(())
    }
}

fn hand_over(cx: &Context<Step>, line: Option<LineId>) {
    match line {
        Some(line) => cx.transfer(line, true),
        None => cx.to_operator(),
    }
}

fn rating(text: &str) -> Option<u8> {
    text.parse().ok().filter(|rating| (1..=5).contains(rating))
}
