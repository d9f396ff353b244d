//! The traffic log: every event sent and every call received, readable, with its time and answer.
//!
//! It holds the last [`ENTRIES_MAX`] entries. Tokens are shortened before an entry is stored, so no
//! page, log or test output can contain one. An empty poll replaces the previous empty poll, so
//! that polls do not fill the log.

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

/// Maximum number of entries.
pub(crate) const ENTRIES_MAX: usize = 500;

/// Maximum part of a body that is stored, in characters.
const BODY_CHARS_MAX: usize = 64 * 1024;

/// Methods used for polling.
const POLLS: [&str; 2] = ["imbot.v2.event.get", "im.v2.event.get"];

/// The log shown next to the chat.
#[derive(Clone)]
pub(crate) struct TrafficLog {
    log: Arc<Mutex<Log>>,
    feed: broadcast::Sender<Update>,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Arc<Value>>,
    last: u64,
    /// For each bot whose polls are empty, the entry of its last poll and the number of polls in a
    /// row.
    polls: HashMap<String, (u64, u64)>,
}

/// A call and its answer.
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

    /// Returns all entries, newest last.
    pub(crate) fn entries(&self) -> Vec<Arc<Value>> {
        self.lock().entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut log = self.lock();
        log.entries.clear();
        log.polls.clear();
    }

    /// Records an event and its result.
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
    /// Replaces the previous poll if both are empty: `replaces` is its id, `polls` is the count.
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
