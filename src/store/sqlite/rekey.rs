//! Changes the key: opens everything with the old key and seals it with the new one, all or
//! nothing.

use std::path::Path;
use std::sync::Arc;

use rusqlite::params;

use super::db::Db;
use super::{Fault, OpenError, connect, inbox, open, portals};
use crate::store::seal::Sealer;
use crate::store::{Key, secret};

/// Number of bodies that are sealed between two calls of `progress`.
const STEP: u64 = 1_000;

/// Seals a store with a new key. No other process may run on it.
pub(super) fn rekey(
    path: &Path,
    old: &Key,
    new: &Key,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), OpenError> {
    let held = open::hold(path, old)?;
    if !held.spool.is_empty() {
        let cause = "it must be empty before the key can change".to_owned();
        return Err(OpenError::Spool {
            path: path.to_owned(),
            cause,
        });
    }
    let mut db = held.db;
    let old = std::mem::replace(&mut db.sealer, Arc::new(Sealer::new(new)));
    open::in_transaction(&db, |db| {
        reseal_bodies(db, &old, &mut progress)?;
        reseal_tokens(db, &old)?;
        reseal_secret(db, &old)?;
        open::write_key_check(db)
    })
    .and_then(|()| {
        // Free pages and the log still contain values that the old key opens.
        db.connection.execute_batch("VACUUM")?;
        Ok(connect::checkpoint(&db.connection, "TRUNCATE")?)
    })
    .map_err(|fault| OpenError::fault(path, &fault))
}

fn reseal_bodies(db: &Db, old: &Sealer, progress: &mut impl FnMut(u64, u64)) -> Result<(), Fault> {
    let total = db.count("SELECT count(*) FROM body", [])?;
    let (mut done, mut last) = (0, 0);
    progress(done, total);
    let next = "SELECT id, sealed FROM body WHERE id > ?1 ORDER BY id LIMIT 1";
    while let Some((id, sealed)) = db.find(next, [last], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?))
    })? {
        let context = inbox::body_context(id);
        let sealed = db.sealer.seal(&context, &old.open(&context, &sealed)?);
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

fn reseal_secret(db: &Db, old: &Sealer) -> Result<(), Fault> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let sealed = db.find(sql, [secret::NAME], |row| Ok(row.get::<_, Vec<u8>>(0)?))?;
    if let Some(sealed) = sealed {
        let plain = old.open(secret::CONTEXT, &sealed)?;
        let sql = "UPDATE meta SET value = ?2 WHERE name = ?1";
        let sealed = db.sealer.seal(secret::CONTEXT, &plain);
        db.execute(sql, params![secret::NAME, sealed])?;
    }
    Ok(())
}

fn reseal_tokens(db: &Db, old: &Sealer) -> Result<(), Fault> {
    let names = db.list("SELECT portal FROM portal", [], |row| {
        Ok(row.get::<_, String>(0)?)
    })?;
    let columns = [
        "application_token",
        "access",
        "refresh",
        "spare_access",
        "spare_refresh",
    ];
    for column in columns {
        for portal in &names {
            let context = portals::token_context(column, portal);
            let sql = format!("SELECT {column} FROM portal WHERE portal = ?1");
            let sealed = db.find(&sql, [portal], |row| Ok(row.get::<_, Option<Vec<u8>>>(0)?))?;
            let Some(sealed) = sealed.flatten() else {
                continue; // the portal has no spare tokens
            };
            let plain = old.open(&context, &sealed)?;
            let sql = format!("UPDATE portal SET {column} = ?2 WHERE portal = ?1");
            db.execute(&sql, params![portal, db.sealer.seal(&context, &plain)])?;
        }
    }
    Ok(())
}
