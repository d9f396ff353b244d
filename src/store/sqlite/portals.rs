//! Portals in the tables: installations with sealed tokens, claims, booked time, and our addresses.

use std::ops::Range;

use rusqlite::{Row, params};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::Fault;
use super::db::Db;
use crate::event::{MemberId, UserId};
use crate::store::portals::add_address;
use crate::store::seal::SealError;
use crate::store::{Access, Booking, Claim, Installation, Spare, Time, Tokens};

/// Selects the columns of [`installation`].
const SELECT: &str =
    "SELECT portal, endpoint, application_token, access, refresh, user, former_hosts, installed_at,
     spare_user, spare_access, spare_refresh
     FROM portal";

/// Returns the context of a sealed token.
pub(super) fn token_context(column: &str, portal: &str) -> String {
    format!("portal {column} {portal}")
}

/// Stores an installation.
pub(super) fn install(db: &Db, installation: &Installation) -> Result<(), Fault> {
    let Installation {
        portal,
        endpoint,
        application_token,
        access,
        former_hosts,
        installed_at,
        spare,
    } = installation;
    let (user, access, refresh) = match access {
        Access::Tokens(tokens) => (None, &tokens.access, &tokens.refresh),
        Access::Webhook(hook) => (Some(hook.user.0), &hook.code, &hook.bot_token),
    };
    let seal = |column, token: &SecretString| {
        db.sealer.seal(
            &token_context(column, portal.as_str()),
            token.expose_secret().as_bytes(),
        )
    };
    db.execute(
        "INSERT OR REPLACE INTO portal
         (portal, endpoint, application_token, access, refresh, user, former_hosts, installed_at,
          spare_user, spare_access, spare_refresh)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            portal.as_str(),
            endpoint,
            seal("application_token", application_token),
            seal("access", access),
            seal("refresh", refresh),
            user,
            serde_json::Value::from(former_hosts.clone()).to_string(),
            installed_at,
            spare.as_ref().map(|spare| spare.user.0),
            spare
                .as_ref()
                .map(|spare| seal("spare_access", &spare.tokens.access)),
            spare
                .as_ref()
                .map(|spare| seal("spare_refresh", &spare.tokens.refresh))
        ],
    )?;
    Ok(())
}

/// Claims the right to renew a portal's tokens. The transaction holds the write lock, so of several
/// processes one gets the claim.
pub(super) fn claim(
    db: &Db,
    portal: &MemberId,
    holder: Uuid,
    now: Time,
    until: Time,
) -> Result<Option<Claim>, Fault> {
    let granted = db.execute(
        "UPDATE portal SET claimed_by = ?2, claimed_until = ?4
         WHERE portal = ?1 AND (claimed_by IS NULL OR claimed_by = ?2 OR claimed_until <= ?3)",
        params![
            portal.as_str(),
            holder.as_bytes().as_slice(),
            now.0,
            until.0
        ],
    )?;
    let installation = self::portal(db, portal)?;
    Ok(installation.map(|installation| Claim {
        is_granted: granted > 0,
        installation,
    }))
}

/// Books some of a portal's time. The transaction holds the write lock, so no two bookings overlap.
pub(super) fn book(db: &Db, portal: &MemberId, booking: Booking) -> Result<Range<Time>, Fault> {
    let sql = "SELECT until FROM booked WHERE portal = ?1";
    let booked = db.find(sql, [portal.as_str()], |row| Ok(Time(row.get(0)?)))?;
    let given = booking.after(booked.unwrap_or_default());
    let sql = "INSERT OR REPLACE INTO booked (portal, until) VALUES (?1, ?2)";
    db.execute(sql, params![portal.as_str(), given.end.0])?;
    Ok(given)
}

/// Removes booked time that has passed, which has no effect any more.
pub(super) fn remove_booked(db: &Db, now: Time) -> Result<(), Fault> {
    db.execute("DELETE FROM booked WHERE until <= ?1", [now.0])
        .map(drop)
}

