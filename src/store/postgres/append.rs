//! The task that appends deliveries: all that wait, in one statement.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::fault::Fault;
use super::link::Link;
use super::session::Session;
use super::work::Reply;
use super::{inbox, number};
use crate::store::seal::Sealer;
use crate::store::text;
use crate::store::{Appended, EventId, NewDelivery};

/// Maximum number of deliveries, and of bytes of their bodies, in one statement.
const GROUP_MAX: usize = 1_024;
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The ids of bodies: a random number of this process, and a count.
#[derive(Debug)]
pub(super) struct BodyIds {
    process: u64,
    last: AtomicU64,
}

impl BodyIds {
    pub(super) fn new() -> Self {
        let (process, _) = Uuid::new_v4().as_u64_pair();
        Self {
            process,
            last: AtomicU64::new(0),
        }
    }

    fn next(&self) -> Uuid {
        let count = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        Uuid::from_u64_pair(self.process, count)
    }
}

/// A delivery with what its rows need, which is made before the task that writes needs it.
#[derive(Debug)]
pub(super) struct PreparedDelivery {
    body: Uuid,
    sealed: Vec<u8>,
    at: i64,
    events: Vec<EventRow>,
}

#[derive(Debug)]
struct EventRow {
    occurrence: Uuid,
    partition: i16,
    key: String,
    part: i32,
}

impl PreparedDelivery {
    pub(super) fn new(sealer: &Sealer, ids: &BodyIds, delivery: &NewDelivery) -> Self {
        let body = ids.next();
        let events = delivery.events.iter().map(|event| EventRow {
            occurrence: Uuid::from_u128(event.occurrence.0),
            partition: number::partition(number::partition_of_key(&event.key)),
            key: text::key(&event.key),
            part: event.part.into(),
        });
        Self {
            body,
            sealed: sealer.seal(&inbox::body_context(body), &delivery.body),
            at: number::time(delivery.at),
            events: events.collect(),
        }
    }

    /// Returns the id of the body.
    pub(super) fn body(&self) -> Uuid {
        self.body
    }
}

/// A delivery to be appended.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) delivery: PreparedDelivery,
    pub(super) since: Instant,
    pub(super) reply: Reply<Appended>,
}

/// A request to the task that appends.
#[derive(Debug)]
pub(super) enum Request {
    Append(Append),
    Close(Reply<()>),
}

/// The task that appends.
#[derive(Debug)]
pub(super) struct Appender {
    pub(super) link: Link,
    /// This process, for the note of its last event.
    pub(super) id: Uuid,
}

impl Appender {
    /// Runs until a request to close, or until all senders are dropped.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = self.link.idle_until(requests.recv()).await {
            let (group, closing) = collect(first, &mut requests);
            if !group.is_empty() {
                self.append_group(group).await;
            }
            if let Some(reply) = closing {
                drop(requests);
                let _ = reply.send(Ok(()));
                return;
            }
        }
    }

    /// Appends and answers deliveries, in one statement if that succeeds.
    async fn append_group(&mut self, group: Vec<Append>) {
        match self.try_group(&group).await {
            Ok(numbers) => answer(group, numbers),
            Err(fault) if group.len() == 1 || fault.is_transient() => fail(group, &fault),
            Err(_) => {
                for append in group {
                    let alone = vec![append];
                    match self.try_group(&alone).await {
                        Ok(numbers) => answer(alone, numbers),
                        Err(fault) => fail(alone, &fault),
                    }
                }
            }
        }
    }

    /// Appends deliveries, again if the database is not available. Returns the numbers of their
    /// events.
    async fn try_group(&mut self, group: &[Append]) -> Result<Vec<Vec<Option<EventId>>>, Fault> {
        let since = group.iter().map(|append| append.since).min();
        let mut attempts = self.link.attempts(since.unwrap_or_else(Instant::now));
        loop {
            let is_repeat = attempts.failed > 0;
            let attempt = self.attempt(group, is_repeat);
            let appended = timeout(attempts.left(), attempt)
                .await
                .unwrap_or(Err(Fault::Slow));
            match appended {
                Ok(numbers) => return Ok(numbers),
                Err(fault) => {
                    self.link.apply(&fault);
                    if !attempts.again(&fault).await {
                        return Err(attempts.reason(fault));
                    }
                }
            }
        }
    }

    async fn attempt(
        &mut self,
        group: &[Append],
        is_repeat: bool,
    ) -> Result<Vec<Vec<Option<EventId>>>, Fault> {
        let session = self.link.session().await?;
        let before = session.warnings();
        let mut numbers = append(&session, self.id, group).await?;
        session.check_warnings(before)?;
        if is_repeat {
            read_back(&session, group, &mut numbers).await?;
        }
        Ok(numbers)
    }
}

