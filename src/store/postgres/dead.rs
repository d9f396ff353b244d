//! Dead letters in the tables. A dead letter of an event keeps using the event's body.

use std::sync::Arc;

use tokio_postgres::Row;
use uuid::Uuid;

use super::fault::Fault;
use super::session::Session;
use super::{inbox, notices, number, outbox, turns};
use crate::store::seal::Sealer;
use crate::store::text;
use crate::store::{DeadId, DeadLetter, DeadWhat, EventId, Notice, OrderingKey, QueuedCall, Time};

/// Inserts a dead letter for a waiting event. The commit of the turn removes the event's row.
pub(super) async fn dead_letter_event(
    db: &Session,
    event: EventId,
    at: Time,
    error: &str,
    blocks: bool,
) -> Result<(), Fault> {
    let sql = "INSERT INTO dead (partition, at, ordering_key, error, attempts, history, blocks,
                                 event, event_at, body, part, reminder)
               SELECT partition, $3, ordering_key, $4, attempts, history, $5,
                      id, at, body, part, reminder
               FROM event WHERE partition = $1 AND id = $2";
    let partition = number::partition(number::partition_of_event(event));
    let (event, at, error) = (number::event(event), number::time(at), number::text(error));
    db.execute(sql, &[&partition, &event, &at, &error, &blocks])
        .await
        .map(drop)
}

