//! A bot that receives the clients of an open channel, answers what it knows, and calls people for the rest.
//!
//! ```text
//! Eve        hello
//! Front desk Hello! This is the front desk.
//!            1  Orders and delivery
//!            2  Bills
//!            3  Something else
//!            0  To a person
//!            Write a number, or ask in your own words.
//! Eve        What is the price of delivery?
//! Front desk Delivery costs 4 euros, and nothing from 50 euros on.
//!            Was that all? Then write “done”.
//! Eve        2
//! Front desk One moment, I call somebody for you.     (operators read: The client asks for: Bills)
//! ```
//!
//! When nobody is there it says so, takes a message, and lets the chat wait in the queue with it:
//!
//! ```text
//! Eve        2
//! Front desk Please leave a message, and how we reach you; it is read when we are back on Monday at 09:00.
//! Eve        My bill is wrong. eve@example.com
//! Front desk Thank you. Your message waits for us.    (operators read: A message out of hours, Bills: My bill …)
//! ```
//!
//! What it says and knows stands in a file ([`FILE`], `sample.toml`). Clients of messengers see no buttons, so there are
//! numbers; `0` is the portal's own word, which brings a client to people even without us.
//!
//! **The vote.** Who has no more questions is asked for a mark from 1 to 5. The portal has no place for a client's mark that a
//! bot could write to: `imopenlines.session.head.vote` keeps the opinion of the operators' head, and a client's mark would
//! stand there under another's name. So it is a note for operators in the session's history, and a line in the log.

mod hours;
mod office;
mod questions;

use imbot::handler::BotColor;
use imbot::prelude::*;
use serde::{Deserialize, Serialize};

pub use office::{FILE, FileError};
use office::{Office, Topic};

/// How much of a message is repeated in a note for operators.
const NOTE_CHARS_MAX: usize = 1_000;

/// Receives clients.
#[derive(Clone, Debug)]
pub struct Frontdesk {
    office: Office,
}

/// Where the conversation with a client stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub enum Talk {
    /// The client asks.
    #[default]
    Asks,
    /// The client has just been greeted, and may only say hello.
    Greeted,
    /// The client is to leave a message on this topic.
    Leaves(String),
    /// The client is to vote.
    Votes,
}

impl Frontdesk {
    /// The front desk of the file that [`FILE`] names, or of the one for trying.
    ///
    /// # Errors
    /// The file cannot be read, or a mistake is in it.
    pub fn from_env() -> Result<Frontdesk, FileError> {
        Ok(Frontdesk {
            office: Office::from_env()?,
        })
    }

    /// The front desk of a file's text.
    ///
    /// # Errors
    /// A mistake is in it.
    pub fn read(text: &str) -> Result<Frontdesk, FileError> {
        Ok(Frontdesk {
            office: Office::read(text, "the text")?,
        })
    }

    fn greeting(&self, cx: &Context<Talk>) -> String {
        match self.office.is_open(cx.now()) {
            true => self.office.greeting.clone(),
            false => self.office.with_opening(&self.office.away, cx.now()),
        }
    }

    /// What can be chosen, below a sentence.
    fn menu(&self, above: &str, cx: &Context<Talk>) -> Text {
        let words = &self.office.words;
        let topics = self.office.topics.0.iter().enumerate();
        let mut text = topics.fold(Text::new().bb(above), |text, (place, topic)| {
            text.line()
                .plain(format_args!("{}  {}", place + 1, topic.name))
        });
        if self.office.is_open(cx.now()) {
            text = text.line().bb(&words.people);
        }
        text.line().bb(&words.choose)
    }

    /// Calls people for a topic, or takes a message while they are away.
    fn choose(&self, cx: &mut Context<Talk>, topic: &Topic) {
        let Topic { name, line } = topic;
        let words = &self.office.words;
        if !self.office.is_open(cx.now()) {
            cx.say(self.office.with_opening(&words.leave_message, cx.now()));
            cx.state = Talk::Leaves(name.clone());
            return;
        }
        cx.say(&words.calling);
        cx.whisper(Text::new().plain("The client asks for: ").bold(name));
        hand_over(cx, *line);
    }

    /// Keeps a message for people, who find the chat in their queue.
    fn take(&self, cx: &mut Context<Talk>, topic: &str, message: &str) {
        let short: String = message.chars().take(NOTE_CHARS_MAX).collect();
        let note = format_args!("A message out of hours, {topic}: {short}");
        cx.say(&self.office.words.message_taken);
        cx.whisper(Text::new().plain(note));
        hand_over(cx, self.office.topic(topic).and_then(|topic| topic.line));
    }

    fn count(&self, cx: &mut Context<Talk>, vote: u8) {
        tracing::info!(conversation = %cx.dialog(), vote, "a client has voted");
        cx.say(&self.office.words.voted);
        cx.whisper(format!("The client's vote: {vote} of 5"));
        cx.finish();
    }

    /// Answers what was asked; `is_hello` if the menu was shown just before.
    fn answer(&self, cx: &mut Context<Talk>, said: &str, is_hello: bool) {
        let words = &self.office.words;
        if self.office.is_done(said) {
            cx.say(&words.vote);
            cx.state = Talk::Votes;
        } else if let Some(topic) = self.office.topic(said) {
            self.choose(cx, topic);
        } else if let Some(answer) = questions::answer(&self.office.questions, said) {
            cx.say(Text::new().bb(answer).line().bb(&words.was_that_all));
        } else if !is_hello {
            cx.say(self.menu(&words.unknown, cx));
        }
    }

    /// In a private chat there is nobody to call.
    fn explain(&self, cx: &Context<Talk>, said: &str) {
        let known = questions::answer(&self.office.questions, said);
        cx.say(known.unwrap_or(&self.office.words.private));
    }
}

impl Bot<Talk> for Frontdesk {
    fn profile(&self) -> Profile {
        Profile::new("frontdesk", "Front desk")
            .color(BotColor::DarkBlue)
            .work_position("Receives clients")
            .serves_open_channels()
    }

    async fn session_started(&self, cx: &mut Context<Talk>, _: Option<SessionId>) -> Result {
        cx.say(self.menu(&self.greeting(cx), cx));
        cx.state = Talk::Greeted;
        Ok(())
    }

    async fn join(&self, cx: &mut Context<Talk>, _: Join) -> Result {
        if cx.line().is_none() {
            self.explain(cx, "");
        }
        Ok(())
    }

    async fn message(&self, cx: &mut Context<Talk>, message: Message) -> Result {
        let said = message.text.as_str();
        if cx.line().is_none() {
            self.explain(cx, said);
            return Ok(());
        }
        match std::mem::take(&mut cx.state) {
            Talk::Leaves(topic) => self.take(cx, &topic, said),
            Talk::Votes => match vote(said) {
                Some(vote) => self.count(cx, vote),
                None => self.answer(cx, said, false),
            },
            Talk::Greeted => self.answer(cx, said, true),
            Talk::Asks => self.answer(cx, said, false),
        }
        Ok(())
    }
}

fn hand_over(cx: &Context<Talk>, line: Option<LineId>) {
    match line {
        Some(line) => cx.transfer(line, true),
        None => cx.to_operator(),
    }
}

fn vote(said: &str) -> Option<u8> {
    said.parse().ok().filter(|vote| (1..=5).contains(vote))
}
