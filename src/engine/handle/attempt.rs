//! Attempts at an event: each is counted before it is made; after a failure the event is retried or
//! becomes a dead letter.
//!
//! The count is in the store before the handler runs, so an attempt that kills the process is
//! counted too. A failed attempt leaves nothing behind. It is retried after a pause, while its
//! queue waits; after [`Options::attempts`](crate::engine::Options::attempts) of them, or after an
//! error that cannot pass, the event becomes a dead letter.
//!
//! Here and in all of the engine, what is rare is boxed where it is awaited: the future of every
//! turn has room for all branches, and is allocated and moved with it. What is common is boxed
//! where its future would grow beyond a kilobyte, because the allocator does not keep larger pieces
//! at hand.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::CurrentEvent;
use super::connectors::OUTSIDE_ATTEMPTS_MAX;
use crate::engine::keyed_queues::Next;
use crate::engine::retry::pause;
use crate::engine::{Engine, QueuedEvent};
use crate::handler::{Error, Result};
use crate::portal::{Portal, Urgency};
use crate::store::{
    Conversation, Failure, OrderingKey, Outcome, QueuedCall, ReminderChange, StartedTurn,
    StoreErrorKind, TurnCommit,
};

/// How long a queue waits for a store that cannot be read or written.
pub(in crate::engine) const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What remains to be done when an event becomes a dead letter without its handler.
#[derive(Debug, Default)]
pub(in crate::engine) struct LastEffects {
    /// The calls to be made.
    pub(in crate::engine) calls: Vec<Arc<QueuedCall>>,
    /// The reminders to be set.
    pub(in crate::engine) reminders: Vec<ReminderChange>,
}

impl Engine {
    /// Runs one attempt at an event that has no state and makes no calls.
    pub(super) async fn attempt(
        &self,
        current: CurrentEvent<'_>,
        run: impl AsyncFnOnce() -> Result,
    ) -> Next<QueuedEvent> {
        let started = match self.begin(current, None, LastEffects::default).await {
            Ok(started) => started,
            Err(next) => return next,
        };
        #[cfg(feature = "testing")]
        let running = self.options.seams.handler();
        let handled = run().await;
        #[cfg(feature = "testing")]
        drop(running);
        let end = match handled {
            Ok(()) => Outcome::Done,
            Err(error) if started.attempt < self.options.attempts && !error.is_permanent() => {
                return Box::pin(self.fail(current, started.attempt, &error)).await;
            }
            Err(error) => self.dead_outcome(current, &error, false),
        };
        let turn = TurnCommit::done(current.id, self.options.clock.now());
        let turn = TurnCommit {
            outcome: end,
            ..turn
        };
        self.finish(current, &turn, false).await
    }

    /// Counts an attempt, and loads the state of a chat. One attempt too many means that the
    /// process died during each of those before: then the event becomes a dead letter with these
    /// last effects.
    pub(in crate::engine) async fn begin(
        &self,
        current: CurrentEvent<'_>,
        state: Option<&Conversation>,
        last: impl FnOnce() -> LastEffects,
    ) -> Result<StartedTurn, Next<QueuedEvent>> {
        let CurrentEvent { id, key } = current;
        let attempts = match key {
            OrderingKey::Chat(chat) if chat.connector().is_some() => OUTSIDE_ATTEMPTS_MAX,
            _ => self.options.attempts,
        };
        match self.options.store.begin(id, state).await {
            Ok(Some(started)) if started.attempt > attempts => {
                let error = format!("the process ended during the last of {attempts} attempts");
                tracing::error!(%key, event = %id, error, "an event is a dead letter");
                Box::pin(self.dead_letter_event(id, error, last())).await;
                Err(Next::Done)
            }
            Ok(Some(started)) => Ok(started),
            Ok(None) => Err(Next::Done),
            Err(error) => {
                if error.kind() == StoreErrorKind::NotOwner {
                    // The store is about to say that the partition is lost, which ends this work.
                    tracing::debug!(%key, event = %id, "a turn cannot start, because another process owns the portal now");
                } else {
                    tracing::error!(%key, event = %id, %error, "a turn cannot start, because the store fails; retrying");
                }
                Err(Next::Retry(QueuedEvent::stored(id), STORE_PAUSE))
            }
        }
    }

    /// Stores a failure that is not the last, and retries after a pause.
    pub(super) async fn fail(
        &self,
        current: CurrentEvent<'_>,
        attempt: u32,
        error: &Error,
    ) -> Next<QueuedEvent> {
        let CurrentEvent { id, key } = current;
        let portal = self.portal(key.portal()).filter(Portal::is_away);
        let pause = pause(id.0, attempt);
        self.counts.failed.add();
        tracing::warn!(%key, event = %id, attempt, %error, ?pause, "a turn failed; retrying");
        let failure = Failure {
            at: self.options.clock.now(),
            error: error.to_string(),
        };
        if let Err(error) = self.options.store.fail(id, failure).await {
            tracing::error!(%key, event = %id, %error, "the failure cannot be stored");
        }
        let Some(portal) = portal else {
            return Next::Retry(QueuedEvent::stored(id), pause);
        };
        // The portal may be why it failed: when it is back, the event does not wait any longer.
        Next::Later(Box::pin(async move {
            let _ = timeout(pause, portal.until_back()).await;
            QueuedEvent::stored(id)
        }))
    }

    /// Counts and logs the failure of the last attempt, and returns the outcome.
    pub(super) fn dead_outcome(
        &self,
        current: CurrentEvent<'_>,
        error: &Error,
        blocks: bool,
    ) -> Outcome {
        self.counts.failed.add();
        self.counts.dead.add();
        tracing::error!(key = %current.key, %error, blocks, "an event cannot be handled and is a dead letter");
        let error = error.to_string();
        Outcome::Dead { error, blocks }
    }

    /// Commits a turn. Then its queue continues, or waits for an operator if the turn `blocks` it.
    pub(in crate::engine) async fn finish(
        &self,
        current: CurrentEvent<'_>,
        turn: &TurnCommit,
        blocks: bool,
    ) -> Next<QueuedEvent> {
        self.finish_for(current, turn, blocks, Urgency::Answer)
            .await
    }

    /// The same for calls that these people wait for.
    pub(in crate::engine) async fn finish_for(
        &self,
        current: CurrentEvent<'_>,
        turn: &TurnCommit,
        blocks: bool,
        urgency: Urgency,
    ) -> Next<QueuedEvent> {
        if blocks {
            self.backlog.block(current.key.clone());
        }
        if !self.commit_for(turn, urgency).await {
            return Next::Retry(QueuedEvent::stored(current.id), STORE_PAUSE); // the program stops
        }
        if blocks { Next::Blocked } else { Next::Done }
    }
}
