//! Turns in the tables: attempts, states, and the commit.

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql, params};

use super::db::Db;
use super::{Fault, dead, inbox, outbox, reminders};
use crate::store::text;
use crate::store::{
    EventId, Failure, Outcome, Quarantined, REPLACED, RESTORED, StartedTurn, StateChange,
    StoredState, Time, TurnCommit,
};

/// Maximum number of stored failures of an event.
const HISTORY_MAX: usize = 20;

/// Interval in which turns that keep a state update its time, in milliseconds.
const TOUCH_MS: u64 = 60 * 60 * 1000;

/// Counts an attempt at a waiting event, and reads a state.
pub(super) fn begin(
    db: &Db,
    event: EventId,
    state: Option<&str>,
) -> Result<Option<StartedTurn>, Fault> {
    let first =
        "INSERT OR IGNORE INTO attempt (event, count) SELECT id, 1 FROM event WHERE id = ?1";
    let attempt = match db.execute(first, [event.0])? {
        0 => count_again(db, event)?,
        _ => Some(1),
    };
    let Some(attempt) = attempt else {
        return Ok(None);
    };
    let state = state.map(|key| read_state(db, key)).transpose()?.flatten();
    Ok(Some(StartedTurn { attempt, state }))
}

/// Counts an attempt after the first, if the event waits.
fn count_again(db: &Db, event: EventId) -> Result<Option<u32>, Fault> {
    let sql = "UPDATE attempt SET count = count + 1 WHERE event = ?1";
    match db.execute(sql, [event.0])? {
        0 => Ok(None),
        _ => Ok(Some(attempts(db, event)?.0)),
    }
}

/// Returns the state of a conversation.
pub(super) fn read_state(db: &Db, key: &str) -> Result<Option<StoredState>, Fault> {
    db.find(
        "SELECT version, data FROM state WHERE conversation = ?1",
        [key],
        state_at,
    )
}

/// Returns the state in the first two columns of a row.
pub(super) fn state_at(row: &Row<'_>) -> Result<StoredState, Fault> {
    Ok(StoredState {
        version: row.get(0)?,
        bytes: bytes_at(row, 1)?,
    })
}

fn bytes_at(row: &Row<'_>, column: usize) -> Result<Bytes, Fault> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Bytes::copy_from_slice(bytes),
        // Only an operator can have written these.
        ValueRef::Integer(number) => Bytes::from(number.to_string()),
        ValueRef::Real(number) => Bytes::from(number.to_string()),
        ValueRef::Null => Bytes::from_static(b"null"),
    })
}

/// The bytes of a state. They are stored as text if they are text, so that an operator can read
/// them.
pub(super) struct Data<'a>(pub(super) &'a [u8]);

impl ToSql for Data<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match std::str::from_utf8(self.0) {
            Ok(text) => ValueRef::Text(text.as_bytes()),
            Err(_) => ValueRef::Blob(self.0),
        }))
    }
}

/// Stores a failed attempt, if the event waits.
pub(super) fn fail(db: &Db, event: EventId, failure: &Failure) -> Result<(), Fault> {
    if db
        .find("SELECT 1 FROM event WHERE id = ?1", [event.0], |_| Ok(()))?
        .is_none()
    {
        return Ok(());
    }
    let (_, mut history) = attempts(db, event)?;
    history.push(failure.clone());
    let surplus = history.len().saturating_sub(HISTORY_MAX);
    let sql = "INSERT INTO attempt (event, count, history) VALUES (?1, 0, ?2)
               ON CONFLICT (event) DO UPDATE SET history = excluded.history";
    db.execute(sql, params![event.0, text::json(&&history[surplus..])])?;
    Ok(())
}

/// Returns the number of attempts at an event, and their failures.
pub(super) fn attempts(db: &Db, event: EventId) -> Result<(u32, Vec<Failure>), Fault> {
    let sql = "SELECT count, history FROM attempt WHERE event = ?1";
    let found = db.find(sql, [event.0], |row| {
        let history: Option<String> = row.get(1)?;
        let history = history
            .map(|text| text::parse_json("attempt", &text))
            .transpose()?;
        Ok((row.get(0)?, history.unwrap_or_default()))
    })?;
    Ok(found.unwrap_or_default())
}

/// Returns the quarantined states of a conversation, oldest first.
pub(super) fn quarantined(db: &Db, key: &str) -> Result<Vec<Quarantined>, Fault> {
    let sql = "SELECT version, data, at, reason FROM aside WHERE conversation = ?1 ORDER BY id";
    db.list(sql, [key], |row| {
        Ok(Quarantined {
            state: state_at(row)?,
            at: Time(row.get(2)?),
            reason: row.get(3)?,
        })
    })
}

