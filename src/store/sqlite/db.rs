//! What an operation works with: the connection, the sealer and the number of the last event.

use std::cell::Cell;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, Params, Row};

use super::Fault;
use super::seal::Sealer;
use crate::store::{Conversation, EventId, Notice, OrderingKey, Time};

/// The writer's side of the database. Whatever is done with it happens inside a transaction.
#[derive(Debug)]
pub(super) struct Db {
    pub(super) connection: Connection,
    pub(super) seal: Arc<Sealer>,
    /// Whether this is an operator's connection beside the running process's.
    pub(super) attends: bool,
    last_event: Cell<u64>,
    saved_event: Cell<u64>,
    /// When the last event came, if that is to be written down.
    last_came: Cell<Option<Time>>,
    pub(super) has_notices: Cell<bool>,
    pub(super) version: Cell<i64>,
}

impl Db {
    pub(super) fn new(
        connection: Connection,
        seal: Arc<Sealer>,
        attends: bool,
    ) -> rusqlite::Result<Db> {
        let last: u64 = connection.query_row(
            "SELECT value FROM meta WHERE name = 'last event'",
            [],
            |row| row.get(0),
        )?;
        Ok(Db {
            connection,
            seal,
            attends,
            last_event: Cell::new(last),
            saved_event: Cell::new(last),
            last_came: Cell::new(None),
            has_notices: Cell::new(true),
            version: Cell::new(-1),
        })
    }

    fn cached(&self, sql: &str) -> Result<CachedStatement<'_>, Fault> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// Runs a statement, and tells how many rows it changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        Ok(self.cached(sql)?.execute(params)?)
    }

    /// The row that a query finds, if there is one.
    pub(super) fn find<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.cached(sql)?
            .query(params)?
            .next()?
            .map(read)
            .transpose()
    }

    /// All rows that a query finds.
    pub(super) fn list<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let (mut statement, mut found) = (self.cached(sql)?, Vec::new());
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    /// The number that a query counts.
    pub(super) fn count(&self, sql: &str, params: impl Params) -> Result<u64, Fault> {
        Ok(self
            .find(sql, params, |row| Ok(row.get(0)?))?
            .unwrap_or_default())
    }

    /// The next event's number. Only the running process gives numbers: it counts in memory.
    pub(super) fn next_event(&self) -> Result<EventId, Fault> {
        if self.attends {
            return Err(Fault::Attending);
        }
        self.last_event.set(self.last_event.get() + 1);
        Ok(EventId(self.last_event.get()))
    }

    /// Notes when an event came; written down once with what is committed together.
    pub(super) fn last_came(&self, at: Time) {
        self.last_came.set(Some(at));
    }

    /// Leaves word for the running process.
    pub(super) fn tell(&self, news: &Notice) -> Result<(), Fault> {
        super::notices::tell(self, news)?;
        self.has_notices.set(true);
        Ok(())
    }

    /// Begins what is committed together.
    pub(super) fn begin(&self) -> Result<(), Fault> {
        self.execute("BEGIN IMMEDIATE", []).map(drop)
    }

    /// Ends what is committed together. Everything before is on the disk when this returns.
    pub(super) fn commit(&self) -> Result<(), Fault> {
        let last = self.last_event.get();
        if last != self.saved_event.get() {
            self.execute(
                "UPDATE meta SET value = ?1 WHERE name = 'last event'",
                [last],
            )?;
        }
        if let Some(at) = self.last_came.get() {
            let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('last event at', ?1)";
            self.execute(sql, [at.0])?;
        }
        self.execute("COMMIT", [])?;
        self.last_came.set(None);
        self.saved_event.set(last);
        Ok(())
    }

    /// Undoes what was not committed. SQLite has done so itself after some errors.
    pub(super) fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the store could not undo what it could not commit");
        }
        self.last_event.set(self.saved_event.get());
        self.last_came.set(None);
        self.has_notices.set(true);
    }

    pub(super) fn last_event(&self) -> u64 {
        self.saved_event.get()
    }

    /// Tells of events that were committed although an error was reported: nobody knows of them.
    pub(super) fn tell_after(&self, event: u64) -> Result<(), Fault> {
        let sql = "SELECT id, lane FROM event WHERE id > ?1";
        for (id, key) in self.list(sql, [event], super::inbox::read_waiting)? {
            self.tell(&Notice::Event(id, key))?;
        }
        Ok(())
    }
}

/// A key out of a row.
pub(super) fn key_at(row: &Row<'_>, column: usize) -> Result<OrderingKey, Fault> {
    super::text::read_key(
        row.get_ref(column)?
            .as_str()
            .map_err(rusqlite::Error::from)?,
    )
}

/// A conversation out of a row.
pub(super) fn conversation_at(row: &Row<'_>, column: usize) -> Result<Conversation, Fault> {
    super::text::read_conversation(
        row.get_ref(column)?
            .as_str()
            .map_err(rusqlite::Error::from)?,
    )
}