/// Removes an installation.
pub(super) fn uninstall(db: &Db, portal: &MemberId) -> Result<(), Fault> {
    db.execute("DELETE FROM portal WHERE portal = ?1", [portal.as_str()])?;
    let sql = "DELETE FROM meta WHERE substr(name, 1, length(?1)) = ?1";
    db.execute(sql, [note_name(portal, "")]).map(drop)
}

/// Returns all installations.
pub(super) fn portals(db: &Db) -> Result<Vec<Installation>, Fault> {
    db.list(SELECT, [], |row| installation(db, row))
}

/// Returns the installation on a portal.
pub(super) fn portal(db: &Db, portal: &MemberId) -> Result<Option<Installation>, Fault> {
    db.find(
        &format!("{SELECT} WHERE portal = ?1"),
        [portal.as_str()],
        |row| installation(db, row),
    )
}

/// Adds the current address, if one is given. Returns all known addresses, which are stored as
/// JSON.
pub(super) fn addresses(db: &Db, now: Option<&str>) -> Result<Vec<String>, Fault> {
    let sql = "SELECT value FROM meta WHERE name = 'addresses'";
    let known = db.find(sql, [], |row| Ok(row.get::<_, String>(0)?))?;
    // A list that cannot be read is replaced, not an error.
    let mut known: Vec<String> = known
        .and_then(|known| serde_json::from_str(&known).ok())
        .unwrap_or_default();
    if add_address(&mut known, now) {
        let list = serde_json::Value::from(known.clone()).to_string();
        let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('addresses', ?1)";
        db.execute(sql, [list])?;
    }
    Ok(known)
}

/// Returns the name of a note in the table `meta`. No portal's id has a space.
fn note_name(portal: &MemberId, name: &str) -> String {
    format!("note {portal} {name}")
}

/// Returns a note about a portal.
pub(super) fn note(db: &Db, portal: &MemberId, name: &str) -> Result<Option<String>, Fault> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    db.find(sql, [note_name(portal, name)], |row| Ok(row.get(0)?))
}

/// Stores a note about a portal.
pub(super) fn set_note(db: &Db, portal: &MemberId, name: &str, note: &str) -> Result<(), Fault> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    db.execute(sql, params![note_name(portal, name), note])
        .map(drop)
}

fn installation(db: &Db, row: &Row<'_>) -> Result<Installation, Fault> {
    let portal: String = row.get(0)?;
    let application_token = token(db, row, 2, "application_token", &portal)?;
    let access = Access::from_columns(
        token(db, row, 3, "access", &portal)?,
        token(db, row, 4, "refresh", &portal)?,
        row.get::<_, Option<u64>>(5)?.map(UserId),
    );
    let hosts: Option<String> = row.get(6)?;
    // A list that cannot be read is dropped, not an error.
    let former_hosts = hosts.and_then(|hosts| serde_json::from_str(&hosts).ok());
    let spare = match row.get::<_, Option<u64>>(8)? {
        Some(user) => {
            let access = token(db, row, 9, "spare_access", &portal)?;
            let refresh = token(db, row, 10, "spare_refresh", &portal)?;
            Some(Spare::new(UserId(user), Tokens { access, refresh }))
        }
        None => None,
    };
    let id = MemberId::new(portal);
    Ok(Installation {
        former_hosts: former_hosts.unwrap_or_default(),
        installed_at: row.get(7)?,
        spare,
        ..Installation::new(id, row.get(1)?, application_token, access)
    })
}

fn token(
    db: &Db,
    row: &Row<'_>,
    index: usize,
    column: &str,
    portal: &str,
) -> Result<SecretString, Fault> {
    let context = token_context(column, portal);
    let sealed = row
        .get_ref(index)?
        .as_blob()
        .map_err(rusqlite::Error::from)?;
    let plain = String::from_utf8(db.sealer.open(&context, sealed)?);
    Ok(plain.map_err(|_| SealError { context })?.into())
}
