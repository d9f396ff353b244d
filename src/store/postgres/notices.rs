//! Notices in a table: an operator's command adds them, and the process that owns their partition
//! takes them.

use tokio_postgres::Row;

use super::fault::Fault;
use super::fence::Holdings;
use super::session::Session;
use super::{group, number, reminders};
use crate::store::text;
use crate::store::{CallId, Notice, OrderingKey};

/// Adds a notice for the process that owns its partition.
pub(super) async fn add(db: &Session, notice: &Notice) -> Result<(), Fault> {
    let (kind, partition, event, place, key) = match notice {
        Notice::Event(id, key) => (
            "event",
            number::partition_of_event(*id),
            Some(number::event(*id)),
            None,
            text::key(key),
        ),
        Notice::Call(id, to) => (
            "call",
            number::partition_of_event(id.event),
            Some(number::event(id.event)),
            Some(i32::from(id.index)),
            text::conversation(to),
        ),
        Notice::Unblocked(key) => (
            "unblocked",
            number::partition_of_key(key),
            None,
            None,
            text::key(key),
        ),
        Notice::Part(key) => (
            "part",
            number::partition_of_chat(key),
            None,
            None,
            text::conversation(key),
        ),
        Notice::Portal(_) => return Ok(()), // processes find changed portals in another table
    };
    let sql = "INSERT INTO notice (partition, kind, event, place, ordering_key)
               VALUES ($1, $2, $3, $4, $5)";
    let partition = number::partition(partition);
    db.execute(sql, &[&partition, &kind, &event, &place, &key])
        .await
        .map(drop)
}

/// Adds notices that these queues are not blocked any more.
pub(super) async fn add_unblocked(db: &Session, keys: Vec<OrderingKey>) -> Result<(), Fault> {
    for key in keys {
        add(db, &Notice::Unblocked(key)).await?;
    }
    Ok(())
}

/// Returns true if there are notices for the owned partitions.
pub(super) async fn has_any(db: &Session, holdings: &Holdings) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM notice WHERE partition = ANY($1) LIMIT 1";
    let found = db.find(sql, &[&reminders::partitions(holdings)]).await?;
    Ok(found.is_some())
}

/// Returns and removes all notices for the owned partitions, oldest first.
pub(super) async fn take(db: &Session, holdings: &Holdings) -> Result<Vec<Notice>, Fault> {
    let owned = holdings.owned().into_iter();
    group::fence(db, holdings, owned.map(|(partition, _)| partition)).await?;
    let sql = "WITH taken AS (DELETE FROM notice WHERE partition = ANY($1) AND fenced()
                              RETURNING id, kind, event, place, ordering_key)
               SELECT kind, event, place, ordering_key FROM taken ORDER BY id";
    let rows = db.list(sql, &[&reminders::partitions(holdings)]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Notice, Fault> {
    let (kind, key): (&str, &str) = (row.try_get(0)?, row.try_get(3)?);
    Ok(match kind {
        "event" => Notice::Event(number::event_of(row.try_get(1)?), text::parse_key(key)?),
        "call" => {
            let index: i32 = row.try_get(2)?;
            let id = CallId {
                event: number::event_of(row.try_get(1)?),
                index: index.try_into().unwrap_or(u16::MAX),
            };
            Notice::Call(id, text::parse_conversation(key)?)
        }
        "unblocked" => Notice::Unblocked(text::parse_key(key)?),
        "part" => Notice::Part(text::parse_conversation(key)?),
        _ => {
            return Err(text::TextError {
                table: "notice",
                text: kind.to_owned(),
            }
            .into());
        }
    })
}
