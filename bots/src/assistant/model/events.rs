//! The answer of an endpoint: server-sent events, and what they add to a round.

use serde::Deserialize;
use serde_json::Value;

use super::{ARGUMENTS_BYTES_MAX, CALLS_MAX, ToolCall};

/// Maximum size of one event of an endpoint, and of an answer that is not streamed, in bytes.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// The data of the event that ends a stream.
const DONE: &str = "[DONE]";

/// An answer that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Splits a stream of bytes into the data of its events.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    /// The beginning of a line.
    line: Vec<u8>,
    /// The data of the event so far.
    data: String,
    /// Whether the last line ended with a carriage return, so that a line feed belongs to it.
    is_after_return: bool,
}

impl EventReader {
    /// Returns the data of the events that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, Unreadable> {
        let mut events = Vec::new();
        for byte in bytes {
            match *byte {
                b'\n' if self.is_after_return => self.is_after_return = false,
                b'\n' | b'\r' => {
                    self.is_after_return = *byte == b'\r';
                    events.extend(self.end_line()?);
                }
                _ => {
                    self.is_after_return = false;
                    self.line.push(*byte);
                }
            }
            if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
                return Err(Unreadable);
            }
        }
        Ok(events)
    }

    /// Ends a line. Returns the data of the event if the line is empty, which ends an event.
    fn end_line(&mut self) -> Result<Option<String>, Unreadable> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return Ok(Some(data).filter(|data| !data.is_empty()));
        }
        let line = String::from_utf8(line).map_err(|_| Unreadable)?;
        if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        Ok(None)
    }
}

/// A part of an answer, or a whole one that is not streamed.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Debug, Deserialize)]
struct CallDelta {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionDelta>,
}

#[derive(Debug, Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    name: Option<String>,
    /// A text; some servers write an object.
    #[serde(default)]
    arguments: Option<Value>,
}

/// What an event means for a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More of the text; empty if the event has none.
    Text(String),
    /// The model has finished; `true` if its text was cut at the endpoint's own limit.
    Finished { is_cut: bool, text: String },
    /// The stream has ended.
    Done,
    /// The endpoint reports an error.
    Failed,
}

/// Reads the data of an event, and adds its tool calls to those before.
pub(super) fn read(data: &str, calls: &mut Vec<ToolCall>) -> Result<Step, Unreadable> {
    if data.trim() == DONE {
        return Ok(Step::Done);
    }
    let chunk: Chunk = serde_json::from_str(data).map_err(|_| Unreadable)?;
    if chunk.error.is_some_and(|error| !error.is_null()) {
        return Ok(Step::Failed);
    }
    let mut text = String::new();
    let Some(choice) = chunk.choices.into_iter().flatten().next() else {
        return Ok(Step::Text(text)); // such as the figures of what was used
    };
    let delta = choice.delta.unwrap_or_default();
    text.push_str(&delta.content.unwrap_or_default());
    for part in delta.tool_calls.into_iter().flatten() {
        add(calls, part)?;
    }
    Ok(match choice.finish_reason {
        Some(reason) => Step::Finished {
            is_cut: reason == "length",
            text,
        },
        None => Step::Text(text),
    })
}

/// Adds a part of a call: to the call with its index, or else with its id, or else to the last.
fn add(calls: &mut Vec<ToolCall>, part: CallDelta) -> Result<(), Unreadable> {
    let by_id = |id: &String| calls.iter().position(|call| call.id == *id);
    let place = match (part.index, &part.id) {
        (Some(index), _) => index,
        (None, Some(id)) => by_id(id).unwrap_or(calls.len()),
        (None, None) => calls.len().saturating_sub(1),
    };
    if place >= CALLS_MAX || place > calls.len() {
        return Err(Unreadable);
    }
    if place == calls.len() {
        calls.push(ToolCall::default());
    }
    let call = &mut calls[place];
    if let Some(id) = part.id.filter(|_| call.id.is_empty()) {
        call.id = id;
    }
    if let Some(function) = part.function {
        if let Some(name) = function.name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        match function.arguments {
            Some(Value::String(text)) => call.arguments.push_str(&text),
            Some(Value::Null) | None => {}
            Some(other) => call.arguments.push_str(&other.to_string()),
        }
    }
    let len = call.id.len() + call.name.len() + call.arguments.len();
    if len > ARGUMENTS_BYTES_MAX {
        return Err(Unreadable);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the events of a text that comes in pieces of this size.
    fn events(text: &str, size: usize) -> Vec<String> {
        let mut reader = EventReader::default();
        let pieces = text.as_bytes().chunks(size);
        let events = pieces.map(|piece| reader.push(piece).unwrap());
        events.flatten().collect()
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let text = ": comment\n\nevent: x\ndata: één\r\n\r\ndata:two\rdata: lines\r\rdata: no end";
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(
                events(text, size),
                ["één", "two\nlines"],
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn an_event_without_end_and_bytes_that_are_no_text_are_unreadable() {
        let mut reader = EventReader::default();
        let long = vec![b'x'; EVENT_BYTES_MAX + 1];
        assert_eq!(reader.push(&long), Err(Unreadable));
        let mut reader = EventReader::default();
        let many = "data: x\n".repeat(EVENT_BYTES_MAX);
        assert_eq!(reader.push(many.as_bytes()), Err(Unreadable));
        assert_eq!(
            EventReader::default().push(b"data: \xff\n"),
            Err(Unreadable)
        );
    }

    #[test]
    fn calls_are_put_together_from_their_parts() {
        let mut calls = Vec::new();
        for data in [
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":{"y":2}}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
        ] {
            assert_eq!(read(data, &mut calls), Ok(Step::Text(String::new())));
        }
        let call = |id: &str, name: &str, arguments: &str| ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        };
        assert_eq!(
            calls,
            [call("a", "f", r#"{"x":1}"#), call("b", "g", r#"{"y":2}"#)]
        );
    }

    #[test]
    fn a_whole_answer_is_read_like_a_part() {
        let mut calls = Vec::new();
        let data = r#"{"choices":[{"message":{"role":"assistant","content":"Hi","tool_calls":null},"finish_reason":"stop"}],"usage":{}}"#;
        let step = Step::Finished {
            is_cut: false,
            text: "Hi".to_owned(),
        };
        assert_eq!(read(data, &mut calls), Ok(step));
    }

    #[test]
    fn odd_events_are_harmless_or_unreadable() {
        let step = |data: &str| read(data, &mut Vec::new());
        let nothing = Ok(Step::Text(String::new()));
        assert_eq!(step("[DONE]"), Ok(Step::Done));
        assert_eq!(step(r#"{"choices":[]}"#), nothing);
        assert_eq!(step(r#"{"choices":null,"usage":{}}"#), nothing);
        assert_eq!(step(r#"{"choices":[{"delta":null}]}"#), nothing);
        assert_eq!(step(r#"{"error":{"message":"no"}}"#), Ok(Step::Failed));
        for data in [
            "<html>",
            r#"{"choices":[{"del"#,
            "7",
            r#"{"choices":[{"delta":{"content":7}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":8}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1}]}}]}"#,
        ] {
            assert_eq!(step(data), Err(Unreadable), "{data}");
        }
    }

    #[test]
    fn arguments_without_end_are_unreadable() {
        let mut calls = Vec::new();
        let part = format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":"{}"}}}}]}}}}]}}"#,
            "x".repeat(1000)
        );
        let read = (0..100).find_map(|_| read(&part, &mut calls).err());
        assert_eq!(read, Some(Unreadable));
        assert!(calls[0].arguments.len() <= ARGUMENTS_BYTES_MAX + 1000);
    }
}
