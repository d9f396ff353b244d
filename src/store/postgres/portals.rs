//! Portals in the tables: installations with sealed tokens, claims, booked time, notes and our
//! addresses.

use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Row;
use uuid::Uuid;

use super::fault::Fault;
use super::fence::partition_of;
use super::session::Session;
use super::{number, schema};
use crate::event::{MemberId, UserId};
use crate::store::portals::add_address;
use crate::store::seal::{SealError, Sealer};
use crate::store::{Access, Booking, Claim, Installation, Spare, Time, Tokens};

/// The columns of [`installation`].
macro_rules! columns {
    () => {
        "portal, endpoint, application_token, access, refresh, user_id, former_hosts, installed_at,
         spare_user, spare_access, spare_refresh"
    };
}
#[cfg(feature = "sqlite")]
pub(super) use columns;

/// The columns with sealed tokens.
pub(super) const SEALED: [&str; 5] = [
    "application_token",
    "access",
    "refresh",
    "spare_access",
    "spare_refresh",
];

/// Returns the context of a sealed token.
pub(super) fn token_context(column: &str, portal: &str) -> String {
    format!("portal {column} {portal}")
}

/// Stores an installation.
pub(super) async fn install(
    db: &Session,
    sealer: &Sealer,
    installation: &Installation,
) -> Result<(), Fault> {
    const INSERT: &str = "INSERT INTO portal
        (portal, partition, endpoint, application_token, access, refresh, user_id, former_hosts,
         installed_at, spare_user, spare_access, spare_refresh)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (portal) DO UPDATE
        SET endpoint = excluded.endpoint, application_token = excluded.application_token,
            access = excluded.access, refresh = excluded.refresh, user_id = excluded.user_id,
            former_hosts = excluded.former_hosts, installed_at = excluded.installed_at,
            spare_user = excluded.spare_user, spare_access = excluded.spare_access,
            spare_refresh = excluded.spare_refresh, claimed_by = NULL, claimed_until = NULL";
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
        Access::Webhook(hook) => (Some(user_to_sql(hook.user)), &hook.code, &hook.bot_token),
    };
    let seal = |column, token: &SecretString| {
        sealer.seal(
            &token_context(column, portal.as_str()),
            token.expose_secret().as_bytes(),
        )
    };
    let spare = spare.as_ref();
    db.execute(
        INSERT,
        &[
            &portal.as_str(),
            &number::partition(partition_of(portal)),
            endpoint,
            &seal("application_token", application_token),
            &seal("access", access),
            &seal("refresh", refresh),
            &user,
            &serde_json::Value::from(former_hosts.clone()).to_string(),
            &installed_at.map(number::to_sql),
            &spare.map(|spare| user_to_sql(spare.user)),
            &spare.map(|spare| seal("spare_access", &spare.tokens.access)),
            &spare.map(|spare| seal("spare_refresh", &spare.tokens.refresh)),
        ],
    )
    .await
    .map(drop)
}

fn user_to_sql(user: UserId) -> i64 {
    number::to_sql(user.0)
}

/// Claims the right to renew a portal's tokens. The lock on the row lets one of several processes
/// get the claim.
pub(super) async fn claim(
    db: &Session,
    sealer: &Sealer,
    portal: &MemberId,
    holder: Uuid,
    (now, until): (Time, Time),
) -> Result<Option<Claim>, Fault> {
    const CLAIM: &str = "UPDATE portal SET claimed_by = $2, claimed_until = $4
        WHERE portal = $1 AND (claimed_by IS NULL OR claimed_by = $2 OR claimed_until <= $3)";
    const READ: &str = concat!("SELECT ", columns!(), " FROM portal WHERE portal = $1");
    let (now, until) = (number::time(now), number::time(until));
    let is_granted = db
        .execute(CLAIM, &[&portal.as_str(), &holder, &now, &until])
        .await?
        > 0;
    let row = db.find(READ, &[&portal.as_str()]).await?;
    row.map(|row| {
        Ok(Claim {
            is_granted,
            installation: installation(sealer, &row)?,
        })
    })
    .transpose()
}

/// Books some of a portal's time. The lock on the row keeps two bookings from overlapping.
pub(super) async fn book(
    db: &Session,
    portal: &MemberId,
    booking: Booking,
) -> Result<Range<Time>, Fault> {
    const LOCK: &str = "INSERT INTO booked AS own (portal, until) VALUES ($1, 0)
        ON CONFLICT (portal) DO UPDATE SET until = own.until RETURNING until";
    // Booked time that a crash of the server loses passes unused, at most a moment of it.
    db.batch("SET LOCAL synchronous_commit = off").await?;
    let row = db.find(LOCK, &[&portal.as_str()]).await?;
    let booked: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    let given = booking.after(booked.map(number::time_of).unwrap_or_default());
    let sql = "UPDATE booked SET until = $2 WHERE portal = $1";
    db.execute(sql, &[&portal.as_str(), &number::time(given.end)])
        .await?;
    Ok(given)
}

