//! The outbox in the tables, and the ids of sent messages.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;
use uuid::Uuid;

use super::fault::Fault;
use super::fence::Holdings;
use super::session::Session;
use super::step::{Step, step};
use super::{group, number};
use crate::event::MessageId;
use crate::store::text;
use crate::store::{Call, CallId, Partition, QueuedCall, Settled, Taken, Time, Unsent};

/// A call as it is stored in its table.
#[derive(Debug)]
pub(super) struct CallRow {
    call: Arc<QueuedCall>,
    conversation: String,
    json: String,
}

impl CallRow {
    pub(super) fn new(call: &Arc<QueuedCall>) -> Self {
        Self {
            conversation: text::conversation(&call.to),
            json: text::json(&call.call),
            call: Arc::clone(call),
        }
    }

    /// Returns true if this is inserted, and never changes another call.
    pub(super) fn is_plain(&self) -> bool {
        self.call.call.target().is_none()
    }

    fn partition(&self) -> Partition {
        number::partition_of_event(self.call.id.event)
    }
}

/// The key of a call in its tables.
fn key(id: CallId) -> (i16, i64, i32) {
    let partition = number::partition_of_event(id.event);
    (
        number::partition(partition),
        number::event(id.event),
        id.index.into(),
    )
}

/// Returns the call of two columns.
fn call_id(row: &Row, column: usize) -> Result<CallId, Fault> {
    let index: i32 = row.try_get(column + 1)?;
    Ok(CallId {
        event: number::event_of(row.try_get(column)?),
        index: index.try_into().unwrap_or(u16::MAX),
    })
}

/// Returns the statement that inserts calls, if there are any.
pub(super) fn insert_step<'a>(rows: &[&'a CallRow]) -> Option<Step<'a>> {
    const INSERT: &str = "INSERT INTO call
        (partition, event, place, conversation, at, api, redelivery, remember, call)
        SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::text[], $5::bigint[],
                             $6::text[], $7::text[], $8::boolean[], $9::text[])
        WHERE fenced()";
    if rows.is_empty() {
        return None;
    }
    let (mut partitions, mut events, mut places) = (vec![], vec![], vec![]);
    for row in rows {
        let (partition, event, place) = key(row.call.id);
        partitions.push(partition);
        events.push(event);
        places.push(place);
    }
    let conversations: Vec<&str> = rows.iter().map(|row| &*row.conversation).collect();
    let times: Vec<i64> = rows.iter().map(|row| number::time(row.call.at)).collect();
    let apis: Vec<&str> = rows.iter().map(|row| text::api(row.call.api)).collect();
    let redeliveries: Vec<&str> = rows
        .iter()
        .map(|row| text::redelivery(row.call.redelivery))
        .collect();
    let remember: Vec<bool> = rows
        .iter()
        .map(|row| matches!(row.call.call, Call::Say { remember: true, .. }))
        .collect();
    let calls: Vec<&str> = rows.iter().map(|row| &*row.json).collect();
    Some(step!(
        INSERT,
        partitions,
        events,
        places,
        conversations,
        times,
        apis,
        redeliveries,
        remember,
        calls
    ))
}

/// Queues a call. If it changes a waiting message that is not taken, changes that message instead.
pub(super) async fn queue(db: &Session, row: &CallRow) -> Result<(), Fault> {
    if let Some(target) = row.call.call.target()
        && change(db, target, &row.call.call).await?
    {
        return Ok(());
    }
    insert(db, row).await
}

/// Queues calls before their turn ends.
pub(super) async fn queue_all(
    db: &Session,
    holdings: &Holdings,
    rows: &[CallRow],
) -> Result<(), Fault> {
    let partitions = rows.iter().map(CallRow::partition);
    group::fence(db, holdings, partitions).await?;
    for row in rows {
        queue_early(db, row).await?;
    }
    Ok(())
}

/// Queues a call before its turn ends, if it is not queued already.
async fn queue_early(db: &Session, row: &CallRow) -> Result<(), Fault> {
    let (partition, event, place) = key(row.call.id);
    let sql = "SELECT 1 FROM call WHERE partition = $1 AND event = $2 AND place = $3";
    match db.find(sql, &[&partition, &event, &place]).await? {
        Some(_) => Ok(()),
        None => queue(db, row).await,
    }
}

/// Inserts a call into the outbox.
async fn insert(db: &Session, row: &CallRow) -> Result<(), Fault> {
    if let Some(step) = insert_step(&[row]) {
        step.run(db).await?;
    }
    Ok(())
}

/// Inserts a call again that was a dead letter. An operator's command does not own its partition.
pub(super) async fn insert_again(db: &Session, call: &Arc<QueuedCall>) -> Result<(), Fault> {
    db.execute("SELECT set_config('imbot.fenced', 'on', true)", &[])
        .await?;
    insert(db, &CallRow::new(call)).await
}

