//! Connections to the database, each set up for its use.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// Number of cached statements per connection: more than there are different statements.
const STATEMENTS_MAX: usize = 128;

/// Size of the log at which it is moved into the database, in pages (64 MB).
const LOG_PAGES: u32 = 16_000;

/// Maximum size of the log's file after it was moved, in bytes.
const LOG_BYTES: u32 = 64 * 1024 * 1024;

/// Time that the writer waits while an operator's command writes, and the command while the writer
/// does.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the connection of the running process that writes.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = plain(path)?;
    set_up_writer(&connection)?;
    Ok(connection)
}

/// Opens a connection that can write and has not changed the file yet, which may be foreign.
pub(super) fn plain(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Sets up an empty file. It would write to an existing one too, which may be on a full disk.
pub(super) fn set_up_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;")
}

/// Sets up a connection that writes.
pub(super) fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {LOG_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES};
         PRAGMA secure_delete = FAST;"
    ))
}

/// Opens an operator's connection, which writes too. Only the running process moves the log.
pub(super) fn operator(path: &Path) -> rusqlite::Result<Connection> {
    let connection = plain(path)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA secure_delete = FAST;",
    )?;
    Ok(connection)
}

/// Opens a connection that only reads.
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

/// Moves the log into the database, as far as readers allow it.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}
