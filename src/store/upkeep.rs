//! How long things are kept that are of no use any more.

use std::time::Duration;

/// How long things are kept that are of no use any more.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Dead letters, and states that were kept aside. Default: 30 days.
    pub dead: Duration,
    /// Conversations in which nothing happens. Default: for ever.
    pub idle: Option<Duration>,
    /// Numbers of messages that bots keep references to: bots may change theirs for three days
    /// (`imbot.message.update`). Default: 7 days.
    pub messages: Duration,
    /// Occurrences, by which repeats are known. Default: 24 hours.
    pub occurrences: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Limits {
            dead: 30 * DAY,
            idle: None,
            messages: 7 * DAY,
            occurrences: DAY,
        }
    }
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Conversations that had been idle.
    pub conversations: u64,
    /// Dead letters and states kept aside.
    pub dead: u64,
}