/// A commit with its texts, which are made before the writer's thread needs them.
pub(super) struct PreparedCommit {
    turn: TurnCommit,
    key: Option<String>,
    parts: Vec<String>,
    calls: Vec<outbox::Row>,
}

impl PreparedCommit {
    pub(super) fn new(turn: TurnCommit) -> Self {
        let key = turn.state.as_ref().map(|(key, _)| text::conversation(key));
        let parts = turn.parts.iter().map(|(key, _)| text::conversation(key));
        let parts = parts.collect();
        let calls = turn.calls.iter().map(outbox::Row::new).collect();
        Self {
            turn,
            key,
            parts,
            calls,
        }
    }
}

/// Commits a turn, if its event still waits.
pub(super) fn commit(db: &Db, commit: &PreparedCommit) -> Result<(), Fault> {
    let PreparedCommit {
        turn,
        key,
        parts,
        calls,
    } = commit;
    let event = turn.event.0;
    let sql = "SELECT body FROM event WHERE id = ?1";
    let Some(body) = db.find(sql, [event], |row| Ok(row.get::<_, Option<u64>>(0)?))? else {
        return Ok(()); // already committed: a replay changes nothing
    };
    match (&turn.outcome, body) {
        (Outcome::Dead { error, blocks }, _) => {
            let attempts = attempts(db, turn.event)?;
            dead::dead_letter_event(db, turn.event, turn.at, error, *blocks, attempts)?;
        }
        (Outcome::Done, Some(body)) => inbox::release(db, body)?,
        (Outcome::Done, None) => {}
    }
    db.execute("DELETE FROM event WHERE id = ?1", [event])?;
    db.execute("DELETE FROM attempt WHERE event = ?1", [event])?;
    if let (Some((_, change)), Some(key)) = (&turn.state, key) {
        if let Some(reason) = &turn.quarantine {
            quarantine(db, turn.at, key, reason)?;
        }
        change_state(db, turn.at, key, change)?;
    }
    for (key, (_, change)) in parts.iter().zip(&turn.parts) {
        change_state(db, turn.at, key, change)?;
    }
    calls.iter().try_for_each(|call| outbox::queue(db, call))?;
    turn.reminders
        .iter()
        .try_for_each(|change| reminders::change(db, change))
}

/// Stores a state or a part, if the event waits.
pub(super) fn put(
    db: &Db,
    event: EventId,
    key: &str,
    at: Time,
    state: &StateChange,
) -> Result<(), Fault> {
    let waits = db.find("SELECT 1 FROM event WHERE id = ?1", [event.0], |_| Ok(()))?;
    match waits {
        Some(()) => change_state(db, at, key, state),
        None => Ok(()),
    }
}

/// Restores the newest quarantined state of a conversation, or of all. Returns their number.
pub(super) fn restore(db: &Db, key: Option<&str>, at: Time) -> Result<u64, Fault> {
    const NEWEST: &str = "SELECT max(id), conversation FROM aside
        WHERE (?1 IS NULL OR conversation = ?1) AND reason NOT LIKE ?2 GROUP BY conversation";
    let restored = format!("{RESTORED}%");
    let newest = db.list(NEWEST, params![key, restored], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut count = 0;
    for (id, conversation) in newest {
        let sql = "SELECT version, data FROM aside WHERE id = ?1 AND (?2 OR reason <> ?3)";
        let state = db.find(sql, params![id, key.is_some(), REPLACED], state_at)?;
        let Some(state) = state else {
            continue;
        };
        quarantine(db, at, &conversation, REPLACED)?;
        change_state(db, at, &conversation, &StateChange::Put(state))?;
        let sql = "UPDATE aside SET reason = ?2 || reason WHERE id = ?1";
        db.execute(sql, params![id, RESTORED])?;
        count += 1;
    }
    Ok(count)
}

fn quarantine(db: &Db, at: Time, key: &str, reason: &str) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO aside (at, conversation, version, data, reason)
         SELECT ?1, conversation, version, data, ?3 FROM state WHERE conversation = ?2",
        params![at.0, key, reason],
    )
    .map(drop)
}

pub(super) fn change_state(
    db: &Db,
    at: Time,
    key: &str,
    change: &StateChange,
) -> Result<(), Fault> {
    let at = at.0;
    match change {
        StateChange::Keep => db.execute(
            "UPDATE state SET at = ?2 WHERE conversation = ?1 AND at < ?3",
            params![key, at, at.saturating_sub(TOUCH_MS)],
        ),
        StateChange::Put(state) => db.execute(
            "INSERT INTO state (conversation, version, at, data) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (conversation) DO UPDATE
             SET version = excluded.version, at = excluded.at, data = excluded.data",
            params![key, state.version, at, Data(&state.bytes)],
        ),
        StateChange::Forget => db.execute("DELETE FROM state WHERE conversation = ?1", [key]),
    }
    .map(drop)
}
