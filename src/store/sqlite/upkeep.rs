//! Maintenance: removes old rows in steps so small that no event waits long, and counts what is
//! stored.

use std::path::Path;

use rusqlite::params;

use super::db::Db;
use super::{Fault, files, inbox, spool};
use crate::store::arrived::add_counts;
use crate::store::turn::PART;
use crate::store::{Arrived, Secret, Status, Time, secret};

/// Maximum number of rows that one step removes.
const STEP: usize = 1_000;

/// Maximum number of pages that one step returns to the disk.
const PAGES: u64 = 1_000;

/// Number of free pages that are kept for new rows.
const PAGES_KEPT: u64 = 4_000;

/// A kind of rows with an age limit. Their age is in the column `at`.
#[derive(Clone, Copy)]
pub(super) enum Expiring {
    State,
    Quarantined,
    Message,
    /// Dead letters that block no queue. The others wait for an operator.
    Dead,
}

impl Expiring {
    fn select(self) -> &'static str {
        match self {
            // A conversation with a reminder is not idle. Broadcasts and pauses are kept.
            Self::State => {
                "SELECT id FROM state WHERE id > ?1 AND at < ?2
                 AND conversation NOT LIKE '%/~broadcast:%' AND conversation NOT LIKE '%/~paused'
                 AND conversation NOT IN (SELECT conversation FROM reminder) ORDER BY id LIMIT ?3"
            }
            Self::Quarantined => {
                "SELECT id FROM aside WHERE id > ?1 AND at < ?2 ORDER BY id LIMIT ?3"
            }
            Self::Message => {
                "SELECT call FROM message WHERE call > ?1 AND at < ?2 ORDER BY call LIMIT ?3"
            }
            Self::Dead => {
                "SELECT id FROM dead WHERE id > ?1 AND at < ?2 AND NOT blocks ORDER BY id LIMIT ?3"
            }
        }
    }

    fn delete(self) -> &'static str {
        match self {
            Self::State => {
                "DELETE FROM state WHERE id = ?1 AND at < ?2
                 AND conversation NOT IN (SELECT conversation FROM reminder)"
            }
            Self::Quarantined => "DELETE FROM aside WHERE id = ?1 AND at < ?2",
            Self::Message => "DELETE FROM message WHERE call = ?1 AND at < ?2",
            Self::Dead => "DELETE FROM dead WHERE id = ?1 AND at < ?2",
        }
    }
}

/// Returns rows that are older than `before`, starting after `after`. This runs on the reader's
/// thread, so no event waits for it.
pub(super) fn find(
    db: &Db,
    expiring: Expiring,
    before: Time,
    after: u64,
) -> Result<Vec<u64>, Fault> {
    db.list(expiring.select(), params![after, before.0, STEP], |row| {
        Ok(row.get(0)?)
    })
}

/// Removes found rows that are still older than `before`. Returns the number of removed rows.
pub(super) fn remove(
    db: &Db,
    expiring: Expiring,
    before: Time,
    found: &[u64],
) -> Result<u64, Fault> {
    let mut removed = 0;
    for id in found {
        if let Expiring::Dead = expiring {
            let body = db.find("SELECT body FROM dead WHERE id = ?1", [id], |row| {
                Ok(row.get(0)?)
            })?;
            body.flatten()
                .map(|body| inbox::release(db, body))
                .transpose()?;
        }
        removed += db.execute(expiring.delete(), params![id, before.0])? as u64;
    }
    Ok(removed)
}

/// Removes some of the occurrences that are too old. Returns true if there may be more.
pub(super) fn remove_occurrences(db: &Db, before: Time) -> Result<bool, Fault> {
    let removed = db.execute(
        "DELETE FROM seen WHERE (bucket, occurrence) IN
         (SELECT bucket, occurrence FROM seen WHERE bucket < ?1 LIMIT ?2)",
        params![inbox::bucket(before), STEP],
    )?;
    Ok(removed == STEP)
}

/// Returns some free pages to the disk. Returns true if there are more.
pub(super) fn free_pages(db: &Db) -> Result<bool, Fault> {
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

/// Returns when the last event was appended.
pub(super) fn last_event(db: &Db) -> Result<Option<Time>, Fault> {
    db.find(inbox::LAST_EVENT, [], |row| Ok(Time(row.get(0)?)))
}

/// Returns the amount of stored data.
pub(super) fn status(db: &Db, path: &Path) -> Result<Status, Fault> {
    let count = |table: &str| db.count(&format!("SELECT count(*) FROM {table}"), []);
    let oldest = |table: &str| {
        db.find(&format!("SELECT min(at) FROM {table}"), [], |row| {
            Ok(row.get(0)?)
        })
        .map(|at| at.flatten().map(Time))
    };
    Ok(Status {
        portals: count("portal")?,
        events: count("event")?,
        oldest_event: oldest("event")?,
        last_event: last_event(db)?,
        calls: count("call")?,
        oldest_call: oldest("call")?,
        reminders: count("reminder")?,
        conversations: count(&format!("state WHERE conversation NOT LIKE '%{PART}%'"))?,
        quarantined: count("aside")?,
        dead: count("dead")?,
        spooled: spool::count(path),
        bytes: files::bytes(path),
    })
}

/// Returns the counts of arrived events, which are stored as JSON.
pub(super) fn arrived(db: &Db) -> Result<Vec<Arrived>, Fault> {
    let sql = "SELECT value FROM meta WHERE name = 'arrived'";
    let known = db.find(sql, [], |row| Ok(row.get::<_, String>(0)?))?;
    // Counts that cannot be read start again, and are not an error.
    let known = known.and_then(|known| serde_json::from_str(&known).ok());
    Ok(known.unwrap_or_default())
}

/// Adds to the counts of arrived events. Returns all counts.
pub(super) fn add_arrived(db: &Db, more: &[Arrived]) -> Result<Vec<Arrived>, Fault> {
    let mut known = arrived(db)?;
    add_counts(&mut known, more);
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('arrived', ?1)";
    db.execute(sql, [serde_json::json!(known).to_string()])?;
    Ok(known)
}

/// Returns the secret of the store, if there is one that the key opens.
pub(super) fn secret(db: &Db) -> Result<Option<Secret>, Fault> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let sealed = db.find(sql, [secret::NAME], |row| Ok(row.get::<_, Vec<u8>>(0)?))?;
    let opened = sealed.and_then(|sealed| db.sealer.open(secret::CONTEXT, &sealed).ok());
    Ok(opened.and_then(|bytes| Secret::from_bytes(&bytes)))
}

/// Stores the secret of the store.
pub(super) fn set_secret(db: &Db, secret: &Secret) -> Result<(), Fault> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    let sealed = db.sealer.seal(secret::CONTEXT, secret.bytes());
    db.execute(sql, params![secret::NAME, sealed]).map(drop)
}

/// Returns the secret of the store. Makes one if there is none.
pub(super) fn make_secret(db: &Db) -> Result<Secret, Fault> {
    if let Some(known) = secret(db)? {
        return Ok(known);
    }
    let new = Secret::random();
    set_secret(db, &new)?;
    Ok(new)
}
