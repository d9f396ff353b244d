//! The tables by version, and the upgrade of an empty or older file.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// The `application_id` of our files: `imbt`.
const APPLICATION_ID: i32 = 0x696d_6274;

/// Migrations, each from one version to the next. A released migration never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

/// Returns the version that this program uses.
pub(super) fn version() -> u32 {
    MIGRATIONS
        .len()
        .try_into()
        .expect("there are not that many migrations")
}

/// Returns the version of a file: 0 if it is empty. Fails if the file is foreign or newer. Writes
/// nothing.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<u32, OpenError> {
    let failed = |error| OpenError::sql(path, &error);
    let application_id: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed)?;
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if application_id == 0 && found == 0 && tables == 0 {
        return Ok(0);
    }
    if application_id != APPLICATION_ID {
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

/// Upgrades the file one version at a time, each in a transaction.
pub(super) fn migrate(connection: &mut Connection, from: u32) -> rusqlite::Result<()> {
    for (version, migration) in (1_u32..).zip(MIGRATIONS).skip(from as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
        if from > 0 {
            tracing::info!(version, "upgraded the store");
        }
    }
    Ok(())
}