/// Returns the waiting deliveries, within the bounds of a group, and the reply of a request to
/// close.
fn collect(
    first: Request,
    requests: &mut mpsc::Receiver<Request>,
) -> (Vec<Append>, Option<Reply<()>>) {
    let (mut group, mut bytes, mut next) = (Vec::new(), 0, Some(first));
    while let Some(request) = next {
        match request {
            Request::Append(append) => {
                bytes += append.delivery.sealed.len();
                group.push(append);
            }
            Request::Close(reply) => return (group, Some(reply)),
        }
        if group.len() >= GROUP_MAX || bytes >= BYTES_MAX {
            break;
        }
        next = requests.try_recv().ok();
    }
    (group, None)
}

/// Appends deliveries in one statement, which is a transaction. Returns the numbers of their
/// events, or `None` for a repeat.
async fn append(
    db: &Session,
    process: Uuid,
    group: &[Append],
) -> Result<Vec<Vec<Option<EventId>>>, Fault> {
    let mut rows = (vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
    for Append { delivery, .. } in group {
        for (index, event) in delivery.events.iter().enumerate() {
            rows.0.push(event.occurrence);
            rows.1.push(event.partition);
            rows.2.push(&*event.key);
            rows.3.push(delivery.at);
            rows.4.push(delivery.body);
            rows.5.push(event.part);
            rows.6.push((index == 0).then_some(&*delivery.sealed));
        }
    }
    let sql = "SELECT place, number FROM append($1, $2, $3, $4, $5, $6, $7, $8)";
    let (a, b, c, d, e, f, g) = (
        &rows.0, &rows.1, &rows.2, &rows.3, &rows.4, &rows.5, &rows.6,
    );
    let found = db.list(sql, &[&process, a, b, c, d, e, f, g]).await?;
    let mut flat = vec![None; rows.0.len()];
    for row in found {
        let (place, number): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let index = usize::try_from(place - 1).ok();
        if let Some(slot) = index.and_then(|index| flat.get_mut(index)) {
            *slot = Some(number::event_of(number));
        }
    }
    let mut flat = flat.into_iter();
    let numbers = group
        .iter()
        .map(|append| flat.by_ref().take(append.delivery.events.len()).collect());
    Ok(numbers.collect())
}

/// Adds the numbers that an attempt has given whose answer was lost. The events of such an attempt
/// name the body of this process. An event that is done already stays without a number.
async fn read_back(
    db: &Session,
    group: &[Append],
    numbers: &mut [Vec<Option<EventId>>],
) -> Result<(), Fault> {
    let sql = "SELECT event.body, event.part, event.id
               FROM unnest($1::smallint[], $2::uuid[]) AS own (partition, body)
               JOIN event ON event.partition = own.partition AND event.body = own.body";
    let mut own: Vec<(i16, Uuid)> = group
        .iter()
        .flat_map(|append| {
            let body = append.delivery.body;
            let events = append.delivery.events.iter();
            events.map(move |event| (event.partition, body))
        })
        .collect();
    own.sort_unstable();
    own.dedup();
    let (partitions, bodies): (Vec<i16>, Vec<Uuid>) = own.into_iter().unzip();
    let mut found: HashMap<(Uuid, i32), i64> = HashMap::new();
    for row in db.list(sql, &[&partitions, &bodies]).await? {
        let key = (row.try_get(0)?, row.try_get(1)?);
        found.insert(key, row.try_get(2)?);
    }
    for (append, numbers) in group.iter().zip(numbers) {
        for (event, number) in append.delivery.events.iter().zip(numbers) {
            let key = (append.delivery.body, event.part);
            *number = number.or_else(|| found.get(&key).copied().map(number::event_of));
        }
    }
    Ok(())
}

fn answer(group: Vec<Append>, numbers: Vec<Vec<Option<EventId>>>) {
    for (append, numbers) in group.into_iter().zip(numbers) {
        let _ = append.reply.send(Ok(Appended::Now(numbers))); // the caller may have stopped waiting
    }
}

fn fail(group: Vec<Append>, fault: &Fault) {
    for append in group {
        let _ = append.reply.send(Err(fault.clone())); // the caller may have stopped waiting
    }
}
