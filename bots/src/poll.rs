//! A bot that lets a group vote.
//!
//! ```text
//! Ann    /poll "Where do we eat?" Pizza Sushi "The usual"
//! Poll   Where do we eat?
//!        □□□□□□□□ 0 · Pizza
//!        □□□□□□□□ 0 · Sushi
//!        □□□□□□□□ 0 · The usual     [Pizza] [Sushi] [The usual] [Close]
//! Ann    presses [Sushi], Boris too
//! Poll   ■■■■■■■■ 2 · Sushi …       (the same message, edited)
//! Ann    presses [Close]
//! Poll   Where do we eat? Sushi, with 2 of 2 votes.
//! ```
//!
//! One poll at a time, one vote a person; who presses another button has changed their mind. A button carries the number
//! of its poll, so one of an old message, or a command typed by hand, does nothing to the poll that runs.

use std::collections::BTreeMap;

use imbot::event::MessageId;
use imbot::handler::BotColor;
use imbot::prelude::*;
use serde::{Deserialize, Serialize};

/// Lets a group vote.
#[derive(Clone, Copy, Debug)]
pub struct Poll;

/// A poll that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vote {
    /// The line that asked for it: no other poll has this number.
    id: MessageId,
    /// Who asked for it, and may close it.
    by: Option<UserId>,
    question: String,
    options: Vec<String>,
    votes: BTreeMap<UserId, usize>,
    /// The message that shows how it stands.
    message: MessageRef,
}

/// The most options.
const OPTIONS_MAX: usize = 10;
/// The longest question or option, in characters.
const CHARS_MAX: usize = 200;
/// How many squares a bar has.
const BAR: usize = 8;

impl Bot<Option<Vote>> for Poll {
    fn profile(&self) -> Profile {
        Profile::new("poll", "Poll")
            .color(BotColor::Purple)
            .work_position("Counts votes")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("poll", "Let the group vote")
                .params("\"<question>\" <option> <option> …"),
            CommandSpec::new("endpoll", "Close the poll"),
            CommandSpec::new("vote", "Vote")
                .params("<poll> <option>")
                .hidden(),
        ]
    }

    async fn join(&self, cx: &mut Context<Option<Vote>>, _: Join) -> Result {
        cx.say(manual(cx.dialog()));
        Ok(())
    }

    async fn message(&self, cx: &mut Context<Option<Vote>>, _: Message) -> Result {
        cx.say(manual(cx.dialog()));
        Ok(())
    }

    async fn command(&self, cx: &mut Context<Option<Vote>>, command: Command) -> Result {
        match command.name.as_str() {
            "poll" => start(cx, &command),
            "vote" => vote(cx, &command),
            _ => close(cx),
        }
    }
}

fn manual(dialog: &DialogId) -> Text {
    let example = r#"/poll "Where do we eat?" Pizza Sushi "The usual""#;
    if dialog.is_group() {
        Text::new()
            .plain("I let you vote. Try ")
            .put(example, example)
    } else {
        Text::new()
            .plain("I let a group vote, and the two of us are none. Invite me to a chat, and say there: ")
            .code(example)
    }
}

fn start(cx: &mut Context<Option<Vote>>, command: &Command) -> Result {
    let (question, options): (String, Vec<String>) = command.args()?;
    if !cx.dialog().is_group() {
        return Err(tell(manual(cx.dialog())));
    }
    if let Some(running) = &cx.state {
        let first = Text::new()
            .plain("First close the poll that runs: ")
            .bold(&running.question);
        return Err(tell(
            Draft::new(first).keyboard(Button::command("Close it", "endpoll", "")),
        ));
    }
    if !(2..=OPTIONS_MAX).contains(&options.len()) {
        return Err(tell(format!(
            "A poll has 2 to {OPTIONS_MAX} options; this one has {}.",
            options.len()
        )));
    }
    let fits = |text: &String| !text.trim().is_empty() && text.chars().count() <= CHARS_MAX;
    if !fits(&question) || !options.iter().all(fits) {
        return Err(tell(format!(
            "A question or an option has 1 to {CHARS_MAX} characters."
        )));
    }
    let said = cx.say("…");
    let vote = Vote {
        id: command.message,
        by: cx.sender(),
        question,
        options,
        votes: BTreeMap::new(),
        message: said.reference(),
    };
    said.edit(vote.tally()).keyboard(vote.keyboard());
    cx.state = Some(vote);
    Ok(())
}

fn vote(cx: &mut Context<Option<Vote>>, command: &Command) -> Result {
    let (id, option): (MessageId, usize) = command.args()?;
    let by = cx.sender();
    let poll = cx
        .state
        .as_mut()
        .filter(|poll| poll.id == id && option < poll.options.len());
    let (Some(poll), Some(by)) = (poll, by) else {
        return Err(tell("This poll is over."));
    };
    if poll.votes.insert(by, option) != Some(option) {
        let (message, tally) = (poll.message, poll.tally());
        cx.message(message).edit(tally);
    }
    Ok(())
}

fn close(cx: &mut Context<Option<Vote>>) -> Result {
    let by = cx.sender();
    if cx.state.as_ref().is_some_and(|poll| poll.by != by) {
        return Err(tell("Only who asked may close the poll."));
    }
    let poll = cx.state.take().ok_or_else(|| tell("No poll is running."))?;
    cx.message(poll.message)
        .edit(poll.tally())
        .without_keyboard();
    cx.say(poll.outcome());
    Ok(())
}

impl Vote {
    fn count(&self, option: usize) -> usize {
        self.votes.values().filter(|vote| **vote == option).count()
    }

    /// The question, and a bar for each option.
    fn tally(&self) -> Text {
        let mut text = Text::new().bold(&self.question);
        for (option, label) in self.options.iter().enumerate() {
            let count = self.count(option);
            let full = count * BAR / self.votes.len().max(1);
            let bar = "■".repeat(full) + &"□".repeat(BAR - full);
            text = text.line().plain(format_args!("{bar} {count} · {label}"));
        }
        text
    }

    fn keyboard(&self) -> Keyboard {
        let press = |(option, label): (usize, &String)| {
            Button::command(label, "vote", format!("{} {option}", self.id)).tone(Tone::Primary)
        };
        Keyboard::new()
            .row(self.options.iter().enumerate().map(press))
            .row([Button::command("Close", "endpoll", "")])
    }

    /// Who has won.
    fn outcome(&self) -> Text {
        let most = (0..self.options.len())
            .map(|option| self.count(option))
            .max()
            .unwrap_or(0);
        let best = |(option, _): &(usize, &String)| self.count(*option) == most;
        let best: Vec<&str> = self
            .options
            .iter()
            .enumerate()
            .filter(best)
            .map(|(_, label)| label.as_str())
            .collect();
        let text = Text::new().bold(&self.question).plain(" ");
        match self.votes.len() {
            0 => text.plain("Nobody has voted."),
            all => text
                .bold(best.join(" and "))
                .plain(format_args!(", with {most} of {all} votes.")),
        }
    }
}
