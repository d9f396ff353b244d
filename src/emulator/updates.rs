//! Updates for the pages that are open, in the portal's terms.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;

/// Maximum number of updates a slow page may be behind.
pub(crate) const UPDATES_MAX: usize = 1024;

/// Default time for which a page shows that somebody is typing, in seconds.
pub(crate) const TYPING_SECONDS: u64 = 10;

/// A change that open pages show.
#[derive(Clone, Debug)]
pub(crate) enum Update {
    /// Everything may have changed.
    Hello,
    /// A message was sent, in the form of the page.
    Message {
        chat: u64,
        message: Value,
    },
    /// A message was edited, deleted or liked.
    Edit {
        chat: u64,
        message: Value,
    },
    /// A message was deleted without a trace.
    Remove {
        chat: u64,
        message: u64,
    },
    Typing {
        chat: u64,
        user: u64,
        /// The action instead of typing, such as `THINKING`.
        action: Option<&'static str>,
        seconds: u64,
    },
    /// A chat was created or changed.
    Dialog {
        chat: u64,
    },
    Left {
        chat: u64,
        user: u64,
    },
    /// A private dialog was deleted.
    Gone {
        dialog_id: String,
        user: u64,
    },
    Read {
        chat: u64,
        user: u64,
    },
    /// A bot or a command was registered, changed or removed.
    Bots,
    /// A line, a connector or a session was created or changed.
    Lines,
    /// A new entry of the traffic log.
    TrafficLog(Arc<Value>),
}

/// Creates the channel through which updates reach the pages.
pub(crate) fn channel() -> broadcast::Sender<Update> {
    broadcast::channel(UPDATES_MAX).0
}
