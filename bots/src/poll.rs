//! A bot that runs polls in groups.
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
//! A group has one poll at a time. Each person has one vote, and can change it by pressing another
//! button. A button contains the number of its poll, so a button of an old message, or a command
//! typed by hand, does not change the running poll.

use std::collections::BTreeMap;

use imbot::event::MessageId;
use imbot::handler::BotColor;
use imbot::prelude::*;
use serde::{Deserialize, Serialize};

/// Runs polls in groups.
#[derive(Clone, Copy, Debug)]
pub struct Poll;

/// A running poll.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vote {
    /// The message with the command that started it, which makes the number unique.
    id: MessageId,
    /// The person who started it, and who may close it.
    by: Option<UserId>,
    question: String,
    options: Vec<String>,
    votes: BTreeMap<UserId, usize>,
    /// The message that shows the votes.
    message: MessageRef,
}

/// Maximum number of options.
const OPTIONS_MAX: usize = 10;
/// Maximum length of a question or an option, in characters.
const CHARS_MAX: usize = 200;
/// Length of a bar, in squares.
const BAR: usize = 8;

impl Bot<Option<Vote>> for Poll {
    fn profile(&self) -> Profile {
        Profile::new("poll", "Poll")
            .color(BotColor::Purple)
            .work_position("Counts votes")
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("poll", "Start a poll").params("\"<question>\" <option> <option> …"),
            CommandSpec::new("endpoll", "Close the poll"),
            CommandSpec::new("vote", "Vote")
                .params("<poll> <option>")
                .hidden(),
        ]
    }

    async fn join(&self, cx: &mut Context<Option<Vote>>, _: Join) -> Result {
        cx.say(usage(cx.dialog()));
        Ok(())
    }

    async fn message(&self, cx: &mut Context<Option<Vote>>, _: Message) -> Result {
        cx.say(usage(cx.dialog()));
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

fn usage(dialog: &DialogId) -> Text {
    let example = r#"/poll "Where do we eat?" Pizza Sushi "The usual""#;
    if dialog.is_group() {
        Text::new().plain("I run polls. Try ").put(example, example)
    } else {
        Text::new()
            .plain("I run polls in groups. Invite me to a group chat and write there: ")
            .code(example)
    }
}

fn start(cx: &mut Context<Option<Vote>>, command: &Command) -> Result {
    let (question, options): (String, Vec<String>) = command.args()?;
    if !cx.dialog().is_group() {
        return Err(tell(usage(cx.dialog())));
    }
    if let Some(running) = &cx.state {
        let text = Text::new()
            .plain("First close the running poll: ")
            .bold(&running.question);
        return Err(tell(
            Draft::new(text).keyboard(Button::command("Close it", "endpoll", "")),
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
    let message = cx.say("…");
    let vote = Vote {
        id: command.message,
        by: cx.sender(),
        question,
        options,
        votes: BTreeMap::new(),
        message: message.reference(),
    };
    message.edit(vote.tally()).keyboard(vote.keyboard());
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
        return Err(tell("Only the person who started the poll may close it."));
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

    /// Returns the question, and a bar for each option.
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

    /// Returns the result.
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
