//! Changes the key while processes run: seals with the first key what another one has sealed, in
//! small steps.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::fault::Fault;
use super::session::Session;
use super::{inbox, portals, schema};
use crate::store::seal::{KEY_CHECK, Sealer};
use crate::store::secret;

/// Maximum number of bodies that one step seals.
const STEP: i64 = 256;

/// The key of the last body of a step.
pub(super) type Last = (i16, Uuid);

/// Returns the number of bodies.
pub(super) async fn count(db: &Session) -> Result<u64, Fault> {
    let row = db.find("SELECT count(*) FROM body", &[]).await?;
    let count: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

/// Seals the next bodies after `after`. Returns the last of them and their number, or `None` at the
/// end.
pub(super) async fn bodies(
    db: &Session,
    sealer: &Sealer,
    after: Option<Last>,
) -> Result<Option<(Last, u64)>, Fault> {
    const NEXT: &str = "SELECT partition, id, sealed FROM body WHERE (partition, id) > ($1, $2)
        ORDER BY partition, id LIMIT $3 FOR NO KEY UPDATE";
    const SEAL: &str = "UPDATE body SET sealed = $3 WHERE partition = $1 AND id = $2";
    let (partition, id) = after.unwrap_or((-1, Uuid::nil()));
    let rows = db.list(NEXT, &[&partition, &id, &STEP]).await?;
    for row in &rows {
        let (partition, id): Last = (row.try_get(0)?, row.try_get(1)?);
        if let Some(sealed) = again(sealer, &inbox::body_context(id), row.try_get(2)?)? {
            db.execute(SEAL, &[&partition, &id, &sealed]).await?;
        }
    }
    let Some(last) = rows.last() else {
        return Ok(None);
    };
    let last = (last.try_get(0)?, last.try_get(1)?);
    Ok(Some((last, rows.len() as u64)))
}

/// Seals the tokens of all portals.
pub(super) async fn tokens(db: &Session, sealer: &Sealer) -> Result<(), Fault> {
    for column in portals::SEALED {
        let sql = format!("SELECT portal, {column} FROM portal FOR NO KEY UPDATE");
        for row in db.list(&sql, &[]).await? {
            let portal: &str = row.try_get(0)?;
            let Some(sealed) = row.try_get::<_, Option<&[u8]>>(1)? else {
                continue; // the portal has no spare tokens
            };
            let context = portals::token_context(column, portal);
            if let Some(sealed) = again(sealer, &context, sealed)? {
                let sql = format!("UPDATE portal SET {column} = $2 WHERE portal = $1");
                db.execute(&sql, &[&portal, &sealed]).await?;
            }
        }
    }
    Ok(())
}

/// Seals the secret of the store.
pub(super) async fn secret(db: &Session, sealer: &Sealer) -> Result<(), Fault> {
    let known = schema::locked_meta(db, secret::NAME).await?;
    let known = known.and_then(|known| STANDARD.decode(known).ok());
    if let Some(known) = known
        && let Some(sealed) = again(sealer, secret::CONTEXT, &known)?
    {
        schema::set_meta(db, secret::NAME, &STANDARD.encode(sealed)).await?;
    }
    Ok(())
}

/// Stores the value that detects a wrong key. From now on a process needs the new key to start.
pub(super) async fn key_check(db: &Session, sealer: &Sealer) -> Result<(), Fault> {
    let check = STANDARD.encode(sealer.seal(KEY_CHECK, b"imbot"));
    schema::set_meta(db, "key check", &check).await
}

/// Returns the value sealed with the first key. Returns `None` if it is that already.
fn again(sealer: &Sealer, context: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    if sealer.is_current(context, sealed) {
        return Ok(None);
    }
    let plain = sealer.open(context, sealed)?;
    Ok(Some(sealer.seal(context, &plain)))
}
