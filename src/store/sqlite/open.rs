//! Opens a store: checks the file, the lock, the version and the key.

use std::path::Path;
use std::sync::Arc;

use super::db::Db;
use super::files::{self, Lock};
use super::spool::Spool;
use super::{Fault, OpenError, append, connect, notices, schema};
use crate::platform;
use crate::store::Key;
use crate::store::seal::{KEY_CHECK, Sealer};

/// A store that this process runs on, with its lock.
pub(super) struct Held {
    pub(super) db: Db,
    pub(super) spool: Spool,
    pub(super) lock: Lock,
}

/// Opens a store for this process only. Creates missing files, upgrades an older version, and moves
/// the spool into the inbox.
pub(super) fn hold(path: &Path, key: &Key) -> Result<Held, OpenError> {
    let folder = platform::folder(path);
    platform::create_private_folder(&folder).map_err(|source| OpenError::file(&folder, source))?;
    let lock = Lock::take(path)?;
    files::create(path).map_err(|source| OpenError::file(path, source))?;
    files::check_mode(path)?;
    let failed = |error: rusqlite::Error| OpenError::sql(path, &error);
    let mut connection = connect::plain(path).map_err(failed)?;
    let found = schema::check(path, &connection)?;
    if found == 0 {
        connect::set_up_file(&connection).map_err(failed)?;
    }
    connect::set_up_writer(&connection).map_err(failed)?;
    schema::migrate(&mut connection, found).map_err(failed)?;

    let sealer = Arc::new(Sealer::new(key));
    let db = Db::new(connection, Arc::clone(&sealer), false).map_err(failed)?;
    check_key(path, &db)?;
    let spool = Spool::open(path, sealer);
    let mut spool =
        spool.map_err(|source| OpenError::file(&platform::with_suffix(path, ".spool"), source))?;
    if !spool.is_empty()
        && let Err(fault) = append::append_spooled(&db, &mut spool)
    {
        db.roll_back();
        tracing::error!(path = %path.display(), %fault, "the store's spool cannot be moved into the inbox; it is kept and tried again");
    }
    match in_transaction(&db, notices::clear) {
        // Old notices are of events and calls that are read at the start anyway.
        Err(fault) if fault.is_full() => {
            tracing::error!(path = %path.display(), %fault, "the store cannot write; deliveries go to its spool");
        }
        cleared => cleared.map_err(|fault| OpenError::fault(path, &fault))?,
    }
    Ok(Held { db, spool, lock })
}

/// Opens a store for an operator's command.
pub(super) fn attend(path: &Path, key: &Key) -> Result<Db, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing {
            path: path.to_owned(),
        });
    }
    files::check_mode(path)?;
    let failed = |error: rusqlite::Error| OpenError::sql(path, &error);
    let found = schema::check(path, &connect::plain(path).map_err(failed)?)?;
    if found < schema::version() {
        return Err(OpenError::Older {
            path: path.to_owned(),
            found,
            known: schema::version(),
        });
    }
    let connection = connect::operator(path).map_err(failed)?;
    let db = Db::new(connection, Arc::new(Sealer::new(key)), true).map_err(failed)?;
    check_key(path, &db)?;
    Ok(db)
}

/// Opens a connection that only reads.
pub(super) fn reader(path: &Path, sealer: &Arc<Sealer>) -> Result<Db, OpenError> {
    let connection =
        connect::reader(path).and_then(|connection| Db::new(connection, Arc::clone(sealer), true));
    connection.map_err(|error| OpenError::sql(path, &error))
}

/// Checks that the key is the key of this store. A new store gets a value to check it with.
pub(super) fn check_key(path: &Path, db: &Db) -> Result<(), OpenError> {
    let failed = |fault: Fault| OpenError::fault(path, &fault);
    let sql = "SELECT value FROM meta WHERE name = 'key check'";
    match db
        .find(sql, [], |row| Ok(row.get::<_, Vec<u8>>(0)?))
        .map_err(failed)?
    {
        Some(check) if db.sealer.open(KEY_CHECK, &check).is_ok() => Ok(()),
        Some(_) => Err(OpenError::WrongKey {
            path: path.to_owned(),
        }),
        None => in_transaction(db, write_key_check).map_err(failed),
    }
}

/// Stores the value that detects a wrong key.
pub(super) fn write_key_check(db: &Db) -> Result<(), Fault> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('key check', ?1)";
    db.execute(sql, [db.sealer.seal(KEY_CHECK, b"imbot")])
        .map(drop)
}

/// Runs a function in a transaction of its own.
pub(super) fn in_transaction<T>(
    db: &Db,
    run: impl FnOnce(&Db) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let outcome = db
        .begin()
        .and_then(|()| run(db))
        .and_then(|done| db.commit().map(|()| done));
    if outcome.is_err() {
        db.roll_back();
    }
    outcome
}