/// Edits or deletes a waiting message that is not taken. Returns false if no such message waits.
async fn change(db: &Session, target: CallId, by: &Call) -> Result<bool, Fault> {
    let (partition, event, place) = key(target);
    let sql = "SELECT call FROM call WHERE partition = $1 AND event = $2 AND place = $3
               AND NOT EXISTS (SELECT 1 FROM taken
                               WHERE partition = $1 AND event = $2 AND place = $3)
               FOR UPDATE";
    let Some(row) = db.find(sql, &[&partition, &event, &place]).await? else {
        return Ok(false);
    };
    if let Call::Edit { params, .. } = by {
        let mut call: Call = text::parse_json("call", row.try_get(0)?)?;
        call.change(params);
        let sql = "UPDATE call SET call = $4 WHERE partition = $1 AND event = $2 AND place = $3";
        let json = text::json(&call);
        db.execute(sql, &[&partition, &event, &place, &json])
            .await?;
    } else {
        let sql = "DELETE FROM call WHERE partition = $1 AND event = $2 AND place = $3";
        db.execute(sql, &[&partition, &event, &place]).await?;
    }
    Ok(true)
}

/// Returns calls that are not settled, oldest first.
pub(super) async fn unsent(
    db: &Session,
    partition: Option<Partition>,
    after: Option<CallId>,
    limit: usize,
) -> Result<Vec<Unsent>, Fault> {
    const OF_ONE: &str = "SELECT event, place, conversation, taken.event IS NOT NULL, position
        FROM call LEFT JOIN taken USING (partition, event, place)
        WHERE partition = $4 AND (event, place) > ($1, $2) ORDER BY event, place LIMIT $3";
    const OF_ALL: &str = "SELECT event, place, conversation, taken.event IS NOT NULL, position
        FROM call LEFT JOIN taken USING (partition, event, place)
        WHERE (event, place) > ($1, $2) ORDER BY event, place LIMIT $3";
    let after = after.map_or((-1, 0), |after| {
        let (_, event, place) = key(after);
        (event, place)
    });
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match partition.map(number::partition) {
        Some(partition) => {
            db.list(OF_ONE, &[&after.0, &after.1, &limit, &partition])
                .await?
        }
        None => db.list(OF_ALL, &[&after.0, &after.1, &limit]).await?,
    };
    let read = |row: &Row| {
        Ok(Unsent {
            id: call_id(row, 0)?,
            to: text::parse_conversation(row.try_get(2)?)?,
            is_taken: row.try_get(3)?,
            position: number::from_sql(row.try_get(4)?),
        })
    };
    rows.iter().map(read).collect()
}

/// A call to be taken. A repeat of the same attempt is recognised, so that its own mark is not
/// taken for that of an earlier attempt.
#[derive(Debug)]
pub(super) struct Take {
    pub(super) call: CallId,
    pub(super) attempt: Uuid,
}

/// Returns the statements that mark calls as taken and read them.
pub(super) fn take_steps<'a>(takes: &[&'a Take]) -> Vec<Step<'a>> {
    const MARK: &str = "INSERT INTO taken AS mark (partition, event, place, attempt, in_doubt)
        SELECT call.partition, call.event, call.place, own.attempt, false
        FROM unnest($1::bigint[], $2::integer[], $3::uuid[]) AS own (event, place, attempt)
        JOIN call ON call.partition = (own.event & 255)::smallint
            AND call.event = own.event AND call.place = own.place
        WHERE fenced()
        ON CONFLICT (partition, event, place) DO UPDATE SET in_doubt = true
            WHERE mark.attempt <> excluded.attempt";
    const READ: &str = "SELECT call.event, call.place, call.conversation, call.at, call.api,
               call.redelivery, call.call, taken.in_doubt
        FROM unnest($1::bigint[], $2::integer[]) AS own (event, place)
        JOIN call ON call.partition = (own.event & 255)::smallint
            AND call.event = own.event AND call.place = own.place
        JOIN taken ON taken.partition = call.partition
            AND taken.event = call.event AND taken.place = call.place";
    let (events, places) = keys(takes.iter().map(|take| take.call));
    let attempts: Vec<Uuid> = takes.iter().map(|take| take.attempt).collect();
    vec![
        step!(MARK, events.clone(), places.clone(), attempts),
        step!(READ, events, places),
    ]
}

fn keys(calls: impl Iterator<Item = CallId>) -> (Vec<i64>, Vec<i32>) {
    calls
        .map(key)
        .map(|(_, event, place)| (event, place))
        .unzip()
}

/// A taken call as it is stored in its table. The caller's task parses it, not the task that
/// writes.
#[derive(Clone, Debug)]
pub(super) struct TakenRow {
    conversation: String,
    at: Time,
    api: String,
    redelivery: String,
    json: String,
    in_doubt: bool,
}

impl TakenRow {
    pub(super) fn parse(self, id: CallId) -> Result<Taken, Fault> {
        let call = QueuedCall {
            id,
            to: text::parse_conversation(&self.conversation)?,
            at: self.at,
            api: text::parse_api(&self.api)?,
            redelivery: text::parse_redelivery(&self.redelivery)?,
            call: text::parse_json("call", &self.json)?,
        };
        Ok(Taken {
            call: Arc::new(call),
            in_doubt: self.in_doubt,
        })
    }
}

