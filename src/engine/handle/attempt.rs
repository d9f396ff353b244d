//! Attempts at an event: counted before they are made, and what follows when one fails.
//!
//! The count is in the store before the handler runs, so that one that takes the process with it is counted, too. A
//! failure leaves nothing behind and is tried again after a pause, while its lane waits; after
//! [`Options::attempts`](crate::engine::Options::attempts) of them the event rests among the dead letters.
//!
//! What is rare is boxed where it is awaited, here and in all of the engine: every turn's future has room for all that it
//! may come to, and is allocated and moved with it. What is common is boxed where its future would grow beyond a kilobyte:
//! larger pieces the allocator does not keep at hand.

use std::sync::Arc;
use std::time::Duration;

use super::connectors::OUTSIDE_ATTEMPTS_MAX;
use crate::engine::keyed_queues::Next;
use crate::engine::retry::pause;
use crate::engine::{Engine, Job, lock};
use crate::handler::{Error, Result};
use crate::store::{
    Conversation, EventId, Failure, OrderingKey, Outcome, QueuedCall, StartedTurn, TurnCommit,
};

/// How long a lane waits for a store that cannot be read.
pub(in crate::engine) const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// Runs one attempt at something that has no state and says nothing.
    pub(in crate::engine) async fn attempt(
        &self,
        lane: &OrderingKey,
        id: EventId,
        run: impl AsyncFnOnce() -> Result,
    ) -> Next<Job> {
        let begun = match self.begin(lane, id, None, Vec::new).await {
            Ok(begun) => begun,
            Err(next) => return next,
        };
        let end = match run().await {
            Ok(()) => Outcome::Done,
            Err(error) if begun.attempt < self.options.attempts => {
                return Box::pin(self.fail(lane, id, begun.attempt, &error)).await;
            }
            Err(error) => self.end_of(lane, &error, false),
        };
        let turn = TurnCommit::done(id, self.options.clock.now());
        self.finish(
            lane,
            &TurnCommit {
                outcome: end,
                ..turn
            },
            false,
        )
        .await
    }

    /// Counts an attempt. One too many means that the process died in each of those before: then all that is left to do are
    /// these last calls.
    pub(in crate::engine) async fn begin(
        &self,
        lane: &OrderingKey,
        id: EventId,
        state: Option<&Conversation>,
        last: impl FnOnce() -> Vec<Arc<QueuedCall>>,
    ) -> Result<StartedTurn, Next<Job>> {
        let attempts = match lane {
            OrderingKey::Chat(here) if here.connector().is_some() => OUTSIDE_ATTEMPTS_MAX,
            _ => self.options.attempts,
        };
        match self.options.store.begin(id, state).await {
            Ok(Some(begun)) if begun.attempt > attempts => {
                let error = format!("the process ended during the last of {attempts} attempts");
                tracing::error!(%lane, event = %id, error, "an event rests among the dead letters");
                Box::pin(self.dead_letter_event(id, error, last())).await;
                Err(Next::Done)
            }
            Ok(Some(begun)) => Ok(begun),
            Ok(None) => Err(Next::Done),
            Err(error) => {
                tracing::error!(%lane, event = %id, %error, "a turn cannot begin, since the store fails");
                Err(Next::Again(Job::stored(id), STORE_PAUSE))
            }
        }
    }

    /// Notes a failure that is not the last.
    pub(in crate::engine) async fn fail(
        &self,
        lane: &OrderingKey,
        id: EventId,
        attempt: u32,
        error: &Error,
    ) -> Next<Job> {
        let pause = pause(id.0, attempt);
        self.counts.failed.add();
        tracing::warn!(%lane, event = %id, attempt, %error, ?pause, "a turn failed, and is tried again");
        let failure = Failure {
            at: self.options.clock.now(),
            error: error.to_string(),
        };
        if let Err(error) = self.options.store.fail(id, failure).await {
            tracing::error!(%lane, event = %id, %error, "the failure is not noted");
        }
        Next::Again(Job::stored(id), pause)
    }

    /// The end of an event whose last attempt failed.
    pub(in crate::engine) fn end_of(
        &self,
        lane: &OrderingKey,
        error: &Error,
        blocks: bool,
    ) -> Outcome {
        self.counts.failed.add();
        self.counts.dead.add();
        tracing::error!(%lane, %error, blocks, "an event cannot be handled, and rests among the dead letters");
        let error = error.to_string();
        Outcome::Dead { error, blocks }
    }

    /// Puts an event among the dead letters whose handler is not asked.
    pub(in crate::engine) async fn give_up(
        &self,
        lane: &OrderingKey,
        id: EventId,
        error: String,
    ) -> Next<Job> {
        tracing::error!(%lane, event = %id, error, "an event rests among the dead letters");
        self.dead_letter_event(id, error, Vec::new()).await;
        Next::Done
    }

    /// Ends an event that is nobody's business.
    pub(in crate::engine) async fn skip(&self, id: EventId) -> Next<Job> {
        self.commit(&TurnCommit::done(id, self.options.clock.now()))
            .await;
        Next::Done
    }

    /// Commits a turn, and lets its lane go on or wait.
    pub(in crate::engine) async fn finish(
        &self,
        lane: &OrderingKey,
        turn: &TurnCommit,
        blocks: bool,
    ) -> Next<Job> {
        let id = turn.event;
        if blocks {
            lock(&self.blocked).insert(lane.clone());
        }
        match self.commit(turn).await {
            false => Next::Again(Job::stored(id), STORE_PAUSE), // the program stops
            true if blocks => Next::Blocked,
            true => Next::Done,
        }
    }
}
