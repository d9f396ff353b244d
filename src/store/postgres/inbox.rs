//! The inbox in the tables.

use bytes::Bytes;
use tokio_postgres::Row;
use uuid::Uuid;

use super::fault::Fault;
use super::number;
use super::session::Session;
use crate::store::seal::{SealError, Sealer};
use crate::store::text;
use crate::store::{Content, EventId, InboxEvent, OrderingKey, Partition};

/// Returns the context of a sealed body.
pub(super) fn body_context(body: Uuid) -> String {
    format!("body {body}")
}

/// Reduces the uses of bodies, and removes those that nothing needs any more.
pub(super) async fn release(db: &Session, bodies: &[(i16, Uuid)]) -> Result<(), Fault> {
    let (partitions, bodies): (Vec<i16>, Vec<Uuid>) = bodies.iter().copied().unzip();
    let sql = "SELECT release($1, $2)";
    db.list(sql, &[&partitions, &bodies]).await.map(drop)
}

/// Returns waiting events of a partition or of all, oldest first.
pub(super) async fn waiting(
    db: &Session,
    partition: Option<Partition>,
    after: Option<EventId>,
    limit: usize,
) -> Result<Vec<(EventId, OrderingKey)>, Fault> {
    const OF_ONE: &str = "SELECT id, ordering_key FROM event
        WHERE partition = $3 AND id > $1 ORDER BY id LIMIT $2";
    const OF_ALL: &str = "SELECT id, ordering_key FROM event
        WHERE id > $1 ORDER BY id LIMIT $2";
    let after = after.map_or(-1, number::event);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = match partition.map(number::partition) {
        Some(partition) => db.list(OF_ONE, &[&after, &limit, &partition]).await?,
        None => db.list(OF_ALL, &[&after, &limit]).await?,
    };
    rows.iter().map(waiting_at).collect()
}

/// Returns the event in a row of the columns `id` and `ordering_key`.
pub(super) fn waiting_at(row: &Row) -> Result<(EventId, OrderingKey), Fault> {
    Ok((
        number::event_of(row.try_get(0)?),
        text::parse_key(row.try_get(1)?)?,
    ))
}

/// Returns a waiting event.
pub(super) async fn event(
    db: &Session,
    sealer: &Sealer,
    event: EventId,
) -> Result<Option<InboxEvent>, Fault> {
    let sql = "SELECT ordering_key, at, body, part, reminder, sealed
               FROM event LEFT JOIN body
               ON body.partition = event.partition AND body.id = event.body
               WHERE event.partition = $1 AND event.id = $2";
    let partition = number::partition(number::partition_of_event(event));
    let row = db.find(sql, &[&partition, &number::event(event)]).await?;
    row.map(|row| {
        Ok(InboxEvent {
            key: text::parse_key(row.try_get(0)?)?,
            at: number::time_of(row.try_get(1)?),
            content: content(sealer, &row, 2)?,
        })
    })
    .transpose()
}

/// Returns the content of an event, from the columns body, part, reminder and sealed, which start
/// at `column`.
pub(super) fn content(sealer: &Sealer, row: &Row, column: usize) -> Result<Content, Fault> {
    let Some(body) = row.try_get::<_, Option<Uuid>>(column)? else {
        let reminder: &str = row.try_get(column + 2)?;
        return Ok(Content::Reminder(text::parse_json("event", reminder)?));
    };
    let (part, context): (i32, _) = (row.try_get(column + 1)?, body_context(body));
    let plain = match row.try_get::<_, Option<&[u8]>>(column + 3)? {
        Some(sealed) => sealer.open(&context, sealed)?,
        None => return Err(SealError { context }.into()),
    };
    Ok(Content::Delivered {
        body: Bytes::from(plain),
        part: part.try_into().unwrap_or(u16::MAX),
    })
}
