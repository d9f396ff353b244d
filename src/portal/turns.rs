//! How a call gets its turn: at once, after waiting in the line, or together with others.
//!
//! Nobody serves a line in which nobody waits. The first who has to wait starts a task that gives turns until the line is
//! empty.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::Answer;
use super::limit::Plan;
use super::line::{LINE_MAX, Line, Next};
use super::{Error, Portal, fold};

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
            let size = may_fold.then(|| fold::size(method, params)).flatten();
            let (turn, given) = oneshot::channel();
            let ticket = Ticket {
                method: method.to_owned(),
                params: size.map(|_| params.clone()).unwrap_or_default(),
                turn,
            };
            desk.line.push(self.place, size, ticket);
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
                    Next::At(moment) => tokio::time::sleep_until(moment).await,
                    Next::Alone(ticket) => {
                        if ticket.turn.send(Turn::Now).is_err() {
                            self.desk().line.bucket.give_back(); // who has gone away needs none
                        }
                    }
                    Next::Together(tickets) => drop(tokio::spawn(self.clone().make(tickets))),
                }
            }
        })
    }

    fn next(&self) -> Next<Ticket> {
        let mut desk = self.desk();
        let next = desk.line.next(Instant::now());
        desk.is_served = !matches!(next, Next::Nobody);
        next
    }

    /// Makes calls together, and tells each its own answer.
    async fn make(self, tickets: Vec<Ticket>) {
        tracing::debug!(portal = %self.id(), calls = tickets.len(), "the limit is reached; calls go together");
        let (tickets, gone): (Vec<_>, Vec<_>) = tickets
            .into_iter()
            .partition(|ticket| !ticket.turn.is_closed());
        drop(gone); // they are not called for
        if tickets.is_empty() {
            return self.desk().line.bucket.give_back();
        }
        let access = self.access().await;
        let command = |(key, ticket): (usize, &Ticket)| {
            let command = fold::command(&ticket.method, &ticket.params, &access);
            (key.to_string(), command.into())
        };
        let commands: Map<String, Value> = tickets.iter().enumerate().map(command).collect();
        let answer = self.request("batch", &fold::batch(commands, false)).await;
        let mut answers = answer.map(|answer| fold::Answers::of(answer.result));
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
