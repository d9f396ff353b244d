//! How a call gets its turn: at once, after waiting in the line, or together with others.
//!
//! Nobody serves a line in which nobody waits. The first who has to wait starts a task that gives turns until the line is
//! empty, and books the portal's time for them.

pub(super) mod batching;
pub(super) mod breaker;
pub(super) mod bucket;
pub(super) mod queue;

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::http::answer::Answer;
use super::{Error, Portal, Urgency};
use crate::store::Clock;
use bucket::Plan;
use queue::{CallQueue, Next, QUEUE_MAX};

/// The line of a portal, and what is known about who may go together.
#[derive(Debug)]
pub(super) struct Scheduler {
    pub(super) queue: CallQueue<PendingCall>,
    is_running: bool,
    /// Methods that the portal has refused in a batch.
    alone: HashSet<String>,
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct PendingCall {
    method: String,
    params: Value,
    turn: oneshot::Sender<Permit>,
}

/// What came of waiting.
#[derive(Debug)]
pub(super) enum Permit {
    /// The call may be made now.
    Granted,
    /// It was made together with others.
    Answered(Result<Answer, Error>),
}

impl Scheduler {
    pub(super) fn new(plan: Plan) -> Scheduler {
        Scheduler {
            queue: CallQueue::new(plan),
            is_running: false,
            alone: HashSet::new(),
        }
    }
}

impl Portal {
    /// Waits until the limit lets this call pass, or until it has been made together with others.
    pub(super) async fn acquire(&self, method: &str, params: &Value) -> Result<Permit, Error> {
        self.acquire_slot(method, params, true).await
    }

    /// Waits until the limit lets one more request pass.
    pub(super) async fn acquire_one(&self, method: &str) -> Result<(), Error> {
        self.acquire_slot(method, &Value::Null, false)
            .await
            .map(drop)
    }

    async fn acquire_slot(
        &self,
        method: &str,
        params: &Value,
        may_fold: bool,
    ) -> Result<Permit, Error> {
        let turn = {
            let mut scheduler = self.scheduler();
            if scheduler
                .queue
                .try_acquire(self.slot.urgency, Instant::now())
            {
                return Ok(Permit::Granted);
            }
            if scheduler.queue.len() >= QUEUE_MAX {
                return Err(Error::crowded(method));
            }
            let may_fold = may_fold && !scheduler.alone.contains(method);
            let size = may_fold.then(|| batching::size(method, params)).flatten();
            let (turn, given) = oneshot::channel();
            let pending = PendingCall {
                method: method.to_owned(),
                params: size.map(|_| params.clone()).unwrap_or_default(),
                turn,
            };
            scheduler.queue.push(self.slot, size, pending);
            if self.slot.urgency == Urgency::Answer {
                self.inner.asked.notify_one(); // bulk work may be waited for that leaves room for it
            }
            if !scheduler.is_running {
                scheduler.is_running = true;
                tokio::spawn(self.clone().run_queue());
            }
            given
        };
        turn.await.map_err(|_| Error::crowded(method)) // the program ends
    }

    /// Gives turns until nobody waits. Boxed, since a turn may begin a request that waits in the line again.
    fn run_queue(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            loop {
                let next = self.next();
                match next {
                    Next::Empty => return,
                    Next::WaitUntil(moment) => tokio::select! {
                        () = sleep_until(moment) => {}
                        () = self.inner.asked.notified() => {}
                    },
                    Next::Book => self.book().await,
                    Next::Single(pending) => drop(pending.turn.send(Permit::Granted)), // it may go away this moment
                    Next::Batch(pending) => drop(tokio::spawn(self.clone().send_batch(pending))),
                }
            }
        })
    }

    /// Whose turn it is, among those who still wait for it.
    fn next(&self) -> Next<PendingCall> {
        let mut scheduler = self.scheduler();
        loop {
            let next = match scheduler.queue.next(Instant::now()) {
                Next::Single(pending) if pending.turn.is_closed() => None,
                Next::Batch(mut pending) => {
                    pending.retain(|pending| !pending.turn.is_closed());
                    (!pending.is_empty()).then_some(Next::Batch(pending))
                }
                next => Some(next),
            };
            if let Some(next) = next {
                scheduler.is_running = !matches!(next, Next::Empty);
                return next;
            }
            scheduler.queue.bucket.give_back(); // they are not called for
        }
    }

    /// Books the portal's time for the next requests. If the store cannot, this process counts for itself.
    async fn book(&self) {
        let (now, time) = (Instant::now(), Clock::default().now());
        let Some(booking) = self.scheduler().queue.bucket.booking(now, time) else {
            return;
        };
        let booked = self.inner.store.book(self.id(), booking).await;
        let booked = booked.unwrap_or_else(|error| {
            tracing::warn!(portal = %self.id(), %error, "the limit is not shared with other processes");
            booking.after(booking.from)
        });
        self.scheduler().queue.bucket.book(&booked, now, time);
    }

    /// Makes calls together, and tells each its own answer.
    async fn send_batch(self, pending: Vec<PendingCall>) {
        tracing::debug!(portal = %self.id(), calls = pending.len(), "the limit is reached; calls go together");
        let access = self.access().await;
        let command = |(key, pending): (usize, &PendingCall)| {
            let command = batching::command(&pending.method, &pending.params, &access);
            (key.to_string(), command.into())
        };
        let commands: Map<String, Value> = pending.iter().enumerate().map(command).collect();
        let answer = self
            .request("batch", &batching::batch(commands, false))
            .await;
        let mut answers = answer.map(|answer| batching::Answers::of(answer.result));
        for (key, pending) in pending.into_iter().enumerate() {
            let own = match &mut answers {
                Ok(answers) => answers
                    .take(&key.to_string(), &pending.method)
                    .unwrap_or_else(|| {
                        Err(Error::answer(
                            &pending.method,
                            "the batch does not answer it",
                        ))
                    }),
                Err(error) => Err(error.of(&pending.method)),
            };
            if own.as_ref().is_err_and(Error::may_not_be_folded) {
                self.scheduler().alone.insert(pending.method);
            }
            drop(pending.turn.send(Permit::Answered(own))); // who has gone away needs none
        }
    }

    pub(super) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        let scheduler = self.inner.scheduler.lock();
        scheduler.unwrap_or_else(PoisonError::into_inner) // a panic leaves nothing half done
    }
}
