//! Updates for the pages that are open, in the portal's terms.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;

/// News a slow page may be behind.
pub(crate) const UPDATES_MAX: usize = 1024;

/// How long a page shows that somebody is typing, unless it is told otherwise.
pub(crate) const TYPING_SECONDS: u64 = 10;

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Update {
    /// Everything may have changed.
    Hello,
    /// A message was said, as the page reads it.
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
        /// What it does instead of typing, such as `THINKING`.
        action: Option<&'static str>,
        seconds: u64,
    },
    /// A chat was made or changed.
    Dialog {
        chat: u64,
    },
    Left {
        chat: u64,
        user: u64,
    },
    /// A private dialog is no more.
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
    /// A line, a connector or a session was made or has changed.
    Lines,
    /// A line of the wire log.
    TrafficLog(Arc<Value>),
}

/// Makes the channel through which updates reach the pages.
pub(crate) fn channel() -> broadcast::Sender<Update> {
    broadcast::channel(UPDATES_MAX).0
}
