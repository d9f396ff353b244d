//! The stream of a visitor's page: the chat so far, then new and changed messages, as server-sent
//! events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use poem::web::sse::{Event, SSE};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::chat::Entry;
use super::chats::OpenChat;
use super::limits::Share;
use super::{FILE_BYTES_MAX, TEXT_CHARS_MAX};

/// Maximum number of open streams. The portal's events use the same socket, so this is well below
/// [`CONNECTIONS_MAX`](imbot::serve::CONNECTIONS_MAX).
pub const STREAMS_MAX: usize = 5_000;
/// Maximum number of open streams of one visitor, who may have several tabs.
pub const VISITOR_STREAMS_MAX: usize = 6;
/// Interval of keep-alive messages, well below [`IDLE_TIMEOUT`](imbot::serve::IDLE_TIMEOUT).
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// A page that shows a chat.
struct Watcher {
    chat: Arc<OpenChat>,
    newest: watch::Receiver<u64>,
    /// The newest version that the page knows.
    seen: u64,
    ready: VecDeque<Entry>,
    has_limits: bool,
    _places: (OwnedSemaphorePermit, Share),
}

/// Returns a stream of all entries above a version of a chat. It does not end.
pub(super) fn stream(chat: Arc<OpenChat>, seen: u64, places: (OwnedSemaphorePermit, Share)) -> SSE {
    let watcher = Watcher {
        newest: chat.newest.subscribe(),
        chat,
        seen,
        ready: VecDeque::new(),
        has_limits: false,
        _places: places,
    };
    let events = unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((event, watcher))
    });
    SSE::new(events).keep_alive(KEEP_ALIVE)
}

impl Watcher {
    /// Returns the next event, or `None` if the chat cannot be read; then the page reconnects.
    async fn next(&mut self) -> Option<Event> {
        if !self.has_limits {
            self.has_limits = true;
            let limits = json!({ "text_chars": TEXT_CHARS_MAX, "file_bytes": FILE_BYTES_MAX });
            return Some(Event::message(limits.to_string()).event_type("limits"));
        }
        loop {
            if let Some(entry) = self.ready.pop_front() {
                self.seen = entry.version;
                let event = Event::message(serde_json::to_string(&entry).ok()?);
                return Some(event.id(entry.version.to_string()));
            }
            // Before the chat is read, so that no later change is missed.
            self.newest.mark_unchanged();
            match self.chat.lock().await {
                Ok(chat) => self.ready = chat.since(self.seen).into(),
                Err(error) => {
                    tracing::error!(%error, "a visitor's chat cannot be read");
                    return None;
                }
            }
            if self.ready.is_empty() {
                self.newest.changed().await.ok()?;
            }
        }
    }
}