/// Returns dead letters, oldest first.
pub(super) async fn list(
    db: &Session,
    sealer: &Sealer,
    after: Option<DeadId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, Fault> {
    let sql = "SELECT dead.id, at, ordering_key, error, attempts, history, blocks, event, event_at,
                      call, body, part, reminder, sealed
               FROM dead LEFT JOIN body
               ON body.partition = dead.partition AND body.id = dead.body
               WHERE dead.id > $1 ORDER BY dead.id LIMIT $2";
    let after = after.map_or(0, |id| number::to_sql(id.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.list(sql, &[&after, &limit]).await?;
    rows.iter().map(|row| read(sealer, row)).collect()
}

fn read(sealer: &Sealer, row: &Row) -> Result<DeadLetter, Fault> {
    let what = match row.try_get::<_, Option<&str>>(9)? {
        Some(call) => DeadWhat::Call(Arc::new(text::parse_json("dead", call)?)),
        None => DeadWhat::Event {
            id: number::event_of(row.try_get(7)?),
            at: number::time_of(row.try_get(8)?),
            content: inbox::content(sealer, row, 10)?,
        },
    };
    let attempts: i32 = row.try_get(4)?;
    Ok(DeadLetter {
        id: DeadId(number::from_sql(row.try_get(0)?)),
        at: number::time_of(row.try_get(1)?),
        key: text::parse_key(row.try_get(2)?)?,
        what,
        error: row.try_get(3)?,
        attempts: attempts.unsigned_abs(),
        history: turns::history_at(row, 5)?,
        blocks: row.try_get(6)?,
    })
}

/// Returns the keys whose queues are blocked by a dead letter.
pub(super) async fn blocked(db: &Session) -> Result<Vec<OrderingKey>, Fault> {
    let sql = "SELECT DISTINCT ordering_key FROM dead WHERE blocks";
    let rows = db.list(sql, &[]).await?;
    let read = |row: &Row| Ok(text::parse_key(row.try_get(0)?)?);
    rows.iter().map(read).collect()
}

/// A dead letter whose row is locked.
struct Found {
    partition: i16,
    key: OrderingKey,
    blocks: bool,
    body: Option<Uuid>,
    call: Option<String>,
}

/// Removes a dead letter from its table, and returns it.
async fn remove(db: &Session, id: DeadId) -> Result<Option<Found>, Fault> {
    let sql = "DELETE FROM dead WHERE id = $1
               RETURNING partition, ordering_key, blocks, body, call";
    let row = db.find(sql, &[&number::to_sql(id.0)]).await?;
    row.map(|row| {
        Ok(Found {
            partition: row.try_get(0)?,
            key: text::parse_key(row.try_get(1)?)?,
            blocks: row.try_get(2)?,
            body: row.try_get(3)?,
            call: row.try_get(4)?,
        })
    })
    .transpose()
}

/// Moves a dead letter back to the inbox or outbox. An event keeps its number, so it keeps its
/// order. Returns false if there is no such dead letter.
pub(super) async fn revive(db: &Session, id: DeadId) -> Result<bool, Fault> {
    let sql = "INSERT INTO event (partition, id, ordering_key, at, body, part, reminder)
               SELECT partition, $2, ordering_key, event_at, body, part, reminder
               FROM dead WHERE id = $1 AND event IS NOT NULL";
    let letter = number::to_sql(id.0);
    let find = "SELECT partition, event FROM dead WHERE id = $1 FOR UPDATE";
    let Some(row) = db.find(find, &[&letter]).await? else {
        return Ok(false);
    };
    let (partition, event): (i16, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let event = match event {
        Some(event) => Some(number_in(db, partition, number::event_of(event)).await?),
        None => None,
    };
    if let Some(event) = event {
        db.execute(sql, &[&letter, &number::event(event)]).await?;
    }
    let Some(found) = remove(db, id).await? else {
        return Ok(false);
    };
    if let Some(event) = event {
        notices::add(db, &Notice::Event(event, found.key)).await?;
    } else if let Some(call) = found.call {
        let mut call: QueuedCall = text::parse_json("dead", &call)?;
        call.id.event = number_in(db, partition, call.id.event).await?;
        let call = Arc::new(call);
        outbox::insert_again(db, &call).await?;
        notices::add(db, &Notice::Call(call.id, call.to.clone())).await?;
    }
    Ok(true)
}

/// Returns the number of an event, or a new one if it does not name this partition. An early
/// version has numbered it, and it was moved here from a file.
async fn number_in(db: &Session, partition: i16, event: EventId) -> Result<EventId, Fault> {
    if number::partition(number::partition_of_event(event)) == partition {
        return Ok(event);
    }
    // The transaction has its id before the event has its number: readers of new events rely on it.
    db.list("SELECT pg_current_xact_id()::text", &[]).await?;
    let sql = "SELECT nextval('event_number') * 256 + $1::smallint";
    let row = db.find(sql, &[&partition]).await?;
    let number: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(number.map_or(event, number::event_of))
}

/// Drops a dead letter, and unblocks the queue that it blocked. Returns false if there is no such
/// dead letter.
pub(super) async fn drop_letter(db: &Session, id: DeadId) -> Result<bool, Fault> {
    let Some(found) = remove(db, id).await? else {
        return Ok(false);
    };
    if let Some(body) = found.body {
        inbox::release(db, &[(found.partition, body)]).await?;
    }
    if found.blocks {
        unblock(db, found.key).await?;
    }
    Ok(true)
}

/// Adds a notice that a queue is not blocked any more, unless another dead letter still blocks it.
async fn unblock(db: &Session, key: OrderingKey) -> Result<(), Fault> {
    let sql = "SELECT 1 FROM dead WHERE blocks AND partition = $1 AND ordering_key = $2";
    let partition = number::partition(number::partition_of_key(&key));
    match db.find(sql, &[&partition, &text::key(&key)]).await? {
        Some(_) => Ok(()),
        None => notices::add(db, &Notice::Unblocked(key)).await,
    }
}

/// Removes found dead letters that are still older than `before`, and that block no queue. Returns
/// the number of removed rows.
pub(super) async fn remove_old(db: &Session, found: &[i64], before: Time) -> Result<u64, Fault> {
    let sql = "DELETE FROM dead WHERE id = ANY($1) AND at < $2 AND NOT blocks AND fenced()
               RETURNING partition, body";
    let rows = db.list(sql, &[&found, &number::time(before)]).await?;
    let mut bodies = Vec::new();
    for row in &rows {
        if let Some(body) = row.try_get(1)? {
            bodies.push((row.try_get(0)?, body));
        }
    }
    inbox::release(db, &bodies).await?;
    Ok(rows.len() as u64)
}
