//! The task that writes: it commits all waiting operations of turns together, and other operations
//! one by one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;

use super::fault::Fault;
use super::fence::Holdings;
use super::link::{Attempts, Link};
use super::session::Session;
use super::step::{self, Step, step};
use super::turns::{Began, Begin, PreparedCommit};
use super::work::{self, Reply, Work, send_reply};
use super::{number, outbox, turns};
use crate::store::{Partition, StartedTurn};

/// Maximum number of operations in one transaction.
const GROUP_MAX: usize = 1_024;

const FENCE: &str = "SELECT fence($1, $2, $3)";

/// Lets the commit of the transaction return before it is on the disk. A count of attempts outlives
/// this process then, and is lost only if the server crashes within a second.
const DO_NOT_WAIT: &str = "SELECT set_config('synchronous_commit', 'off', true)";

/// Writes a record, so that the commit of a transaction that changes nothing waits for a standby
/// too: what it has read may not be there yet.
const MAKE_DURABLE: &str = "SELECT pg_logical_emit_message(true, 'imbot', '')";

/// An operation of a turn, with its result and the channel to its caller.
pub(super) struct Pending<I, O> {
    pub(super) input: I,
    pub(super) done: Option<O>,
    pub(super) reply: Reply<O>,
}

/// An operation that can be one of many in a transaction.
pub(super) enum Operation {
    Begin(Pending<Begin, Option<StartedTurn>>),
    Commit(Pending<Box<PreparedCommit>, ()>),
    Take(Pending<outbox::Take, Option<outbox::TakenRow>>),
    Settle(Pending<outbox::Settle, ()>),
}

impl Operation {
    /// Returns the partitions that this changes.
    fn partitions(&self) -> Vec<Partition> {
        match self {
            Self::Begin(own) => vec![number::partition_of_event(own.input.event)],
            Self::Commit(own) => own.input.partitions().collect(),
            Self::Take(own) => vec![number::partition_of_event(own.input.call.event)],
            Self::Settle(own) => vec![number::partition_of_event(own.input.call.event)],
        }
    }

    /// Returns true if this can be one of many.
    fn is_plain(&self) -> bool {
        match self {
            Self::Begin(_) | Self::Take(_) => true,
            Self::Commit(own) => own.input.is_plain(),
            Self::Settle(own) => own.input.is_plain(),
        }
    }

    /// Sends the outcome, if the caller still waits for it.
    fn answer(self, fault: Option<Fault>) {
        match self {
            Self::Begin(own) => send_reply(own.reply, own.done, fault),
            Self::Commit(own) => send_reply(own.reply, own.done, fault),
            Self::Take(own) => send_reply(own.reply, own.done, fault),
            Self::Settle(own) => send_reply(own.reply, own.done, fault),
        }
    }
}

/// A request to the task that writes.
pub(super) enum Request {
    Turn(Operation, Instant),
    Work(Box<dyn Work>, Instant),
    Close(Reply<()>),
}

/// The operations of a group have to be run one by one.
struct ApartNeeded;

/// The task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) link: Link,
    pub(super) holdings: Arc<Holdings>,
}

