//! The wire: every event sent and every call received, readable, with its time and answer.
//!
//! It holds the last [`ENTRIES_MAX`] entries. Tokens are shortened before an entry is stored, so no page, log or test
//! output can give one away. Polls that bring nothing would soon be all there is: each takes the place of the one before.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::post::Answer;
use super::shorten::{shorten_body, shorten_tree};
use super::transaction::Delivery;
use super::updates::Update;

/// Entries that are remembered.
pub(crate) const ENTRIES_MAX: usize = 500;

/// The part of a body that is remembered.
const BODY_CHARS_MAX: usize = 64 * 1024;

/// The methods that are called again and again, mostly for nothing.
const POLLS: [&str; 2] = ["imbot.v2.event.get", "im.v2.event.get"];

/// The log that stands beside the chat.
#[derive(Clone)]
pub(crate) struct TrafficLog {
    log: Arc<Mutex<Log>>,
    feed: broadcast::Sender<Update>,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Arc<Value>>,
    last: u64,
    /// Of each bot that polls in vain, the entry of its last poll and how many there were in a row.
    polls: HashMap<String, (u64, u64)>,
}

/// A call that was answered.
pub(crate) struct AnsweredCall<'a> {
    /// `rest` or `oauth`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'a str,
    pub(crate) app: Option<String>,
    pub(crate) request: &'a Value,
    pub(crate) body: &'a str,
    pub(crate) status: u16,
    pub(crate) answer: &'a Value,
    pub(crate) took: Duration,
}

impl TrafficLog {
    pub(crate) fn new(feed: broadcast::Sender<Update>) -> Self {
        TrafficLog {
            log: Arc::default(),
            feed,
        }
    }

    pub(crate) fn feed(&self) -> broadcast::Sender<Update> {
        self.feed.clone()
    }

    /// Everything remembered, newest last.
    pub(crate) fn entries(&self) -> Vec<Arc<Value>> {
        self.lock().entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut log = self.lock();
        log.entries.clear();
        log.polls.clear();
    }

    /// Records an event and what became of it.
    pub(crate) fn event(
        &self,
        delivery: &Delivery,
        body: &str,
        answer: &Result<Answer, String>,
        took: Duration,
    ) {
        let (status, said, error) = match answer {
            Ok(answer) => (answer.status, Value::from(answer.body.clone()), Value::Null),
            Err(error) => (0, Value::Null, Value::from(error.clone())),
        };
        let event = json!({
            "kind": "event",
            "name": delivery.tree["event"],
            "to": delivery.url,
            "app": delivery.app,
            "request": shorten_tree(&delivery.tree),
            "body": shorten_body(cut(body), &delivery.tree),
            "status": status,
            "answer": said,
            "ms": milliseconds(took),
            "error": error,
        });
        self.record(event, None);
    }

    /// Records a call and its answer.
    pub(crate) fn call(&self, call: &AnsweredCall<'_>) {
        let poll = POLLS
            .contains(&call.name)
            .then(|| format!("{} {:?} {}", call.name, call.app, call.request["botId"]));
        let entry = json!({
            "kind": call.kind,
            "name": call.name,
            "app": call.app,
            "request": shorten_tree(call.request),
            "body": shorten_body(cut(call.body), call.request),
            "status": call.status,
            "answer": shorten_tree(call.answer),
            "ms": milliseconds(call.took),
            "error": call.answer.get("error_description").or_else(|| call.answer.get("error")),
        });
        self.record(entry, poll);
    }

    fn record(&self, mut entry: Value, poll: Option<String>) {
        entry["at"] = Timestamp::now().as_millisecond().into();
        let mut log = self.lock();
        log.last += 1;
        entry["id"] = log.last.into();
        if let Some(poll) = poll {
            log.join(&mut entry, poll);
        }
        if log.entries.len() == ENTRIES_MAX {
            log.entries.pop_front();
        }
        let entry = Arc::new(entry);
        log.entries.push_back(Arc::clone(&entry));
        drop(log);
        let _ = self.feed.send(Update::TrafficLog(entry));
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Puts a poll in the place of the one before if both brought nothing: `replaces` names that one, `polls` counts.
    fn join(&mut self, entry: &mut Value, poll: String) {
        let before = self.polls.remove(&poll);
        let events = entry["answer"]["result"]["events"].as_array();
        if events.is_none_or(|events| !events.is_empty()) {
            return;
        }
        let count = before.map_or(1, |(_, count)| count + 1);
        entry["polls"] = count.into();
        if let Some((before, _)) = before {
            entry["replaces"] = before.into();
            self.entries.retain(|known| known["id"] != before);
        }
        self.polls.insert(poll, (self.last, count));
    }
}

fn cut(body: &str) -> &str {
    body.char_indices()
        .nth(BODY_CHARS_MAX)
        .map_or(body, |(end, _)| &body[..end])
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}
