//! An answer: the rounds of a model, with the tools that it calls between them, as one text that
//! grows.

use std::future::{Future, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, PollNext, Stream};
use imbot::prelude::*;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::model::{End, Entry, Model, ModelError, Out, Request, Round, ToolCall};
use super::talk::{By, Talk};
use super::tools::{self, NewTask, Tool};
use super::words::{Phrase, Words};

/// Maximum number of rounds of an answer in which the model calls tools.
pub const TOOL_ROUNDS_MAX: usize = 5;
/// Time limit of an answer with all its rounds. It is shorter than that of a turn, so that the
/// person gets what there is.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(50);
/// Maximum number of tasks that are proposed in one answer.
pub const OFFERS_MAX: usize = 3;
/// Number of tokens that may wait to be shown.
const TOKENS_WAITING_MAX: usize = 16;

/// What an answer has come to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What the model wrote.
    pub(super) text: String,
    /// Tasks for which the person gets a button.
    pub(super) offers: Vec<NewTask>,
    /// The note for the operator, if the model hands the chat over.
    pub(super) hand_over: Option<String>,
    /// Whether the model has failed before it wrote anything.
    pub(super) has_failed: bool,
}

/// Answers the last message of the talk.
///
/// # Errors
/// The store fails, or a tool cannot reach the portal. What the model does wrong is no error.
pub(super) async fn answer(
    model: &Model,
    instructions: &str,
    cx: &Context<Talk>,
) -> Result<Outcome> {
    let (tokens, received) = mpsc::channel(TOKENS_WAITING_MAX);
    let turn = Turn {
        model,
        cx,
        tools: Tool::offered(cx),
        words: Words::of(cx),
        deadline: Instant::now() + ANSWER_TIMEOUT,
        outcome: Mutex::default(),
    };
    let entries = entries(instructions, cx)?;
    let growing = with_writer(received, turn.write(entries, tokens));
    let grown = cx.stream(growing).markdown().stop_button().await?;
    let outcome = turn.outcome.into_inner();
    let outcome = outcome.unwrap_or_else(PoisonError::into_inner);
    if !grown.is_stopped {
        return Ok(outcome);
    }
    Ok(Outcome {
        text: grown.text,
        ..Outcome::default() // what a stopped answer was about to do is not done
    })
}

/// Returns what the writer sends, and lets it write meanwhile.
fn with_writer<'t>(
    mut received: mpsc::Receiver<Result<String>>,
    writer: impl Future<Output = ()> + Send + 't,
) -> impl Stream<Item = Result<String>> + Send + 't {
    let tokens = stream::poll_fn(move |cx| received.poll_recv(cx));
    let writer = stream::once(writer).filter_map(|()| ready(None));
    stream::select_with_strategy(tokens, writer, |(): &mut ()| PollNext::Left)
}

/// Returns what the model is asked: its instructions, and the talk.
fn entries(instructions: &str, cx: &Context<Talk>) -> Result<Vec<Entry>> {
    let now = Timestamp::from_millisecond(cx.now().0.try_into()?)?;
    let today = now.strftime("%A, %Y-%m-%d");
    let mut entries = vec![Entry::System(format!("{instructions}\nToday is {today}."))];
    entries.extend(cx.state.said().iter().map(|said| match said.by {
        By::Person => Entry::Person(said.text.clone()),
        By::Assistant => Entry::Assistant {
            text: said.text.clone(),
            calls: Vec::new(),
        },
    }));
    Ok(entries)
}

/// The making of an answer.
struct Turn<'t> {
    model: &'t Model,
    cx: &'t Context<Talk>,
    tools: &'static [Tool],
    words: Words,
    deadline: Instant,
    outcome: Mutex<Outcome>,
}

