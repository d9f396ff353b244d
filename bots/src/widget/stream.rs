//! What a visitor's page hears: the chat up to now, and then all that is new, as server-sent events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use poem::web::sse::{Event, SSE};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::talk::Entry;
use super::talks::Open;
use super::{FILE_BYTES_MAX, TEXT_CHARS_MAX};

/// How many streams are open at once. The portal's events come over the same socket, so this stays well below
/// [`CONNECTIONS_MAX`](imbot::serve::CONNECTIONS_MAX).
pub const STREAMS_MAX: usize = 5_000;
/// How many streams one visitor has open at once: tabs.
pub const VISITOR_STREAMS_MAX: usize = 6;
/// How often a stream says that it lives, well within [`IDLE_TIMEOUT`](imbot::serve::IDLE_TIMEOUT).
const ALIVE: Duration = Duration::from_secs(25);

/// Someone who looks at a chat.
struct Watcher {
    open: Arc<Open>,
    news: watch::Receiver<u64>,
    /// The newest version that they know.
    seen: u64,
    ready: VecDeque<Entry>,
    is_greeted: bool,
    _place: OwnedSemaphorePermit,
}

/// All that is above a version of a chat, and goes on.
pub(super) fn stream(open: Arc<Open>, seen: u64, place: OwnedSemaphorePermit) -> SSE {
    let watcher = Watcher {
        news: open.news.subscribe(),
        open,
        seen,
        ready: VecDeque::new(),
        is_greeted: false,
        _place: place,
    };
    let events = unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((event, watcher))
    });
    SSE::new(events).keep_alive(ALIVE)
}

impl Watcher {
    /// The next event; nothing where the chat cannot be read, and the page comes again.
    async fn next(&mut self) -> Option<Event> {
        if !self.is_greeted {
            self.is_greeted = true;
            let limits = json!({ "text_chars": TEXT_CHARS_MAX, "file_bytes": FILE_BYTES_MAX });
            return Some(Event::message(limits.to_string()).event_type("limits"));
        }
        loop {
            if let Some(entry) = self.ready.pop_front() {
                self.seen = entry.version;
                let event = Event::message(serde_json::to_string(&entry).ok()?);
                return Some(event.id(entry.version.to_string()));
            }
            self.news.mark_unchanged(); // what comes from here on is news
            match self.open.turn().await {
                Ok(turn) => self.ready = turn.since(self.seen).into(),
                Err(error) => {
                    tracing::error!(%error, "a visitor's chat cannot be read");
                    return None;
                }
            }
            if self.ready.is_empty() {
                self.news.changed().await.ok()?;
            }
        }
    }
}
