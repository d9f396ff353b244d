//! Opening: whose file it is, who else works with it, which version it has, and whether the key fits.

use std::path::Path;
use std::sync::Arc;

use super::db::Db;
use super::files::{self, Lock};
use super::seal::Sealer;
use super::spool::Spool;
use super::{Fault, Key, OpenError, append, connect, notices, schema};
use crate::platform;

/// Where the value that tells a wrong key may be opened.
pub(super) const CHECK: &str = "meta key check";

/// A store that this process has for itself.
pub(super) struct Held {
    pub(super) db: Db,
    pub(super) spool: Spool,
    pub(super) lock: Lock,
}

/// Opens a store for this process alone: what is not there is made, what is older is brought up to date, and what waits
/// in the spool comes into the inbox.
pub(super) fn hold(path: &Path, key: &Key) -> Result<Held, OpenError> {
    let folder = files::folder(path);
    platform::create_private_folder(&folder).map_err(|source| OpenError::file(&folder, source))?;
    let lock = Lock::take(path)?;
    files::make(path).map_err(|source| OpenError::file(path, source))?;
    files::check_mode(path)?;
    let failed = |error: rusqlite::Error| OpenError::sql(path, &error);
    let mut connection = connect::plain(path).map_err(failed)?;
    let found = schema::check(path, &connection)?;
    connect::set_up_writer(&connection).map_err(failed)?;
    schema::migrate(&mut connection, found).map_err(failed)?;

    let seal = Arc::new(Sealer::new(key));
    let db = Db::new(connection, Arc::clone(&seal), false).map_err(failed)?;
    check_key(path, &db)?;
    let spool = Spool::open(path, seal);
    let mut spool =
        spool.map_err(|source| OpenError::file(&files::beside(path, ".spool"), source))?;
    if !spool.is_empty()
        && let Err(fault) = append::append_spooled(&db, &mut spool)
    {
        db.roll_back();
        tracing::error!(path = %path.display(), %fault, "what waits in the store's spool waits on");
    }
    transact(&db, notices::clear).map_err(|fault| OpenError::fault(path, &fault))?;
    Ok(Held { db, spool, lock })
}

/// Opens a store beside the process that has it.
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
    let connection = connect::attending(path).map_err(failed)?;
    let db = Db::new(connection, Arc::new(Sealer::new(key)), true).map_err(failed)?;
    check_key(path, &db)?;
    Ok(db)
}

/// Opens a connection that reads beside one that writes.
pub(super) fn reader(path: &Path, seal: &Arc<Sealer>) -> Result<Db, OpenError> {
    let connection =
        connect::reader(path).and_then(|connection| Db::new(connection, Arc::clone(seal), true));
    connection.map_err(|error| OpenError::sql(path, &error))
}

/// Compares the key with the one that the store was made with. A new store keeps it in mind.
fn check_key(path: &Path, db: &Db) -> Result<(), OpenError> {
    let failed = |fault: Fault| OpenError::fault(path, &fault);
    let sql = "SELECT value FROM meta WHERE name = 'key check'";
    match db
        .find(sql, [], |row| Ok(row.get::<_, Vec<u8>>(0)?))
        .map_err(failed)?
    {
        Some(check) if db.seal.open(CHECK, &check).is_ok() => Ok(()),
        Some(_) => Err(OpenError::WrongKey {
            path: path.to_owned(),
        }),
        None => transact(db, write_check).map_err(failed),
    }
}

/// Writes the value down by which a wrong key is known.
pub(super) fn write_check(db: &Db) -> Result<(), Fault> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('key check', ?1)";
    db.execute(sql, [db.seal.seal(CHECK, b"imbot")]).map(drop)
}

/// Does something in a transaction of its own.
pub(super) fn transact<T>(db: &Db, run: impl FnOnce(&Db) -> Result<T, Fault>) -> Result<T, Fault> {
    let outcome = db
        .begin()
        .and_then(|()| run(db))
        .and_then(|done| db.commit().map(|()| done));
    if outcome.is_err() {
        db.roll_back();
    }
    outcome
}
