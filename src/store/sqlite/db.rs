//! The database of an operation: the connection, the sealer and the number of the last event.

use std::cell::Cell;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, Params, Row};

use super::Fault;
use super::inbox::Buckets;
use crate::event::MemberId;
use crate::store::ownership::{PARTITIONS, partition_of};
use crate::store::seal::Sealer;
use crate::store::text;
use crate::store::{Conversation, EventId, OrderingKey, Time};

/// A connection with what belongs to it. Everything is done inside a transaction.
#[derive(Debug)]
pub(super) struct Db {
    pub(super) connection: Connection,
    pub(super) sealer: Arc<Sealer>,
    /// Whether this connection must not number events or take notices: it reads, or it is an
    /// operator's.
    pub(super) is_guest: bool,
    /// The number of the last event, committed or not.
    last_event: Cell<u64>,
    /// The number of the last event, as committed.
    committed_event: Cell<u64>,
    /// The arrival of the last event, if it is not stored yet.
    last_arrival: Cell<Option<Time>>,
    /// The buckets in which repeats are looked for.
    pub(super) buckets: Cell<Buckets>,
    /// Whether there may be notices from this connection.
    pub(super) has_notices: Cell<bool>,
    /// The version of the data at which notices were last read. It changes when another process
    /// writes.
    pub(super) notices_version: Cell<i64>,
}

impl Db {
    pub(super) fn new(
        connection: Connection,
        sealer: Arc<Sealer>,
        is_guest: bool,
    ) -> rusqlite::Result<Self> {
        let last: u64 = connection.query_row(
            "SELECT value FROM meta WHERE name = 'last event'",
            [],
            |row| row.get(0),
        )?;
        let buckets = Buckets::read(&connection)?;
        Ok(Self {
            connection,
            sealer,
            is_guest,
            last_event: Cell::new(last),
            committed_event: Cell::new(last),
            last_arrival: Cell::new(None),
            buckets: Cell::new(buckets),
            has_notices: Cell::new(true),
            notices_version: Cell::new(-1),
        })
    }

    fn cached(&self, sql: &str) -> Result<CachedStatement<'_>, Fault> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// Runs a statement. Returns the number of changed rows.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        Ok(self.cached(sql)?.execute(params)?)
    }

    /// Returns the first row of a query, if there is one.
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

    /// Returns all rows of a query.
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

    /// Returns the number that a query counts.
    pub(super) fn count(&self, sql: &str, params: impl Params) -> Result<u64, Fault> {
        Ok(self
            .find(sql, params, |row| Ok(row.get(0)?))?
            .unwrap_or_default())
    }

    /// Returns the number for a new event of a portal. Only the running process numbers events: it
    /// counts in memory.
    ///
    /// As in PostgreSQL, a number is a count times 256 plus the portal's partition, so that a store
    /// can be moved there without new numbers. An earlier version has left out the partition.
    pub(super) fn next_event(&self, portal: &MemberId) -> Result<EventId, Fault> {
        if self.is_guest {
            return Err(Fault::NotOwner);
        }
        let count = self.last_event.get() / PARTITIONS as u64 + 1;
        let number = count * PARTITIONS as u64 + u64::from(partition_of(portal).0);
        self.last_event.set(number);
        Ok(EventId(number))
    }

    /// Sets the arrival of the last event, which the next commit stores.
    pub(super) fn set_last_arrival(&self, at: Time) {
        self.last_arrival.set(Some(at));
    }

    /// Begins a transaction.
    pub(super) fn begin(&self) -> Result<(), Fault> {
        self.execute("BEGIN IMMEDIATE", []).map(drop)
    }

    /// Commits the transaction. It is on the disk when this returns.
    pub(super) fn commit(&self) -> Result<(), Fault> {
        let last = self.last_event.get();
        if last != self.committed_event.get() {
            self.execute(
                "UPDATE meta SET value = ?1 WHERE name = 'last event'",
                [last],
            )?;
        }
        if let Some(at) = self.last_arrival.get() {
            let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('last event at', ?1)";
            self.execute(sql, [at.0])?;
        }
        self.execute("COMMIT", [])?;
        self.last_arrival.set(None);
        self.committed_event.set(last);
        Ok(())
    }

    /// Rolls the transaction back, if SQLite has not done so already after an error.
    pub(super) fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the store cannot roll back a failed transaction");
        }
        self.last_event.set(self.committed_event.get());
        self.last_arrival.set(None);
        self.has_notices.set(true);
    }

    /// Returns the number of the last committed event.
    pub(super) fn last_event(&self) -> u64 {
        self.committed_event.get()
    }
}

/// Returns the ordering key in a column.
pub(super) fn key_at(row: &Row<'_>, column: usize) -> Result<OrderingKey, Fault> {
    let text = row.get_ref(column)?.as_str();
    Ok(text::parse_key(text.map_err(rusqlite::Error::from)?)?)
}

/// Returns the conversation in a column.
pub(super) fn conversation_at(row: &Row<'_>, column: usize) -> Result<Conversation, Fault> {
    let text = row.get_ref(column)?.as_str();
    Ok(text::parse_conversation(
        text.map_err(rusqlite::Error::from)?,
    )?)
}

/// Returns the event in a row of the columns `id` and `lane`.
pub(super) fn waiting_at(row: &Row<'_>) -> Result<(EventId, OrderingKey), Fault> {
    Ok((EventId(row.get(0)?), key_at(row, 1)?))
}
