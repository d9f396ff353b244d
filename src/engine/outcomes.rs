//! The outcomes of what the program asked of chats, for those who wait for them.
//!
//! They are known in this process only, and not after a restart.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use super::lock;
use crate::store::{Conversation, EventId, Outcome, TurnCommit};

/// What became of a message or reminder that the program asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestOutcome {
    /// The portal has the message, or the bot's `reminded` has run.
    Done,
    /// Nothing was sent: an operator has the chat, or the bot is not in it any more.
    Skipped,
    /// The portal refused the message for good, or the turn failed for good. It is a dead letter
    /// with this error.
    Failed(String),
    /// It is not known here: it was a repeat, the program ended before, or another process does it.
    Unknown,
}

/// Where an outcome comes.
#[derive(Debug)]
pub(crate) struct Watched(oneshot::Receiver<RequestOutcome>);

impl Watched {
    /// Waits for the outcome.
    pub(crate) async fn outcome(self) -> RequestOutcome {
        self.0.await.unwrap_or(RequestOutcome::Unknown)
    }
}

/// The outcomes that somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    waiting: Mutex<Waiting>,
    /// How many there are, so that nothing is locked while nobody waits.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By chat and key, until their turn begins.
    requested: HashMap<(Conversation, String), oneshot::Sender<RequestOutcome>>,
    /// By their event, until they are done. The flag is true for messages, which are done when they
    /// are sent; other requests are done when their turn is.
    begun: HashMap<EventId, (oneshot::Sender<RequestOutcome>, bool)>,
}

impl Waiting {
    fn count(&mut self) -> usize {
        // Those who do not wait any more are forgotten.
        self.requested.retain(|_, waiting| !waiting.is_closed());
        self.begun.retain(|_, (waiting, _)| !waiting.is_closed());
        self.requested.len() + self.begun.len()
    }
}

impl Outcomes {
    /// Returns where the outcome of a request comes; at once [`RequestOutcome::Unknown`] if another
    /// process does it.
    pub(super) fn watch(&self, chat: Conversation, key: &str, is_ours: bool) -> Watched {
        let (outcome, watched) = oneshot::channel();
        if is_ours {
            let mut waiting = lock(&self.waiting);
            waiting.requested.insert((chat, key.to_owned()), outcome);
            self.count.store(waiting.count(), Ordering::Release);
        }
        Watched(watched)
    }

    /// Notes that the turn of a request begins.
    pub(super) fn begin(&self, chat: &Conversation, key: &str, event: EventId, is_message: bool) {
        if self.is_nobody_waiting() {
            return;
        }
        let mut waiting = lock(&self.waiting);
        let named = (chat.clone(), key.to_owned());
        if let Some(outcome) = waiting.requested.remove(&named) {
            waiting.begun.insert(event, (outcome, is_message));
        }
    }

    /// Reports a turn, if somebody waits for it and nothing of it is still to be sent.
    pub(super) fn report_turn(&self, turn: &TurnCommit) {
        if self.is_nobody_waiting() {
            return;
        }
        let is_message = match lock(&self.waiting).begun.get(&turn.event) {
            Some((_, is_message)) => *is_message,
            None => return,
        };
        match &turn.outcome {
            Outcome::Dead { error, .. } => {
                self.report(turn.event, || RequestOutcome::Failed(error.clone()));
            }
            Outcome::Done if !is_message => self.report(turn.event, || RequestOutcome::Done),
            Outcome::Done if turn.calls.is_empty() => {
                self.report(turn.event, || RequestOutcome::Skipped);
            }
            Outcome::Done => {}
        }
    }

    /// Reports the outcome of a request, if the event is one that somebody waits for.
    pub(super) fn report(&self, event: EventId, outcome: impl FnOnce() -> RequestOutcome) {
        if self.is_nobody_waiting() {
            return;
        }
        let mut waiting = lock(&self.waiting);
        if let Some((begun, _)) = waiting.begun.remove(&event) {
            let _ = begun.send(outcome()); // nobody may wait any more
        }
        self.count.store(waiting.count(), Ordering::Release);
    }

    fn is_nobody_waiting(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::outcomes::*;
    use crate::event::{BotId, DialogId, MemberId};

    fn chat() -> Conversation {
        Conversation {
            portal: MemberId::new("portal"),
            bot: BotId(7),
            dialog: DialogId::new("27"),
        }
    }

    #[tokio::test]
    async fn an_outcome_comes_to_the_one_who_waits_for_its_event() {
        let outcomes = Outcomes::default();
        let watched = outcomes.watch(chat(), "a", true);
        let other = outcomes.watch(chat(), "b", true);
        outcomes.begin(&chat(), "a", EventId(1), true);
        outcomes.report(EventId(2), || RequestOutcome::Skipped);
        outcomes.report(EventId(1), || RequestOutcome::Done);
        assert_eq!(watched.outcome().await, RequestOutcome::Done);
        drop(outcomes);
        assert_eq!(other.outcome().await, RequestOutcome::Unknown);
    }

    #[tokio::test]
    async fn those_who_do_not_wait_and_those_of_other_processes_are_not_kept() {
        let outcomes = Outcomes::default();
        drop(outcomes.watch(chat(), "a", true));
        let elsewhere = outcomes.watch(chat(), "b", false);
        assert_eq!(elsewhere.outcome().await, RequestOutcome::Unknown);
        let kept = outcomes.watch(chat(), "c", true);
        assert_eq!(lock(&outcomes.waiting).requested.len(), 1);
        drop(kept);
    }
}