impl Writer {
    /// Runs until a request to close, or until all senders are dropped.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = self.link.idle_until(requests.recv()).await {
            let (mut group, mut works, mut closing) = (Vec::new(), Vec::new(), None);
            let (mut next, mut count) = (Some(first), 0);
            while let Some(request) = next {
                match request {
                    Request::Turn(operation, since) => group.push((operation, since)),
                    Request::Work(work, since) => works.push((work, since)),
                    Request::Close(reply) => {
                        closing = Some(reply);
                        break;
                    }
                }
                count += 1;
                if count >= GROUP_MAX {
                    break;
                }
                next = requests.try_recv().ok();
            }
            self.run_group(group).await;
            for (work, since) in works {
                self.run_work(work, since).await;
            }
            if let Some(reply) = closing {
                drop(requests);
                let _ = reply.send(Ok(()));
                return;
            }
        }
    }

    /// Runs and answers operations of turns: those that can be in one transaction, and then the
    /// others alone.
    async fn run_group(&mut self, group: Vec<(Operation, Instant)>) {
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        let mut begun = HashSet::new();
        for (operation, since) in group {
            let is_owned = operation
                .partitions()
                .into_iter()
                .all(|partition| self.holdings.epoch(partition).is_some());
            // An event that begins twice at once is counted twice.
            let is_second = match &operation {
                Operation::Begin(own) => !begun.insert(own.input.event),
                _ => false,
            };
            if !is_owned {
                operation.answer(Some(Fault::NotOwner));
            } else if operation.is_plain() && !is_second {
                together.push((operation, since));
            } else {
                alone.push((operation, since));
            }
        }
        let mut is_repeat = false;
        if !together.is_empty() {
            match self.run_together(&mut together).await {
                Ok(fault) => {
                    for (operation, _) in together {
                        operation.answer(fault.clone());
                    }
                }
                Err(ApartNeeded) => {
                    is_repeat = true;
                    alone.splice(0..0, together);
                }
            }
        }
        for (operation, since) in alone {
            self.run_alone(operation, since, is_repeat).await;
        }
    }

    /// Runs operations in one transaction until that succeeds, or their time is over. Returns the
    /// last fault in that case.
    async fn run_together(
        &mut self,
        group: &mut [(Operation, Instant)],
    ) -> Result<Option<Fault>, ApartNeeded> {
        let first = group.iter().map(|(_, since)| *since).min();
        let mut attempts = self.link.attempts(first.unwrap_or_else(Instant::now));
        loop {
            let Err(fault) = self.attempt_together(group, &attempts).await else {
                return Ok(None);
            };
            self.link.apply(&fault);
            // One of them may be the cause. After a lost answer, a commit may find its event gone,
            // which only it alone accepts.
            if !fault.is_of_all() {
                return Err(ApartNeeded);
            }
            if !attempts.again(&fault).await {
                return Ok(Some(attempts.reason(fault)));
            }
        }
    }

    async fn attempt_together(
        &mut self,
        group: &mut [(Operation, Instant)],
        attempts: &Attempts,
    ) -> Result<(), Fault> {
        let Self { link, holdings } = self;
        let attempt = async {
            let session = link.session().await?;
            together(&session, holdings, group, attempts.failed > 0).await
        };
        timeout(attempts.left(), attempt)
            .await
            .unwrap_or(Err(Fault::Slow))
    }

    /// Runs an operation in a transaction of its own until it succeeds, fails, or its time is over.
    async fn run_alone(&mut self, mut operation: Operation, since: Instant, is_repeat: bool) {
        let mut attempts = self.link.attempts(since);
        loop {
            let Self { link, holdings } = self;
            let attempt = async {
                let session = link.session().await?;
                let is_repeat = is_repeat || attempts.failed > 0;
                session
                    .transaction(alone(&session, holdings, &mut operation, is_repeat))
                    .await
            };
            let ran = timeout(attempts.left(), attempt)
                .await
                .unwrap_or(Err(Fault::Slow));
            let Err(fault) = ran else {
                return operation.answer(None);
            };
            self.link.apply(&fault);
            if !attempts.again(&fault).await {
                return operation.answer(Some(attempts.reason(fault)));
            }
        }
    }

    /// Runs a function in a transaction of its own until it succeeds, fails, or its time is over.
    async fn run_work(&mut self, mut work: Box<dyn Work>, since: Instant) {
        let mut attempts = self.link.attempts(since);
        loop {
            let link = &mut self.link;
            let attempt = async {
                let session = link.session().await?;
                let run = async {
                    if attempts.failed > 0 {
                        make_durable(&session).await?;
                    }
                    work::run(work.as_mut(), &session).await
                };
                session.transaction(run).await
            };
            let ran = timeout(attempts.left(), attempt)
                .await
                .unwrap_or(Err(Fault::Slow));
            let Err(fault) = ran else {
                return work.answer(None);
            };
            self.link.apply(&fault);
            if !attempts.again(&fault).await {
                return work.answer(Some(attempts.reason(fault)));
            }
        }
    }
}

/// Returns the epochs of partitions, in their order. Fails if one is not owned.
fn epochs(
    holdings: &Holdings,
    partitions: impl Iterator<Item = Partition>,
) -> Result<(Vec<i16>, Vec<i64>), Fault> {
    let mut partitions: Vec<Partition> = partitions.collect();
    partitions.sort_unstable();
    partitions.dedup();
    let mut epochs = Vec::with_capacity(partitions.len());
    for partition in &partitions {
        epochs.push(holdings.epoch(*partition).ok_or(Fault::NotOwner)?);
    }
    let partitions = partitions.into_iter().map(number::partition).collect();
    Ok((partitions, epochs))
}

/// Fails if this process does not own one of the partitions. Otherwise it owns them until the
/// transaction ends.
pub(super) async fn fence(
    db: &Session,
    holdings: &Holdings,
    partitions: impl Iterator<Item = Partition>,
) -> Result<(), Fault> {
    let member = holdings.member();
    let (partitions, epochs) = epochs(holdings, partitions)?;
    db.list(FENCE, &[&member, &partitions, &epochs])
        .await
        .map(drop)
}

