//! Upkeep: what is old goes, in steps so small that no event waits long for them; and how much there is.

use std::path::Path;

use rusqlite::params;

use super::db::Db;
use super::{Fault, files, inbox, spool};
use crate::store::arrived::add_up;
use crate::store::{Arrived, Status, Time};

/// How many rows one step removes.
const STEP: usize = 1_000;

/// How many pages one step gives back to the disk, and how many stay for what comes.
const PAGES: u64 = 1_000;
const PAGES_KEPT: u64 = 4_000;

/// Rows that grow old, each with the moment `at`.
#[derive(Clone, Copy)]
pub(super) enum Old {
    State,
    Quarantined,
    Message,
    /// Dead letters that nobody has to decide about: a key that waits for an operator's word waits on.
    Dead,
}

impl Old {
    fn select(self) -> &'static str {
        match self {
            // A conversation that waits for its reminder is not idle.
            Old::State => {
                "SELECT id FROM state WHERE id > ?1 AND at < ?2
                 AND conversation NOT IN (SELECT conversation FROM reminder) ORDER BY id LIMIT ?3"
            }
            Old::Quarantined => {
                "SELECT id FROM aside WHERE id > ?1 AND at < ?2 ORDER BY id LIMIT ?3"
            }
            Old::Message => {
                "SELECT call FROM message WHERE call > ?1 AND at < ?2 ORDER BY call LIMIT ?3"
            }
            Old::Dead => {
                "SELECT id FROM dead WHERE id > ?1 AND at < ?2 AND NOT blocks ORDER BY id LIMIT ?3"
            }
        }
    }

    fn delete(self) -> &'static str {
        match self {
            Old::State => {
                "DELETE FROM state WHERE id = ?1 AND at < ?2
                 AND conversation NOT IN (SELECT conversation FROM reminder)"
            }
            Old::Quarantined => "DELETE FROM aside WHERE id = ?1 AND at < ?2",
            Old::Message => "DELETE FROM message WHERE call = ?1 AND at < ?2",
            Old::Dead => "DELETE FROM dead WHERE id = ?1 AND at < ?2",
        }
    }
}

/// Finds rows that are older than a moment, after one: the reader looks, so that no event waits for it.
pub(super) fn find(db: &Db, old: Old, before: Time, after: u64) -> Result<Vec<u64>, Fault> {
    db.list(old.select(), params![after, before.0, STEP], |row| {
        Ok(row.get(0)?)
    })
}

/// Removes what was found, if it is still that old, and tells how much that was.
pub(super) fn remove(db: &Db, old: Old, before: Time, found: &[u64]) -> Result<u64, Fault> {
    let mut removed = 0;
    for id in found {
        if let Old::Dead = old {
            let body = db.find("SELECT body FROM dead WHERE id = ?1", [id], |row| {
                Ok(row.get(0)?)
            })?;
            body.flatten()
                .map(|body| inbox::release(db, body))
                .transpose()?;
        }
        removed += db.execute(old.delete(), params![id, before.0])? as u64;
    }
    Ok(removed)
}

/// Removes some of the occurrences that nobody asks for any more, and says whether there may be more.
pub(super) fn forget_seen(db: &Db, before: Time) -> Result<bool, Fault> {
    let removed = db.execute(
        "DELETE FROM seen WHERE (bucket, occurrence) IN
         (SELECT bucket, occurrence FROM seen WHERE bucket < ?1 LIMIT ?2)",
        params![inbox::bucket(before), STEP],
    )?;
    Ok(removed == STEP)
}

/// Gives free pages back to the disk, and says whether there are more.
pub(super) fn give_back(db: &Db) -> Result<bool, Fault> {
    let free = db.count("PRAGMA freelist_count", [])?;
    if free <= PAGES_KEPT {
        return Ok(false);
    }
    let pages = PAGES.min(free - PAGES_KEPT);
    db.list(&format!("PRAGMA incremental_vacuum({pages})"), [], |_| {
        Ok(())
    })?;
    Ok(free - pages > PAGES_KEPT)
}

/// How much is stored.
pub(super) fn status(db: &Db, path: &Path) -> Result<Status, Fault> {
    let count = |table: &str| db.count(&format!("SELECT count(*) FROM {table}"), []);
    let oldest = |table: &str| {
        db.find(&format!("SELECT min(at) FROM {table}"), [], |row| {
            Ok(row.get(0)?)
        })
        .map(|at| at.flatten().map(Time))
    };
    let last = "SELECT value FROM meta WHERE name = 'last event at'";
    Ok(Status {
        portals: count("portal")?,
        events: count("event")?,
        oldest_event: oldest("event")?,
        last_event: db.find(last, [], |row| Ok(Time(row.get(0)?)))?,
        calls: count("call")?,
        oldest_call: oldest("call")?,
        reminders: count("reminder")?,
        conversations: count("state")?,
        quarantined: count("aside")?,
        dead: count("dead")?,
        spooled: spool::count(path),
        bytes: files::bytes(path),
    })
}

/// What has arrived, a list in JSON.
pub(super) fn arrived(db: &Db) -> Result<Vec<Arrived>, Fault> {
    let sql = "SELECT value FROM meta WHERE name = 'arrived'";
    let known = db.find(sql, [], |row| Ok(row.get::<_, String>(0)?))?;
    // Counts that cannot be read are nothing to stop for: they begin anew.
    let known = known.and_then(|known| serde_json::from_str(&known).ok());
    Ok(known.unwrap_or_default())
}

/// Adds to what has arrived.
pub(super) fn add_up_arrived(db: &Db, more: &[Arrived]) -> Result<Vec<Arrived>, Fault> {
    let mut known = arrived(db)?;
    add_up(&mut known, more);
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('arrived', ?1)";
    db.execute(sql, [serde_json::json!(known).to_string()])?;
    Ok(known)
}
