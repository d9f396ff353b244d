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
use queue::{LINE_MAX, Line, Next};

/// The line of a portal, and what is known about who may go together.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) line: Line<Ticket>,
    is_served: bool,
    /// Methods that the portal has refused in a batch.
    alone: HashSet<String>,
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Ticket {
    method: String,
    params: Value,
    turn: oneshot::Sender<Turn>,
}

/// What came of waiting.
#[derive(Debug)]
pub(super) enum Turn {
    /// The call may be made now.
    Now,
    /// It was made together with others.
    Made(Result<Answer, Error>),
}

impl Desk {
    pub(super) fn new(plan: Plan) -> Desk {
        Desk {
            line: Line::new(plan),
            is_served: false,
            alone: HashSet::new(),
        }
    }
}

impl Portal {
    /// Waits until the limit lets this call pass, or until it has been made together with others.
    pub(super) async fn turn(&self, method: &str, params: &Value) -> Result<Turn, Error> {
        self.stand(method, params, true).await
    }

    /// Waits until the limit lets one more request pass.
    pub(super) async fn pass(&self, method: &str) -> Result<(), Error> {
        self.stand(method, &Value::Null, false).await.map(drop)
    }

    async fn stand(&self, method: &str, params: &Value, may_fold: bool) -> Result<Turn, Error> {
        let turn = {
            let mut desk = self.desk();
            if desk.line.pass(self.place.urgency, Instant::now()) {
                return Ok(Turn::Now);
            }
            if desk.line.len() >= LINE_MAX {
                return Err(Error::crowded(method));
            }
            let may_fold = may_fold && !desk.alone.contains(method);
            let size = may_fold.then(|| batching::size(method, params)).flatten();
            let (turn, given) = oneshot::channel();
            let ticket = Ticket {
                method: method.to_owned(),
                params: size.map(|_| params.clone()).unwrap_or_default(),
                turn,
            };
            desk.line.push(self.place, size, ticket);
            if self.place.urgency == Urgency::Answer {
                self.inner.asked.notify_one(); // bulk work may be waited for that leaves room for it
            }
            if !desk.is_served {
                desk.is_served = true;
                tokio::spawn(self.clone().serve());
            }
            given
        };
        turn.await.map_err(|_| Error::crowded(method)) // the program ends
    }

    /// Gives turns until nobody waits. Boxed, since a turn may begin a request that waits in the line again.
    fn serve(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            loop {
                let next = self.next();
                match next {
                    Next::Nobody => return,
                    Next::At(moment) => tokio::select! {
                        () = sleep_until(moment) => {}
                        () = self.inner.asked.notified() => {}
                    },
                    Next::Book => self.book().await,
                    Next::Alone(ticket) => drop(ticket.turn.send(Turn::Now)), // it may go away this moment
                    Next::Together(tickets) => drop(tokio::spawn(self.clone().make(tickets))),
                }
            }
        })
    }

    /// Whose turn it is, among those who still wait for it.
    fn next(&self) -> Next<Ticket> {
        let mut desk = self.desk();
        loop {
            let next = match desk.line.next(Instant::now()) {
                Next::Alone(ticket) if ticket.turn.is_closed() => None,
                Next::Together(mut tickets) => {
                    tickets.retain(|ticket| !ticket.turn.is_closed());
                    (!tickets.is_empty()).then_some(Next::Together(tickets))
                }
                next => Some(next),
            };
            if let Some(next) = next {
                desk.is_served = !matches!(next, Next::Nobody);
                return next;
            }
            desk.line.bucket.give_back(); // they are not called for
        }
    }

    /// Books the portal's time for the next requests. If the store cannot, this process counts for itself.
    async fn book(&self) {
        let (now, time) = (Instant::now(), Clock::default().now());
        let Some(booking) = self.desk().line.bucket.booking(now, time) else {
            return;
        };
        let booked = self.inner.store.book(self.id(), booking).await;
        let booked = booked.unwrap_or_else(|error| {
            tracing::warn!(portal = %self.id(), %error, "the limit is not shared with other processes");
            booking.after(booking.from)
        });
        self.desk().line.bucket.book(&booked, now, time);
    }

    /// Makes calls together, and tells each its own answer.
    async fn make(self, tickets: Vec<Ticket>) {
        tracing::debug!(portal = %self.id(), calls = tickets.len(), "the limit is reached; calls go together");
        let access = self.access().await;
        let command = |(key, ticket): (usize, &Ticket)| {
            let command = batching::command(&ticket.method, &ticket.params, &access);
            (key.to_string(), command.into())
        };
        let commands: Map<String, Value> = tickets.iter().enumerate().map(command).collect();
        let answer = self
            .request("batch", &batching::batch(commands, false))
            .await;
        let mut answers = answer.map(|answer| batching::Answers::of(answer.result));
        for (key, ticket) in tickets.into_iter().enumerate() {
            let own = match &mut answers {
                Ok(answers) => answers
                    .take(&key.to_string(), &ticket.method)
                    .unwrap_or_else(|| {
                        Err(Error::answer(
                            &ticket.method,
                            "the batch does not answer it",
                        ))
                    }),
                Err(error) => Err(error.of(&ticket.method)),
            };
            if own.as_ref().is_err_and(Error::may_not_be_folded) {
                self.desk().alone.insert(ticket.method);
            }
            drop(ticket.turn.send(Turn::Made(own))); // who has gone away needs none
        }
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        let desk = self.inner.desk.lock();
        desk.unwrap_or_else(PoisonError::into_inner) // a panic leaves nothing half done
    }
}
