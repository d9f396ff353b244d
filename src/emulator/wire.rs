//! The wire: every event sent and every call received, readable, with its time and answer.
//!
//! It holds the last [`ENTRIES_MAX`] entries. Tokens are shortened before an entry is stored, so no page, log or test
//! output can give one away.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::courier::Delivery;
use super::live::News;
use super::post::Answer;
use super::shorten::{shorten_body, shorten_tree};

/// Entries that are remembered.
pub(crate) const ENTRIES_MAX: usize = 500;

/// The part of a body that is remembered.
const BODY_CHARS_MAX: usize = 64 * 1024;

/// The log that stands beside the chat.
#[derive(Clone)]
pub(crate) struct Wire {
    entries: Arc<Mutex<VecDeque<Arc<Value>>>>,
    next: Arc<AtomicU64>,
    live: broadcast::Sender<News>,
}

/// A call that was answered.
pub(crate) struct Received<'a> {
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

impl Wire {
    pub(crate) fn new(live: broadcast::Sender<News>) -> Self {
        Wire {
            entries: Arc::default(),
            next: Arc::new(AtomicU64::new(1)),
            live,
        }
    }

    pub(crate) fn live(&self) -> broadcast::Sender<News> {
        self.live.clone()
    }

    /// Everything remembered, newest last.
    pub(crate) fn entries(&self) -> Vec<Arc<Value>> {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    pub(crate) fn clear(&self) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
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
        self.record(json!({
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
        }));
    }

    /// Records a call and its answer.
    pub(crate) fn call(&self, call: &Received<'_>) {
        self.record(json!({
            "kind": call.kind,
            "name": call.name,
            "app": call.app,
            "request": shorten_tree(call.request),
            "body": shorten_body(cut(call.body), call.request),
            "status": call.status,
            "answer": shorten_tree(call.answer),
            "ms": milliseconds(call.took),
            "error": call.answer.get("error_description").or_else(|| call.answer.get("error")),
        }));
    }

    fn record(&self, mut entry: Value) {
        entry["id"] = self.next.fetch_add(1, Ordering::Relaxed).into();
        entry["at"] = Timestamp::now().as_millisecond().into();
        let entry = Arc::new(entry);
        {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() == ENTRIES_MAX {
                entries.pop_front();
            }
            entries.push_back(Arc::clone(&entry));
        }
        let _ = self.live.send(News::Wire(entry));
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