/// Removes booked time that has passed, which has no effect any more.
pub(super) async fn remove_booked(db: &Session, now: Time) -> Result<(), Fault> {
    let sql = "DELETE FROM booked WHERE until <= $1";
    db.execute(sql, &[&number::time(now)]).await.map(drop)
}

/// Removes an installation with its notes.
pub(super) async fn uninstall(db: &Session, portal: &MemberId) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM portal WHERE portal = $1",
        "DELETE FROM note WHERE portal = $1",
    ] {
        db.execute(sql, &[&portal.as_str()]).await?;
    }
    Ok(())
}

/// Returns all installations.
pub(super) async fn portals(db: &Session, sealer: &Sealer) -> Result<Vec<Installation>, Fault> {
    const READ: &str = concat!("SELECT ", columns!(), " FROM portal ORDER BY portal");
    let rows = db.list(READ, &[]).await?;
    rows.iter().map(|row| installation(sealer, row)).collect()
}

/// Returns the installation on a portal.
pub(super) async fn portal(
    db: &Session,
    sealer: &Sealer,
    portal: &MemberId,
) -> Result<Option<Installation>, Fault> {
    const READ: &str = concat!("SELECT ", columns!(), " FROM portal WHERE portal = $1");
    let row = db.find(READ, &[&portal.as_str()]).await?;
    row.map(|row| installation(sealer, &row)).transpose()
}

/// Adds the current address, if one is given. Returns all known addresses, which are stored as
/// JSON.
pub(super) async fn addresses(db: &Session, now: Option<&str>) -> Result<Vec<String>, Fault> {
    let known = match now {
        Some(_) => schema::locked_meta(db, "addresses").await?,
        None => schema::meta(db, "addresses").await?,
    };
    // A list that cannot be read is replaced, not an error.
    let mut known: Vec<String> = known
        .and_then(|known| serde_json::from_str(&known).ok())
        .unwrap_or_default();
    if add_address(&mut known, now) {
        let list = serde_json::Value::from(known.clone()).to_string();
        schema::set_meta(db, "addresses", &list).await?;
    }
    Ok(known)
}

/// Returns a note about a portal.
pub(super) async fn note(
    db: &Session,
    portal: &MemberId,
    name: &str,
) -> Result<Option<String>, Fault> {
    let sql = "SELECT note FROM note WHERE portal = $1 AND name = $2";
    let row = db.find(sql, &[&portal.as_str(), &name]).await?;
    row.map(|row| row.try_get(0))
        .transpose()
        .map_err(Fault::from)
}

/// Stores a note about a portal.
pub(super) async fn set_note(
    db: &Session,
    portal: &MemberId,
    name: &str,
    note: &str,
) -> Result<(), Fault> {
    let sql = "INSERT INTO note (portal, name, note) VALUES ($1, $2, $3)
               ON CONFLICT (portal, name) DO UPDATE SET note = excluded.note";
    db.execute(sql, &[&portal.as_str(), &name, &note])
        .await
        .map(drop)
}

pub(super) fn installation(sealer: &Sealer, row: &Row) -> Result<Installation, Fault> {
    let portal: String = row.try_get(0)?;
    let token = |index, column| token(sealer, row, index, column, &portal);
    let user = |index| -> Result<Option<UserId>, Fault> {
        let user: Option<i64> = row.try_get(index)?;
        Ok(user.map(|user| UserId(number::from_sql(user))))
    };
    let application_token = token(2, "application_token")?;
    let access = Access::from_columns(token(3, "access")?, token(4, "refresh")?, user(5)?);
    // A list that cannot be read is dropped, not an error.
    let former_hosts = serde_json::from_str(row.try_get(6)?).unwrap_or_default();
    let installed_at: Option<i64> = row.try_get(7)?;
    let spare = match user(8)? {
        Some(user) => {
            let (access, refresh) = (token(9, "spare_access")?, token(10, "spare_refresh")?);
            Some(Spare::new(user, Tokens { access, refresh }))
        }
        None => None,
    };
    let id = MemberId::new(&*portal);
    Ok(Installation {
        former_hosts,
        installed_at: installed_at.map(number::from_sql),
        spare,
        ..Installation::new(id, row.try_get(1)?, application_token, access)
    })
}

fn token(
    sealer: &Sealer,
    row: &Row,
    index: usize,
    column: &str,
    portal: &str,
) -> Result<SecretString, Fault> {
    let context = token_context(column, portal);
    let plain = String::from_utf8(sealer.open(&context, row.try_get(index)?)?);
    Ok(plain.map_err(|_| SealError { context })?.into())
}
