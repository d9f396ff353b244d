//! Connections to the database, set up for what they are used for.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// More than there are different statements.
const STATEMENTS_MAX: usize = 128;

/// How many pages of the log may wait until they are moved into the database: 64 MB of them.
const LOG_PAGES: u32 = 16_000;

/// How much of the log's file is kept when it starts over.
const LOG_BYTES: u32 = 64 * 1024 * 1024;

/// How long the writer waits for an operator's command that is writing, and that command for the writer.
const BUSY: Duration = Duration::from_secs(5);

/// The running process's own connection, which writes.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = plain(path)?;
    set_up_writer(&connection)?;
    Ok(connection)
}

/// A connection that can write, and has not touched the file yet: it may be somebody else's.
pub(super) fn plain(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// `auto_vacuum` works only in an empty file, before anything else is written.
pub(super) fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {LOG_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES};
         PRAGMA secure_delete = FAST;"
    ))
}

/// An operator's connection, which writes beside the running process. Moving the log is left to that.
pub(super) fn attending(path: &Path) -> rusqlite::Result<Connection> {
    let connection = plain(path)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA secure_delete = FAST;",
    )?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// Moves what the log holds into the database, as far as no reader is in the way.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}
