//! Dead letters in the tables. A dead letter of an event keeps using the event's body.

use std::sync::Arc;

use rusqlite::{Row, params};

use super::db::{Db, key_at};
use super::{Fault, inbox, outbox};
use crate::store::text;
use crate::store::{
    DeadId, DeadLetter, DeadWhat, EventId, Failure, Notice, OrderingKey, QueuedCall, Time,
};

const COLUMNS: &str =
    "id, at, lane, error, attempts, history, blocks, body, part, reminder, event, came, call";

/// Inserts a dead letter for a waiting event. The commit of the turn removes the event's row.
pub(super) fn dead_letter_event(
    db: &Db,
    event: EventId,
    at: Time,
    error: &str,
    blocks: bool,
    (attempts, history): (u32, Vec<Failure>),
) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO dead (at, lane, error, attempts, history, blocks, event, came, body, part,
                           reminder)
         SELECT ?2, lane, ?3, ?4, ?5, ?6, id, at, body, part, reminder FROM event WHERE id = ?1",
        params![event.0, at.0, error, attempts, text::json(&history), blocks],
    )?;
    Ok(())
}

/// Returns dead letters, oldest first.
pub(super) fn list(db: &Db, after: Option<DeadId>, limit: usize) -> Result<Vec<DeadLetter>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM dead WHERE id > ?1 ORDER BY id LIMIT ?2");
    db.list(&sql, params![after.map_or(0, |id| id.0), limit], |row| {
        read(db, row)
    })
}

fn read(db: &Db, row: &Row<'_>) -> Result<DeadLetter, Fault> {
    let history: Option<String> = row.get(5)?;
    let history = history
        .map(|text| text::parse_json("dead", &text))
        .transpose()?;
    let call: Option<String> = row.get(12)?;
    let what = match call {
        Some(call) => DeadWhat::Call(Arc::new(text::parse_json("dead", &call)?)),
        None => DeadWhat::Event {
            id: EventId(row.get(10)?),
            at: Time(row.get(11)?),
            content: inbox::content(db, row, 7)?,
        },
    };
    Ok(DeadLetter {
        id: DeadId(row.get(0)?),
        at: Time(row.get(1)?),
        key: key_at(row, 2)?,
        what,
        error: row.get(3)?,
        attempts: row.get(4)?,
        history: history.unwrap_or_default(),
        blocks: row.get(6)?,
    })
}

/// Returns the keys whose queues are blocked by a dead letter.
pub(super) fn blocked(db: &Db) -> Result<Vec<OrderingKey>, Fault> {
    db.list("SELECT DISTINCT lane FROM dead WHERE blocks", [], |row| {
        key_at(row, 0)
    })
}

/// Moves a dead letter back to the inbox or outbox. An event keeps its number, so it keeps its
/// order. Returns false if there is no such dead letter.
pub(super) fn revive(db: &Db, id: DeadId) -> Result<bool, Fault> {
    let sql = "SELECT event, lane, call FROM dead WHERE id = ?1";
    let found = db.find(sql, [id.0], |row| {
        let call: Option<String> = row.get(2)?;
        Ok((
            row.get::<_, Option<u64>>(0)?.map(EventId),
            key_at(row, 1)?,
            call,
        ))
    })?;
    let Some((event, key, call)) = found else {
        return Ok(false);
    };
    if let Some(event) = event {
        db.execute(
            "INSERT INTO event (id, lane, at, body, part, reminder)
             SELECT event, lane, came, body, part, reminder FROM dead WHERE id = ?1",
            [id.0],
        )?;
        db.notify(&Notice::Event(event, key))?;
    } else if let Some(call) = call {
        let call: Arc<QueuedCall> = Arc::new(text::parse_json("dead", &call)?);
        outbox::insert(db, &outbox::Row::new(&call))?;
        db.notify(&Notice::Call(call.id, call.to.clone()))?;
    }
    db.execute("DELETE FROM dead WHERE id = ?1", [id.0])?;
    Ok(true)
}

/// Drops a dead letter, and unblocks the queue that it blocked. Returns false if there is no such
/// dead letter.
pub(super) fn drop(db: &Db, id: DeadId) -> Result<bool, Fault> {
    let sql = "SELECT body, lane, blocks FROM dead WHERE id = ?1";
    let found = db.find(sql, [id.0], |row| {
        Ok((
            row.get::<_, Option<u64>>(0)?,
            key_at(row, 1)?,
            row.get::<_, bool>(2)?,
        ))
    })?;
    let Some((body, key, blocks)) = found else {
        return Ok(false);
    };
    body.map(|body| inbox::release(db, body)).transpose()?;
    db.execute("DELETE FROM dead WHERE id = ?1", [id.0])?;
    if blocks {
        unblock(db, key)?;
    }
    Ok(true)
}

/// Adds a notice that a queue is not blocked any more, unless another dead letter still blocks it.
fn unblock(db: &Db, key: OrderingKey) -> Result<(), Fault> {
    let sql = "SELECT 1 FROM dead WHERE blocks AND lane = ?1";
    match db.find(sql, [text::key(&key)], |_| Ok(()))? {
        Some(()) => Ok(()),
        None => db.notify(&Notice::Unblocked(key)),
    }
}
