//! Broadcasts: one message to many chats of a bot, as a job that survives crashes.
//!
//! A broadcast is stored in the parts of a conversation of its own (`record.rs`), and its job is an
//! event in the queue of that conversation: so it waits in the inbox until it is done, and whoever
//! owns the portal goes on with it. Each step of the job (`job.rs`) counts what became of the chats
//! that were asked, stores how far it is, and appends a request to the queues of the next chats, so
//! that at most [`OUTSTANDING_MAX`] are under way. The turn of such a request (`chats.rs`) commits
//! the message with a mark of its chat: a chat that has the mark is not sent to again, however
//! often it is asked. `registry.rs` has in memory what the steps share with those turns and with
//! the sender. `progress.rs` shows how far it is, and `operate.rs` is for operators.

mod chats;
mod job;
mod operate;
mod progress;
mod record;
mod registry;

use std::time::Duration;

pub use operate::{BroadcastState, BroadcastStatus};
pub(crate) use operate::{list, remove, results, set_control, status};
pub(crate) use record::Control;
pub use record::{BroadcastCounts, ChatResult, SkipReason};
pub(super) use record::{JOB, Record};
pub(super) use registry::Broadcasts;

/// Maximum number of chats of one broadcast that were asked and have not got the message yet. So
/// many may still get it after a pause.
pub const OUTSTANDING_MAX: usize = 200;

/// Shortest time between two edits of the message that shows the progress.
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(3);

/// How long a finished broadcast is kept with its results. Its name is free after that.
pub const BROADCAST_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// After this time without a result, the store is asked what became of a chat.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// How long a step waits for further results after the first.
const GATHER: Duration = Duration::from_millis(50);

/// Number of chats that are listed at a time.
const PAGE: usize = 1_000;
