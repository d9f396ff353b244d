//! Makes a call wait until the portal's rate limit permits it.
//!
//! An empty queue needs no task. The first call that has to wait starts one, which books the
//! portal's time and grants permits until the queue is empty.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::batching;
use super::bucket::Plan;
use super::queue::{CallQueue, Next, QUEUE_MAX};
use crate::portal::http::answer::Answer;
use crate::portal::http::request::RestVersion;
use crate::portal::{Error, Portal, Urgency};

/// The queue of a portal, and the methods that cannot be batched.
#[derive(Debug)]
pub(in crate::portal) struct Scheduler {
    pub(in crate::portal) queue: CallQueue<PendingCall>,
    /// Whether a task takes calls from the queue.
    is_running: bool,
    /// Methods that the portal has refused in a batch.
    unbatchable: HashSet<String>,
}

/// A call that waits in the queue.
#[derive(Debug)]
pub(in crate::portal) struct PendingCall {
    method: String,
    params: Value,
    /// Whether only the process may make it that owns the portal.
    is_owners: bool,
    permit: oneshot::Sender<Permit>,
}

/// The result of waiting: the call may be made, or it was made in a batch.
#[derive(Debug)]
#[must_use = "a granted permit has used up one request of the limit"]
pub(in crate::portal) enum Permit {
    /// The call may be made now.
    Granted,
    /// The call was made as part of a batch.
    Answered(Result<Answer, Error>),
}

impl Scheduler {
    pub(in crate::portal) fn new(plan: Plan) -> Self {
        Self {
            queue: CallQueue::new(plan),
            is_running: false,
            unbatchable: HashSet::new(),
        }
    }
}

impl Portal {
    /// Waits until the limit permits this call, or until it was made as part of a batch.
    pub(in crate::portal) async fn acquire(
        &self,
        method: &str,
        params: &Value,
    ) -> Result<Permit, Error> {
        self.acquire_permit(method, params, self.token().is_none())
            .await
    }

    /// Waits until the limit permits one more request.
    pub(in crate::portal) async fn acquire_one(&self, method: &str) -> Result<(), Error> {
        let _granted = self.acquire_permit(method, &Value::Null, false).await?;
        Ok(())
    }

    async fn acquire_permit(
        &self,
        method: &str,
        params: &Value,
        may_batch: bool,
    ) -> Result<Permit, Error> {
        let granted = {
            let mut scheduler = self.scheduler();
            if scheduler
                .queue
                .try_acquire(self.slot.urgency, Instant::now())
            {
                return Ok(Permit::Granted);
            }
            if scheduler.queue.len() >= QUEUE_MAX {
                return Err(Error::queue_full(method, QUEUE_MAX));
            }
            let may_batch = may_batch && !scheduler.unbatchable.contains(method);
            let size = may_batch.then(|| batching::size(method, params)).flatten();
            let (permit, granted) = oneshot::channel();
            let pending = PendingCall {
                method: method.to_owned(),
                params: size.map(|_| params.clone()).unwrap_or_default(),
                is_owners: self.variant.as_ref().is_some_and(|own| own.is_owners),
                permit,
            };
            scheduler.queue.push(self.slot, size, pending);
            if self.slot.urgency != Urgency::Bulk {
                self.inner.answer_queued.notify_one(); // it may go before a less urgent call
            }
            if !scheduler.is_running {
                scheduler.is_running = true;
                let queue = self.as_installed().run_queue();
                tokio::spawn(self.watch().watch("calls", queue));
            }
            granted
        };
        granted
            .await
            .map_err(|_| Error::queue_full(method, QUEUE_MAX)) // the program ends, so nobody reads this
    }

    /// Grants permits until the queue is empty. Boxed, since sending a batch may wait in the queue
    /// again.
    fn run_queue(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            loop {
                let next = self.next();
                match next {
                    Next::Empty => return,
                    Next::WaitUntil(moment) => tokio::select! {
                        () = sleep_until(moment) => {}
                        () = self.inner.answer_queued.notified() => {}
                    },
                    Next::Book => self.book().await,
                    Next::Single(pending) => {
                        let _ = pending.permit.send(Permit::Granted); // the caller may be gone by now
                    }
                    Next::Batch(pending) => {
                        let batch = self.clone().send_batch(pending);
                        tokio::spawn(self.watch().watch("calls", batch));
                    }
                }
            }
        })
    }

    /// Returns the next step, without the calls whose callers are gone.
    fn next(&self) -> Next<PendingCall> {
        let mut scheduler = self.scheduler();
        loop {
            let next = match scheduler.queue.next(Instant::now()) {
                Next::Single(pending) if pending.permit.is_closed() => None,
                Next::Batch(mut pending) => {
                    pending.retain(|pending| !pending.permit.is_closed());
                    (!pending.is_empty()).then_some(Next::Batch(pending))
                }
                next => Some(next),
            };
            if let Some(next) = next {
                scheduler.is_running = !matches!(next, Next::Empty);
                return next;
            }
            scheduler.queue.bucket.give_back(); // no caller is left, so no request is made
        }
    }

    /// Books the portal's time for the next requests. If the store cannot book it, this
    /// process keeps to the limit alone.
    async fn book(&self) {
        let (now, time) = (Instant::now(), self.now());
        let Some(booking) = self.scheduler().queue.bucket.booking(now, time) else {
            return;
        };
        let booked = self.inner.store.book(self.id(), booking).await;
        let booked = booked.unwrap_or_else(|error| {
            tracing::warn!(portal = %self.id(), %error, "the rate limit is not shared with other processes");
            booking.after(booking.from)
        });
        self.scheduler().queue.bucket.book(&booked, now, time);
    }

    /// Sends calls as one batch, and gives each caller its own answer.
    async fn send_batch(self, mut pending: Vec<PendingCall>) {
        if !self.owner_may_send() {
            let refused = pending.extract_if(.., |pending| pending.is_owners);
            for PendingCall { method, permit, .. } in refused {
                let _ = permit.send(Permit::Answered(Err(Error::not_owner(&method)))); // the caller may be gone by now
            }
            if pending.is_empty() {
                return;
            }
        }
        tracing::debug!(portal = %self.id(), calls = pending.len(), "the rate limit is reached; sending a batch");
        let access = self.access().await;
        let command = |(key, pending): (usize, &PendingCall)| {
            let command = batching::command(&pending.method, &pending.params, &access);
            (key.to_string(), command.into())
        };
        let commands: Map<String, Value> = pending.iter().enumerate().map(command).collect();
        let answer = self
            .request(
                RestVersion::Classic,
                "batch",
                &batching::params(commands, false),
            )
            .await;
        let mut answers = answer.map(|answer| batching::BatchAnswers::from_result(answer.result));
        for (key, pending) in pending.into_iter().enumerate() {
            let own = match &mut answers {
                Ok(answers) => answers
                    .take(&key.to_string(), &pending.method)
                    .unwrap_or_else(|| {
                        Err(Error::answer(
                            &pending.method,
                            "the answer of the batch does not contain it",
                        ))
                    }),
                Err(error) => Err(error.for_method(&pending.method)),
            };
            if own.as_ref().is_err_and(Error::is_not_allowed_in_batch) {
                self.scheduler().unbatchable.insert(pending.method);
            }
            let _ = pending.permit.send(Permit::Answered(own)); // the caller may be gone by now
        }
    }

    pub(in crate::portal) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        let scheduler = self.inner.scheduler.lock();
        scheduler.unwrap_or_else(PoisonError::into_inner) // no panic can leave it inconsistent
    }
}
