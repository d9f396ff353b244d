//! Pausing a bot in a chat.

use std::time::{Duration, SystemTime};

use super::Context;
use crate::store::Time;

/// Until when a bot is paused in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// Until somebody resumes it.
    Resumed,
    /// For this long.
    After(Duration),
    /// Until this time.
    At(Time),
}

impl Until {
    /// Returns the time at which it resumes by itself.
    pub(crate) fn time(self, now: Time) -> Option<Time> {
        match self {
            Self::Resumed => None,
            Self::After(duration) => Some(now + duration),
            Self::At(time) => Some(time),
        }
    }
}

impl From<Duration> for Until {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

impl From<Time> for Until {
    fn from(time: Time) -> Self {
        Self::At(time)
    }
}

impl From<SystemTime> for Until {
    fn from(time: SystemTime) -> Self {
        Self::At(time.into())
    }
}

impl<S> Context<S> {
    /// Pauses the bot in this chat, from the end of this turn on. The messages of this turn are
    /// sent.
    ///
    /// While it is paused, what happens in the chat is completed without a handler, and people see
    /// nothing of the bot. Reminders wait: they come within a minute after it resumes. It resumes
    /// at that time, by [`ChatHandle::resume`](crate::ChatHandle::resume), or by the command
    /// `conversation resume`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use imbot::prelude::*;
    /// # fn example(cx: &Context) {
    /// cx.say("I am quiet for an hour.");
    /// cx.pause_bot(Duration::from_secs(3600));
    /// # }
    /// ```
    pub fn pause_bot(&self, until: impl Into<Until>) {
        self.effects().pause(until.into().time(self.now()));
    }
}