/// Lets the commit of the transaction wait for a standby, also if it changes nothing.
async fn make_durable(db: &Session) -> Result<(), Fault> {
    db.list(MAKE_DURABLE, &[]).await.map(drop)
}

/// Runs operations in one transaction, which is sent in one go.
async fn together(
    db: &Session,
    holdings: &Holdings,
    group: &mut [(Operation, Instant)],
    is_repeat: bool,
) -> Result<(), Fault> {
    let member = holdings.member();
    let of = group.iter().flat_map(|(own, _)| own.partitions());
    let (partitions, epochs) = epochs(holdings, of)?;
    let mut steps = vec![step!(FENCE, member, partitions, epochs)];
    let is_only_counting = group
        .iter()
        .all(|(operation, _)| matches!(operation, Operation::Begin(_)));
    if is_only_counting {
        steps.push(step!(DO_NOT_WAIT));
    } else if is_repeat {
        steps.push(step!(MAKE_DURABLE));
    }
    let (mut begins, mut commits, mut takes, mut settles) = (vec![], vec![], vec![], vec![]);
    for (operation, _) in &*group {
        match operation {
            Operation::Begin(own) => begins.push(&own.input),
            Operation::Commit(own) => commits.push(&*own.input),
            Operation::Take(own) => takes.push(&own.input),
            Operation::Settle(own) => settles.push(&own.input),
        }
    }
    if !commits.is_empty() {
        steps.extend(turns::commit_steps(&commits));
    }
    if !settles.is_empty() {
        steps.extend(outbox::settle_steps(&settles));
    }
    let (began_at, taken_at);
    (began_at, steps) = push(steps, &begins, turns::begin_steps);
    (taken_at, steps) = push(steps, &takes, outbox::take_steps);
    let rows = step::commit(db, &steps).await?;
    drop(steps); // its parameters borrow the operations
    let began = began_at
        .map(|at| Began::read(&rows[at], &rows[at + 1]))
        .transpose()?;
    let mut taken = match taken_at {
        Some(at) => outbox::taken(&rows[at + 1])?,
        None => HashMap::new(),
    };
    for (operation, _) in group {
        match operation {
            Operation::Begin(own) => {
                own.done = Some(began.as_ref().and_then(|began| began.turn(&own.input)));
            }
            Operation::Take(own) => own.done = Some(taken.remove(&own.input.call)),
            Operation::Commit(Pending { done, .. }) | Operation::Settle(Pending { done, .. }) => {
                *done = Some(());
            }
        }
    }
    Ok(())
}

/// Adds the two statements of operations, if there are any. Returns the place of the first.
fn push<'a, T>(
    mut steps: Vec<Step<'a>>,
    operations: &[&'a T],
    make: impl FnOnce(&[&'a T]) -> Vec<Step<'a>>,
) -> (Option<usize>, Vec<Step<'a>>) {
    if operations.is_empty() {
        return (None, steps);
    }
    let first = steps.len();
    steps.extend(make(operations));
    (Some(first), steps)
}

/// Runs one operation of any kind in the current transaction.
async fn alone(
    db: &Session,
    holdings: &Holdings,
    operation: &mut Operation,
    is_repeat: bool,
) -> Result<(), Fault> {
    if is_repeat {
        make_durable(db).await?;
    }
    fence(db, holdings, operation.partitions().into_iter()).await?;
    match operation {
        Operation::Begin(own) => {
            let rows = run(db, turns::begin_steps(&[&own.input])).await?;
            own.done = Some(Began::read(&rows[0], &rows[1])?.turn(&own.input));
        }
        Operation::Commit(own) => own.done = Some(turns::commit(db, &own.input).await?),
        Operation::Take(own) => {
            let rows = run(db, outbox::take_steps(&[&own.input])).await?;
            own.done = Some(outbox::taken(&rows[1])?.remove(&own.input.call));
        }
        Operation::Settle(own) => own.done = Some(outbox::settle(db, &own.input).await?),
    }
    Ok(())
}

/// Runs statements one after the other. Returns the rows of each.
async fn run(db: &Session, steps: Vec<Step<'_>>) -> Result<Vec<Vec<Row>>, Fault> {
    let mut rows = Vec::with_capacity(steps.len());
    for step in steps {
        rows.push(step.run(db).await?);
    }
    Ok(rows)
}
