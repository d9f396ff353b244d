//! Installations in the tables, with their tokens sealed.

use rusqlite::{Row, params};
use secrecy::{ExposeSecret, SecretString};

use super::Trouble;
use super::db::Db;
use crate::event::MemberId;
use crate::store::{Installation, Tokens};

/// Where a token may be opened.
pub(super) fn place(column: &str, portal: &str) -> String {
    format!("portal {column} {portal}")
}

/// Writes an installation down.
pub(super) fn install(db: &Db, installation: &Installation) -> Result<(), Trouble> {
    let Installation {
        portal,
        endpoint,
        application_token,
        tokens,
    } = installation;
    let seal = |column, token: &SecretString| {
        db.seal.seal(
            &place(column, portal.as_str()),
            token.expose_secret().as_bytes(),
        )
    };
    db.execute(
        "INSERT OR REPLACE INTO portal (portal, endpoint, application_token, access, refresh)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            portal.as_str(),
            endpoint,
            seal("application_token", application_token),
            seal("access", &tokens.access),
            seal("refresh", &tokens.refresh)
        ],
    )?;
    Ok(())
}

/// Forgets an installation.
pub(super) fn uninstall(db: &Db, portal: &MemberId) -> Result<(), Trouble> {
    db.execute("DELETE FROM portal WHERE portal = ?1", [portal.as_str()])
        .map(drop)
}

/// All installations.
pub(super) fn portals(db: &Db) -> Result<Vec<Installation>, Trouble> {
    let sql = "SELECT portal, endpoint, application_token, access, refresh FROM portal";
    db.list(sql, [], |row| {
        let portal: String = row.get(0)?;
        Ok(Installation {
            endpoint: row.get(1)?,
            application_token: token(db, row, 2, "application_token", &portal)?,
            tokens: Tokens {
                access: token(db, row, 3, "access", &portal)?,
                refresh: token(db, row, 4, "refresh", &portal)?,
            },
            portal: MemberId::new(portal),
        })
    })
}

fn token(
    db: &Db,
    row: &Row<'_>,
    index: usize,
    column: &str,
    portal: &str,
) -> Result<SecretString, Trouble> {
    let place = place(column, portal);
    let sealed = row
        .get_ref(index)?
        .as_blob()
        .map_err(rusqlite::Error::from)?;
    let plain = String::from_utf8(db.seal.open(&place, sealed)?);
    Ok(plain.map_err(|_| Trouble::Sealed { place })?.into())
}