/// Returns the calls that the second of [`take_steps`] has read.
pub(super) fn taken(rows: &[Row]) -> Result<HashMap<CallId, TakenRow>, Fault> {
    let read = |row: &Row| {
        let taken = TakenRow {
            conversation: row.try_get(2)?,
            at: number::time_of(row.try_get(3)?),
            api: row.try_get(4)?,
            redelivery: row.try_get(5)?,
            json: row.try_get(6)?,
            in_doubt: row.try_get(7)?,
        };
        Ok((call_id(row, 0)?, taken))
    };
    rows.iter().map(read).collect()
}

/// The result of a call, to be stored.
#[derive(Debug)]
pub(super) struct Settle {
    pub(super) call: CallId,
    pub(super) settled: Settled,
}

impl Settle {
    /// Returns true if this can be one of many in [`settle_steps`].
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self.settled, Settled::Dead { .. })
    }
}

/// Returns the statements that store results of calls other than dead letters.
pub(super) fn settle_steps(settles: &[&Settle]) -> Vec<Step<'static>> {
    const KEEP: &str = "INSERT INTO message (partition, event, place, conversation, at, message)
        SELECT call.partition, call.event, call.place, call.conversation, call.at, own.message
        FROM unnest($1::bigint[], $2::integer[], $3::bigint[]) AS own (event, place, message)
        JOIN call ON call.partition = (own.event & 255)::smallint
            AND call.event = own.event AND call.place = own.place
        WHERE call.remember AND fenced()
        ON CONFLICT (partition, event, place) DO UPDATE SET message = excluded.message";
    const REMOVE: &str = "DELETE FROM call
        USING unnest($1::bigint[], $2::integer[]) AS own (event, place)
        WHERE call.partition = (own.event & 255)::smallint
        AND call.event = own.event AND call.place = own.place AND fenced()";
    const UNMARK: &str = "DELETE FROM taken
        USING unnest($1::bigint[], $2::integer[]) AS own (event, place)
        WHERE taken.partition = (own.event & 255)::smallint
        AND taken.event = own.event AND taken.place = own.place AND fenced()";
    let mut steps = Vec::new();
    let messages = settles.iter().filter_map(|settle| match settle.settled {
        Settled::Sent(Some(message)) => Some((settle.call, number::message(message))),
        _ => None,
    });
    let (calls, messages): (Vec<CallId>, Vec<i64>) = messages.unzip();
    if !calls.is_empty() {
        let (events, places) = keys(calls.into_iter());
        steps.push(step!(KEEP, events, places, messages));
    }
    let done = settles
        .iter()
        .filter(|settle| settle.settled != Settled::NotSent);
    let (events, places) = keys(done.map(|settle| settle.call));
    if !events.is_empty() {
        steps.push(step!(REMOVE, events, places));
    }
    let (events, places) = keys(settles.iter().map(|settle| settle.call));
    steps.push(step!(UNMARK, events, places));
    steps
}

/// Stores one result of any kind.
pub(super) async fn settle(db: &Session, settle: &Settle) -> Result<(), Fault> {
    if let Settled::Dead { at, error } = &settle.settled {
        dead_letter(db, settle.call, *at, error).await?;
    }
    for step in settle_steps(&[settle]) {
        step.run(db).await?;
    }
    Ok(())
}

/// Inserts a dead letter for a call, if it is not settled.
async fn dead_letter(db: &Session, id: CallId, at: Time, error: &str) -> Result<(), Fault> {
    let (partition, event, place) = key(id);
    let sql = "SELECT conversation, at, api, redelivery, call FROM call
               WHERE partition = $1 AND event = $2 AND place = $3 FOR UPDATE";
    let Some(row) = db.find(sql, &[&partition, &event, &place]).await? else {
        return Ok(());
    };
    let taken = TakenRow {
        conversation: row.try_get(0)?,
        at: number::time_of(row.try_get(1)?),
        api: row.try_get(2)?,
        redelivery: row.try_get(3)?,
        json: row.try_get(4)?,
        in_doubt: false,
    };
    let conversation = taken.conversation.clone();
    let json = text::json(&*taken.parse(id)?.call);
    let sql = "INSERT INTO dead (partition, at, ordering_key, error, attempts, blocks, call)
               VALUES ($1, $2, $3, $4, 1, false, $5)";
    let (at, error) = (number::time(at), number::text(error));
    db.execute(sql, &[&partition, &at, &conversation, &error, &json])
        .await
        .map(drop)
}

/// Returns the id of the message that a call sent.
pub(super) async fn message(db: &Session, id: CallId) -> Result<Option<MessageId>, Fault> {
    let (partition, event, place) = key(id);
    let sql = "SELECT message FROM message WHERE partition = $1 AND event = $2 AND place = $3";
    let row = db.find(sql, &[&partition, &event, &place]).await?;
    let read = |row: Row| Ok(MessageId(number::from_sql(row.try_get(0)?)));
    row.map(read).transpose()
}
