//! A new key: everything sealed is opened with the old one and sealed again, all of it or nothing.

use std::path::Path;
use std::sync::Arc;

use rusqlite::params;

use super::db::Db;
use super::seal::Sealer;
use super::{Fault, Key, OpenError, connect, inbox, open, portals};

/// How many bodies are sealed between two words about it.
const STEP: u64 = 1_000;

/// Seals a store anew; nobody else may work with it meanwhile.
pub(super) fn rekey(
    path: &Path,
    old: &Key,
    new: &Key,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), OpenError> {
    let held = open::hold(path, old)?;
    if !held.spool.is_empty() {
        let cause = "it has to be empty before the key can change".to_owned();
        return Err(OpenError::Spool {
            path: path.to_owned(),
            cause,
        });
    }
    let mut db = held.db;
    let old = std::mem::replace(&mut db.seal, Arc::new(Sealer::new(new)));
    open::transact(&db, |db| {
        bodies(db, &old, &mut progress)?;
        tokens(db, &old)?;
        open::write_check(db)
    })
    .and_then(|()| {
        // The free pages and the log still hold what the old key opens.
        db.connection.execute_batch("VACUUM")?;
        Ok(connect::checkpoint(&db.connection, "TRUNCATE")?)
    })
    .map_err(|fault| OpenError::fault(path, &fault))
}

fn bodies(db: &Db, old: &Sealer, progress: &mut impl FnMut(u64, u64)) -> Result<(), Fault> {
    let total = db.count("SELECT count(*) FROM body", [])?;
    let (mut done, mut last) = (0, 0);
    progress(done, total);
    let next = "SELECT id, sealed FROM body WHERE id > ?1 ORDER BY id LIMIT 1";
    while let Some((id, sealed)) = db.find(next, [last], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?))
    })? {
        let place = inbox::place(id);
        let sealed = db.seal.seal(&place, &old.open(&place, &sealed)?);
        db.execute(
            "UPDATE body SET sealed = ?2 WHERE id = ?1",
            params![id, sealed],
        )?;
        (done, last) = (done + 1, id);
        if done % STEP == 0 {
            progress(done, total);
        }
    }
    progress(done, total);
    Ok(())
}

fn tokens(db: &Db, old: &Sealer) -> Result<(), Fault> {
    let names = db.list("SELECT portal FROM portal", [], |row| {
        Ok(row.get::<_, String>(0)?)
    })?;
    for column in ["application_token", "access", "refresh"] {
        for portal in &names {
            let place = portals::place(column, portal);
            let sql = format!("SELECT {column} FROM portal WHERE portal = ?1");
            let sealed = db.find(&sql, [portal], |row| Ok(row.get::<_, Vec<u8>>(0)?))?;
            let plain = old.open(&place, &sealed.unwrap_or_default())?;
            let sql = format!("UPDATE portal SET {column} = ?2 WHERE portal = ?1");
            db.execute(&sql, params![portal, db.seal.seal(&place, &plain)])?;
        }
    }
    Ok(())
}
