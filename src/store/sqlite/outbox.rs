//! The outbox in the tables, and the ids of sent messages.

use std::sync::Arc;

use rusqlite::params;

use super::db::{Db, conversation_at};
use super::{Fault, number};
use crate::event::MessageId;
use crate::store::text;
use crate::store::{Call, CallId, QueuedCall, Settled, Taken, Time, Unsent};

/// A call as it is stored in its table.
pub(super) struct Row {
    call: Arc<QueuedCall>,
    number: u64,
    conversation: String,
    json: String,
}

impl Row {
    pub(super) fn new(call: &Arc<QueuedCall>) -> Self {
        Self {
            number: number::call_number(call.id),
            conversation: text::conversation(&call.to),
            json: text::json(&call.call),
            call: Arc::clone(call),
        }
    }
}

/// Queues a call. If it changes a waiting message that is not taken, changes that message instead.
pub(super) fn queue(db: &Db, row: &Row) -> Result<(), Fault> {
    let target = row.call.call.target();
    match target
        .map(|target| change(db, target, &row.call.call))
        .transpose()?
    {
        Some(true) => Ok(()),
        Some(false) | None => insert(db, row),
    }
}

/// Queues a call before its turn ends, if it is not queued already.
pub(super) fn queue_early(db: &Db, row: &Row) -> Result<(), Fault> {
    let sql = "SELECT 1 FROM call WHERE id = ?1";
    match db.find(sql, [row.number], |_| Ok(()))? {
        Some(()) => Ok(()),
        None => queue(db, row),
    }
}

/// Inserts a call into the outbox.
pub(super) fn insert(db: &Db, row: &Row) -> Result<(), Fault> {
    let remember = matches!(row.call.call, Call::Say { remember: true, .. });
    db.execute(
        "INSERT INTO call (id, conversation, at, api, doubt, remember, call)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            row.number,
            row.conversation,
            row.call.at.0,
            text::api(row.call.api),
            text::redelivery(row.call.redelivery),
            remember,
            row.json
        ],
    )?;
    Ok(())
}

/// Edits or deletes a waiting message that is not taken. Returns false if there is none.
fn change(db: &Db, target: CallId, by: &Call) -> Result<bool, Fault> {
    let number = number::call_number(target);
    let sql = "SELECT call FROM call WHERE id = ?1 AND id NOT IN (SELECT call FROM taken)";
    let Some(json) = db.find(sql, [number], |row| Ok(row.get::<_, String>(0)?))? else {
        return Ok(false);
    };
    if let Call::Edit { params, .. } = by {
        let mut call: Call = text::parse_json("call", &json)?;
        call.change(params);
        let sql = "UPDATE call SET call = ?2 WHERE id = ?1";
        db.execute(sql, params![number, text::json(&call)])?;
    } else {
        db.execute("DELETE FROM call WHERE id = ?1", [number])?;
    }
    Ok(true)
}

/// Returns calls that are not settled, oldest first.
pub(super) fn unsent(db: &Db, after: Option<CallId>, limit: usize) -> Result<Vec<Unsent>, Fault> {
    let sql = "SELECT id, conversation, id IN (SELECT call FROM taken) FROM call
               WHERE id > ?1 ORDER BY id LIMIT ?2";
    let after = after.map_or(0, number::call_number);
    db.list(sql, params![after, limit], |row| {
        Ok(Unsent {
            id: number::call_id(row.get(0)?),
            to: conversation_at(row, 1)?,
            is_taken: row.get(2)?,
        })
    })
}

/// A taken call as it is stored in its table. The caller's task parses it, not the writer's thread.
#[derive(Clone)]
pub(super) struct TakenRow {
    conversation: String,
    at: u64,
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
            at: Time(self.at),
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

/// Marks a call as taken and returns it.
pub(super) fn take(db: &Db, id: CallId) -> Result<Option<TakenRow>, Fault> {
    let number = number::call_number(id);
    let sql = "SELECT conversation, at, api, doubt, call FROM call WHERE id = ?1";
    let row = db.find(sql, [number], |row| {
        Ok(TakenRow {
            conversation: row.get(0)?,
            at: row.get(1)?,
            api: row.get(2)?,
            redelivery: row.get(3)?,
            json: row.get(4)?,
            in_doubt: false,
        })
    })?;
    let Some(row) = row else { return Ok(None) };
    let in_doubt = db.execute("INSERT OR IGNORE INTO taken (call) VALUES (?1)", [number])? == 0;
    Ok(Some(TakenRow { in_doubt, ..row }))
}

/// Stores the result of a call.
pub(super) fn settle(db: &Db, id: CallId, settled: &Settled) -> Result<(), Fault> {
    let number = number::call_number(id);
    match settled {
        Settled::Sent(Some(MessageId(message))) => {
            db.execute(
                "INSERT OR REPLACE INTO message (call, conversation, at, number)
                 SELECT id, conversation, at, ?2 FROM call WHERE id = ?1 AND remember",
                params![number, message],
            )?;
        }
        Settled::Dead { at, error } => dead_letter(db, id, *at, error)?,
        Settled::Sent(None) | Settled::GivenUp | Settled::NotSent => {}
    }
    if *settled != Settled::NotSent {
        db.execute("DELETE FROM call WHERE id = ?1", [number])?;
    }
    db.execute("DELETE FROM taken WHERE call = ?1", [number])?;
    Ok(())
}

fn dead_letter(db: &Db, id: CallId, at: Time, error: &str) -> Result<(), Fault> {
    // Reading the call again is cheap enough: this is rare.
    match take(db, id)? {
        Some(row) => insert_dead(db, &row.parse(id)?.call, at, error),
        None => Ok(()),
    }
}

/// Inserts a dead letter for a call.
fn insert_dead(db: &Db, call: &QueuedCall, at: Time, error: &str) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO dead (at, lane, error, attempts, blocks, call) VALUES (?1, ?2, ?3, 1, 0, ?4)",
        params![at.0, text::conversation(&call.to), error, text::json(call)],
    )?;
    Ok(())
}

/// Returns the id of the message that a call sent.
pub(super) fn message(db: &Db, id: CallId) -> Result<Option<MessageId>, Fault> {
    let sql = "SELECT number FROM message WHERE call = ?1";
    db.find(sql, [number::call_number(id)], |row| {
        Ok(MessageId(row.get(0)?))
    })
}
