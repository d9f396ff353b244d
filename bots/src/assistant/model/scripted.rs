//! A small model without a network, which shows what the assistant can do.
//!
//! It knows a few words: of tasks it calls the tools, and anything else it answers with a text that
//! is long enough to be stopped.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{End, Entry, Out, Request, Round, ToolCall};
use crate::assistant::tools::Tool;

/// Time between two words.
const PACE: Duration = Duration::from_millis(120);

/// What it says of itself.
const ABOUT: &str = "I am a **small scripted model**: no language model is connected yet, and I only show what one could do here. \
My answer appears word by word while it is written. It is long on purpose, so that you can press **Stop**, or write “stop”.

Try one of these:

- *Which tasks do I have?*
- *Create a task: water the plants*
- *Who is Boris?*
- `/new`, and I forget what was said

To connect a real model, set `ASSISTANT_URL` to any endpoint of the chat-completions kind, `ASSISTANT_MODEL` to a model \
that it serves, and `ASSISTANT_KEY` to its key, and start me again. Everything else stays as you see it: answers that grow, \
tools that see only what you may see, and buttons where something would be changed.";

/// The scripted model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scripted;

impl Scripted {
    pub(super) async fn round(self, request: &Request<'_>, out: &mut Out) -> Round {
        let text = match request.entries.last() {
            Some(Entry::ToolResult { result, .. }) => answer_from(result),
            Some(Entry::Person(text)) => match call(text, request) {
                Some(call) => {
                    return Round {
                        calls: vec![call],
                        ..Round::default()
                    };
                }
                None => ABOUT.to_owned(),
            },
            _ => ABOUT.to_owned(),
        };
        let mut written = String::new();
        for word in text.split_inclusive(' ') {
            written.push_str(out.write(word).await);
            sleep(PACE).await;
        }
        Round {
            text: written,
            calls: Vec::new(),
            end: End::Complete,
        }
    }
}

/// Returns the call of a tool that a message asks for.
fn call(text: &str, request: &Request<'_>) -> Option<ToolCall> {
    let lower = text.to_lowercase();
    let has = |word: &str| lower.contains(word);
    let (tool, arguments) = if has("task") && (has("create") || has("new")) {
        let title = text.split_once(':').map_or(text, |(_, title)| title);
        (Tool::ProposeTask, json!({ "title": title.trim() }))
    } else if has("task") {
        (Tool::MyTasks, json!({}))
    } else if let Some(name) = lower.strip_prefix("who is ") {
        let name = name.trim_end_matches(['?', ' ']);
        (Tool::FindColleague, json!({ "name": name }))
    } else if has("operator") {
        (Tool::CallOperator, json!({}))
    } else {
        return None;
    };
    let is_offered = request.may_call && request.tools.contains(&tool);
    is_offered.then(|| ToolCall {
        id: "scripted".to_owned(),
        name: tool.name().to_owned(),
        arguments: arguments.to_string(),
    })
}

/// Returns the result of a tool as an answer.
fn answer_from(result: &str) -> String {
    let parsed: Value = serde_json::from_str(result).unwrap_or_default();
    let list = |key: &str| parsed[key].as_array().cloned();
    let lines = if let Some(tasks) = list("tasks") {
        lines("Your open tasks", &tasks, "title", "deadline")
    } else if let Some(people) = list("people") {
        lines("I have found", &people, "name", "position")
    } else if parsed["proposed"].is_string() {
        return "Here is the task. Nothing is created before you press the button.".to_owned();
    } else {
        return result.to_owned();
    };
    lines.join("\n")
}

fn lines(title: &str, items: &[Value], name: &str, more: &str) -> Vec<String> {
    let mut lines = vec![match items.len() {
        0 => format!("**{title}:** none."),
        _ => format!("**{title}:**\n"),
    }];
    lines.extend(items.iter().map(|item| {
        let name = item[name].as_str().unwrap_or_default();
        match item[more].as_str().filter(|more| !more.is_empty()) {
            Some(more) => format!("- {name} ({more})"),
            None => format!("- {name}"),
        }
    }));
    lines
}
