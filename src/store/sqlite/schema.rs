//! The tables, by version: how an empty or older file becomes one of this version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// `imbt`: what tells our files from others.
const APPLICATION: i32 = 0x696d_6274;

/// Each makes the next version out of the one before. What is released is never changed any more.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// The version that this program works with.
pub(super) fn version() -> u32 {
    MIGRATIONS
        .len()
        .try_into()
        .expect("there are not that many migrations")
}

/// Makes sure that the file is ours or empty, before anything is written to it.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<u32, OpenError> {
    let failed = |error| OpenError::sql(path, &error);
    let application: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed)?;
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if application == 0 && found == 0 && tables == 0 {
        return Ok(0);
    }
    if application != APPLICATION {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
        });
    }
    if found > version() {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: version(),
        });
    }
    Ok(found)
}

/// Brings the file up to date, one version at a time, each whole or not at all.
pub(super) fn migrate(connection: &mut Connection, from: u32) -> rusqlite::Result<()> {
    for (version, migration) in (1_u32..).zip(MIGRATIONS).skip(from as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
        if from > 0 {
            tracing::info!(version, "brought the store up to date");
        }
    }
    Ok(())
}
