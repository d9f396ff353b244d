//! Notices in a table: an operator's command or the spool adds them, and the engine takes them.

use rusqlite::params;

use super::db::{Db, conversation_at, key_at, waiting_at};
use super::{Fault, number};
use crate::store::text::{self, TextError};
use crate::store::{EventId, Notice, OrderingKey};

impl Db {
    /// Adds a notice for the running process.
    pub(super) fn notify(&self, notice: &Notice) -> Result<(), Fault> {
        add(self, notice)?;
        self.has_notices.set(true);
        Ok(())
    }

    /// Adds notices of events that were committed although an error was reported: their callers got
    /// an error.
    pub(super) fn notify_after(&self, event: u64) -> Result<(), Fault> {
        let sql = "SELECT id, lane FROM event WHERE id > ?1";
        for (id, key) in self.list(sql, [event], waiting_at)? {
            self.notify(&Notice::Event(id, key))?;
        }
        Ok(())
    }
}

fn add(db: &Db, notice: &Notice) -> Result<(), Fault> {
    let (kind, number, key) = match notice {
        Notice::Event(id, key) => ("event", Some(id.0), text::key(key)),
        Notice::Call(id, to) => (
            "call",
            Some(number::call_number(*id)),
            text::conversation(to),
        ),
        Notice::Unblocked(key) => ("open", None, text::key(key)),
        Notice::Part(key) => ("part", None, text::conversation(key)),
        Notice::Portal(_) => return Ok(()), // no other process needs it
    };
    let sql = "INSERT INTO news (kind, number, lane) VALUES (?1, ?2, ?3)";
    db.execute(sql, params![kind, number, key]).map(drop)
}

/// Returns and removes all notices. Reads no table if no other process has written since the last
/// call.
pub(super) fn take(db: &Db) -> Result<Vec<Notice>, Fault> {
    if db.is_guest {
        return Err(Fault::NotOwner);
    }
    let version = db
        .find("PRAGMA data_version", [], |row| Ok(row.get(0)?))?
        .unwrap_or_default();
    if !db.has_notices.get() && db.notices_version.get() == version {
        return Ok(Vec::new());
    }
    let notices = db.list(
        "SELECT kind, number, lane FROM news ORDER BY id",
        [],
        |row| {
            let kind: String = row.get(0)?;
            Ok(match kind.as_str() {
                "event" => Notice::Event(EventId(row.get(1)?), key_at(row, 2)?),
                "call" => Notice::Call(number::call_id(row.get(1)?), conversation_at(row, 2)?),
                "open" => Notice::Unblocked(key_at(row, 2)?),
                "part" => Notice::Part(conversation_at(row, 2)?),
                _ => {
                    return Err(TextError {
                        table: "news",
                        text: kind,
                    }
                    .into());
                }
            })
        },
    )?;
    if !notices.is_empty() {
        db.execute("DELETE FROM news", [])?;
    }
    db.notices_version.set(version);
    db.has_notices.set(false);
    Ok(notices)
}

/// Removes the notices for an earlier process. A new process reads everything anyway.
pub(super) fn clear(db: &Db) -> Result<(), Fault> {
    db.execute("DELETE FROM news", []).map(drop)
}

/// Adds notices that these queues are not blocked any more.
pub(super) fn add_unblocked(db: &Db, keys: Vec<OrderingKey>) -> Result<(), Fault> {
    keys.into_iter()
        .try_for_each(|key| db.notify(&Notice::Unblocked(key)))
}