impl Turn<'_> {
    /// Writes the answer, and a note if it does not end well.
    async fn write(&self, entries: Vec<Entry>, tokens: mpsc::Sender<Result<String>>) {
        let mut out = Out::new(tokens);
        match self.rounds(entries, &mut out).await {
            Ok(Some(phrase)) => out.note(self.words.text(phrase)).await,
            Ok(None) => {}
            Err(error) => out.send(Err(error)).await,
        }
    }

    /// Lets the model write, and runs the tools that it calls, until it calls none. Returns the
    /// note for the person, if any.
    async fn rounds(&self, mut entries: Vec<Entry>, out: &mut Out) -> Result<Option<Phrase>> {
        let mut number = 0;
        loop {
            let Round { text, calls, end } = match self.round(number, &entries, out).await? {
                Ok(round) => round,
                Err(error) => return Ok(Some(self.fail(error))),
            };
            self.add_text(&text);
            match end {
                End::Complete if calls.is_empty() => return Ok(None),
                End::Complete if number == TOOL_ROUNDS_MAX => {
                    return Ok(Some(Phrase::TooManySteps));
                }
                End::Complete => {}
                End::BrokenOff => return Ok(Some(Phrase::BrokenOff)),
                End::TooLong => return Ok(Some(Phrase::TooLong)),
            }
            let results = self.results(number, &calls).await?;
            if self.outcome().hand_over.is_some() {
                return Ok(None);
            }
            entries.push(Entry::Assistant { text, calls });
            entries.extend(results);
            number += 1;
        }
    }

    /// Returns a round of the model. One that an earlier attempt at this turn has paid for is not
    /// asked for again.
    async fn round(
        &self,
        number: usize,
        entries: &[Entry],
        out: &mut Out,
    ) -> Result<Result<Round, ModelError>> {
        let request = Request {
            entries,
            tools: self.tools,
            may_call: number < TOOL_ROUNDS_MAX,
            deadline: self.deadline,
        };
        out.begin_round();
        let mut is_new = false;
        let ask = async {
            is_new = true;
            self.model.round(&request, out).await
        };
        let round = self.cx.once(&format!("model {number}"), ask).await;
        match round {
            Ok(round) if is_new => Ok(Ok(round)),
            Ok(round) => {
                out.write(&round.text).await;
                Ok(Ok(round))
            }
            Err(error) => match error.downcast_ref::<ModelError>() {
                Some(failed) => Ok(Err(*failed)),
                None => Err(error),
            },
        }
    }

    /// Runs the tools of a round, one after another.
    async fn results(&self, number: usize, calls: &[ToolCall]) -> Result<Vec<Entry>> {
        let mut results = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let name = format!("tool {number}.{index}");
            results.push(Entry::ToolResult {
                call: call.id.clone(),
                result: self.result(&name, call).await?,
            });
        }
        Ok(results)
    }

    /// Returns the result of a tool for the model. One that an earlier attempt at this turn has
    /// read is not read again.
    async fn result(&self, name: &str, call: &ToolCall) -> Result<String> {
        match Tool::called(call, self.tools) {
            None => Ok("There is no such tool here.".to_owned()),
            Some(Tool::ProposeTask) => Ok(self.propose(&call.arguments)),
            Some(Tool::CallOperator) => {
                self.outcome().hand_over = Some(tools::reason(&call.arguments));
                Ok(String::new())
            }
            Some(tool @ (Tool::MyTasks | Tool::FindColleague)) => {
                let read = tools::read(self.cx, tool, &call.arguments);
                self.cx.once(name, read).await
            }
        }
    }

    fn propose(&self, arguments: &str) -> String {
        let task = match NewTask::read(arguments) {
            Ok(task) => task,
            Err(why) => return why,
        };
        let mut outcome = self.outcome();
        if outcome.offers.len() == OFFERS_MAX {
            return format!("No more than {OFFERS_MAX} tasks can be proposed at once.");
        }
        let note = "The person gets a button below this answer. The task is not created yet.";
        let result = json!({ "proposed": task.title, "note": note });
        outcome.offers.push(task);
        result.to_string()
    }

    fn add_text(&self, text: &str) {
        let mut outcome = self.outcome();
        if !outcome.text.is_empty() && !text.is_empty() {
            outcome.text.push_str("\n\n");
        }
        outcome.text.push_str(text);
    }

    /// Records that a round failed. Returns the message for the person.
    fn fail(&self, error: ModelError) -> Phrase {
        tracing::warn!(%error, "the assistant gets no answer from its model");
        let mut outcome = self.outcome();
        outcome.has_failed = outcome.text.is_empty();
        match error {
            ModelError::Busy(_) => Phrase::Busy,
            ModelError::Refused(_)
            | ModelError::Unreachable
            | ModelError::Silent
            | ModelError::Unreadable
            | ModelError::Empty => Phrase::NoAnswer,
        }
    }

    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
