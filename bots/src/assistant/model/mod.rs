//! A language model: what it is asked, and what it writes.

mod endpoint;
mod events;
mod scripted;

use std::time::Duration;

use imbot::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(super) use endpoint::{Endpoint, EndpointError};
pub use endpoint::{RETRIES_MAX, RETRY_AFTER_MAX};
pub use events::EVENT_BYTES_MAX;
pub(super) use scripted::Scripted;

use super::tools::Tool;

/// Longest wait for the first token of a round.
pub const FIRST_TOKEN_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait between two tokens.
pub const TOKEN_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum length of an answer, in characters.
pub const ANSWER_CHARS_MAX: usize = 16_000;
/// Maximum number of tools that a model calls in one round.
pub const CALLS_MAX: usize = 8;
/// Maximum size of the arguments of a tool call, in bytes.
pub const ARGUMENTS_BYTES_MAX: usize = 16 * 1024;

/// The models that the assistant can ask.
#[derive(Clone, Debug)]
pub(super) enum Model {
    Endpoint(Endpoint),
    Scripted(Scripted),
}

impl Model {
    /// Asks for one round. The tokens go to `out` as they come.
    ///
    /// # Errors
    /// The model has written nothing.
    pub(super) async fn round(
        &self,
        request: &Request<'_>,
        out: &mut Out,
    ) -> Result<Round, ModelError> {
        match self {
            Self::Endpoint(endpoint) => endpoint.round(request, out).await,
            Self::Scripted(scripted) => Ok(scripted.round(request, out).await),
        }
    }
}

/// What a model is asked.
#[derive(Debug)]
pub(super) struct Request<'r> {
    pub(super) entries: &'r [Entry],
    pub(super) tools: &'r [Tool],
    /// Whether it may call tools.
    pub(super) may_call: bool,
    /// When the answer has to be complete.
    pub(super) deadline: Instant,
}

impl Request<'_> {
    /// Returns the body of the request.
    fn to_json(&self, model: &str) -> Value {
        let messages: Vec<Value> = self.entries.iter().map(Entry::to_json).collect();
        let mut body = json!({ "model": model, "stream": true, "messages": messages });
        if !self.tools.is_empty() {
            let tools: Vec<Value> = self.tools.iter().map(|tool| tool.to_json()).collect();
            body["tools"] = tools.into();
            body["tool_choice"] = if self.may_call { "auto" } else { "none" }.into();
        }
        body
    }
}

/// A message of the protocol.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    System(String),
    Person(String),
    Assistant { text: String, calls: Vec<ToolCall> },
    ToolResult { call: String, result: String },
}

impl Entry {
    fn to_json(&self) -> Value {
        match self {
            Self::System(text) => json!({ "role": "system", "content": text }),
            Self::Person(text) => json!({ "role": "user", "content": text }),
            Self::Assistant { text, calls } if calls.is_empty() => {
                json!({ "role": "assistant", "content": text })
            }
            Self::Assistant { text, calls } => {
                let text = Some(text).filter(|text| !text.is_empty());
                let calls: Vec<Value> = calls.iter().map(ToolCall::to_json).collect();
                json!({ "role": "assistant", "content": text, "tool_calls": calls })
            }
            Self::ToolResult { call, result } => {
                json!({ "role": "tool", "tool_call_id": call, "content": result })
            }
        }
    }
}

/// What a model wrote in one round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    pub(super) end: End,
}

/// How a round ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    #[default]
    Complete,
    /// The stream broke off, fell silent or became unreadable.
    BrokenOff,
    /// The answer was longer than allowed, or took too long.
    TooLong,
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    /// The arguments as JSON, as the model wrote them.
    pub(super) arguments: String,
}

impl ToolCall {
    fn to_json(&self) -> Value {
        let function = json!({ "name": self.name, "arguments": self.arguments });
        json!({ "id": self.id, "type": "function", "function": function })
    }
}

/// Why a model has written nothing. The errors have no text of the endpoint: it could repeat the
/// key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ModelError {
    #[error("the model has too much to do (status {0})")]
    Busy(u16),
    #[error("the model refuses the request (status {0})")]
    Refused(u16),
    #[error("the model cannot be reached")]
    Unreachable,
    #[error("the model does not answer")]
    Silent,
    #[error("the model's answer cannot be read")]
    Unreadable,
    #[error("the model has answered nothing")]
    Empty,
}

/// Where the tokens of an answer go.
#[derive(Debug)]
pub(super) struct Out {
    tokens: mpsc::Sender<Result<String>>,
    /// How many characters are left of the answer.
    left: usize,
    has_written: bool,
    /// Whether the next token begins a paragraph.
    begins: bool,
}

impl Out {
    pub(super) fn new(tokens: mpsc::Sender<Result<String>>) -> Self {
        Self {
            tokens,
            left: ANSWER_CHARS_MAX,
            has_written: false,
            begins: false,
        }
    }

    /// Begins a round. Its text is a new paragraph.
    pub(super) fn begin_round(&mut self) {
        self.begins = self.has_written;
    }

    /// Sends a token, as far as there is room. Returns what was sent.
    pub(super) async fn write<'t>(&mut self, token: &'t str) -> &'t str {
        let sent = match token.char_indices().nth(self.left) {
            Some((end, _)) => &token[..end],
            None => token,
        };
        self.left -= sent.chars().count();
        let begins = std::mem::take(&mut self.begins);
        let token = if begins {
            format!("\n\n{sent}")
        } else {
            sent.to_owned()
        };
        self.send(Ok(token)).await;
        self.has_written |= !sent.trim().is_empty();
        sent
    }

    /// Sends a note that is not a part of the answer.
    pub(super) async fn note(&self, text: &str) {
        let note = if self.has_written {
            format!("\n\n*{text}*")
        } else {
            text.to_owned()
        };
        self.send(Ok(note)).await;
    }

    /// Returns true if there is no room for more.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Sends a token or an error. It is dropped if nobody receives it any more.
    pub(super) async fn send(&self, token: Result<String>) {
        let _ = self.tokens.send(token).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_than_the_maximum_is_written() {
        let (tokens, mut written) = mpsc::channel(8);
        let mut out = Out::new(tokens);
        assert_eq!(out.write("ä").await, "ä");
        let long = "ö".repeat(ANSWER_CHARS_MAX);
        assert_eq!(out.write(&long).await.chars().count(), ANSWER_CHARS_MAX - 1);
        assert!(out.is_full());
        assert_eq!(out.write("more").await, "");
        let first = written.recv().await.unwrap();
        assert_eq!(first.unwrap(), "ä");
    }

    #[test]
    fn a_call_and_its_result_are_written_as_the_protocol_has_them() {
        let call = ToolCall {
            id: "c1".to_owned(),
            name: "my_tasks".to_owned(),
            arguments: "{}".to_owned(),
        };
        let asked = Entry::Assistant {
            text: String::new(),
            calls: vec![call],
        };
        let function = json!({ "name": "my_tasks", "arguments": "{}" });
        let calls = json!([{ "id": "c1", "type": "function", "function": function }]);
        let expected = json!({ "role": "assistant", "content": null, "tool_calls": calls });
        assert_eq!(asked.to_json(), expected);
        let result = Entry::ToolResult {
            call: "c1".to_owned(),
            result: "[]".to_owned(),
        };
        let expected = json!({ "role": "tool", "tool_call_id": "c1", "content": "[]" });
        assert_eq!(result.to_json(), expected);
    }
}
