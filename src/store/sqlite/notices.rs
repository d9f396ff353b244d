//! What changed without the engine: an operator's command or the spool leaves word in a table, the engine asks for it.

use rusqlite::params;

use super::db::{Db, conversation_at, key_at};
use super::{Fault, text};
use crate::store::{EventId, Notice, OrderingKey};

/// Leaves word.
pub(super) fn tell(db: &Db, news: &Notice) -> Result<(), Fault> {
    let (kind, number, key) = match news {
        Notice::Event(id, key) => ("event", Some(id.0), text::key(key)),
        Notice::Call(id, to) => ("call", Some(text::call_number(*id)), text::conversation(to)),
        Notice::Unblocked(key) => ("open", None, text::key(key)),
    };
    let sql = "INSERT INTO news (kind, number, lane) VALUES (?1, ?2, ?3)";
    db.execute(sql, params![kind, number, key]).map(drop)
}

/// Takes what was left. Whether another process has written at all since the last time costs no reading of the file.
pub(super) fn take(db: &Db) -> Result<Vec<Notice>, Fault> {
    if db.attends {
        return Err(Fault::Attending);
    }
    let version = db
        .find("PRAGMA data_version", [], |row| Ok(row.get(0)?))?
        .unwrap_or_default();
    if !db.has_notices.get() && db.version.get() == version {
        return Ok(Vec::new());
    }
    let news = db.list(
        "SELECT kind, number, lane FROM news ORDER BY id",
        [],
        |row| {
            let kind: String = row.get(0)?;
            Ok(match kind.as_str() {
                "event" => Notice::Event(EventId(row.get(1)?), key_at(row, 2)?),
                "call" => Notice::Call(text::call_id(row.get(1)?), conversation_at(row, 2)?),
                "open" => Notice::Unblocked(key_at(row, 2)?),
                _ => {
                    return Err(Fault::Text {
                        table: "news",
                        text: kind,
                    });
                }
            })
        },
    )?;
    if !news.is_empty() {
        db.execute("DELETE FROM news", [])?;
    }
    db.version.set(version);
    db.has_notices.set(false);
    Ok(news)
}

/// Forgets what was left for an earlier process: a new one looks at everything anyway.
pub(super) fn clear(db: &Db) -> Result<(), Fault> {
    db.execute("DELETE FROM news", []).map(drop)
}

/// Lanes are blocked by dead letters; these are open again now.
pub(super) fn tell_unblocked(db: &Db, keys: Vec<OrderingKey>) -> Result<(), Fault> {
    keys.into_iter()
        .try_for_each(|key| db.tell(&Notice::Unblocked(key)))
}
