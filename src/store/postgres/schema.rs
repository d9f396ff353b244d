//! The tables by version, and the upgrade of an empty or older schema.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use super::PostgresError;
use super::fault::Fault;
use super::link::{Attempts, PATIENCE};
use super::session::Session;
use super::url::Server;
use crate::store::seal::{KEY_CHECK, Sealer};

/// A migration from one version to the next. A released migration never changes.
struct Migration {
    sql: &'static str,
    /// The oldest version of a program's schema that may work on the migrated store.
    oldest: u32,
}

const MIGRATIONS: &[Migration] = &[Migration {
    sql: include_str!("schema/1.sql"),
    oldest: 1,
}];

/// Returns the version that this program uses.
pub(super) fn version() -> u32 {
    MIGRATIONS
        .len()
        .try_into()
        .expect("there are not that many migrations")
}

/// Checks the version of the store, and upgrades it one version at a time, each in a transaction.
pub(super) async fn upgrade(server: &Server, db: &Session) -> Result<(), PostgresError> {
    let found = check(server, db).await?;
    for (version, migration) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        let mut attempts = Attempts::new(Instant::now(), PATIENCE);
        while let Err(fault) = migrate(db, version, migration).await {
            let is_locked = !fault.breaks_connection();
            if !is_locked || !attempts.again(&fault).await {
                return Err(PostgresError::fault(server, &fault));
            }
        }
        if found > 0 {
            tracing::info!(version, database = %server, "upgraded the store");
        }
    }
    Ok(())
}

/// Fails if the store is missing, or has not the version of this program.
pub(super) async fn check_current(server: &Server, db: &Session) -> Result<(), PostgresError> {
    let place = server.to_string();
    match check(server, db).await? {
        0 => Err(PostgresError::Missing { place }),
        found if found < version() => Err(PostgresError::Older {
            place,
            found,
            known: version(),
        }),
        _ => Ok(()),
    }
}

/// The name of the value that says how far a move into this store has come.
pub(super) const MOVE: &str = "move";

/// Fails if the store is the target of a move that is not finished.
pub(super) async fn check_finished(server: &Server, db: &Session) -> Result<(), PostgresError> {
    let moved = meta(db, MOVE).await;
    match moved.map_err(|fault| PostgresError::fault(server, &fault))? {
        Some(_) => Err(PostgresError::Unfinished {
            place: server.to_string(),
        }),
        None => Ok(()),
    }
}

/// Migrates to a version, unless another process has done so meanwhile.
async fn migrate(db: &Session, version: u32, migration: &Migration) -> Result<(), Fault> {
    db.transaction(async {
        // `imbt` in ASCII; each schema has a lock of its own.
        let lock = "SELECT pg_advisory_xact_lock(1768776308, hashtext(current_schema()))";
        db.list(lock, &[]).await?;
        let is_done = match db
            .find("SELECT to_regclass('meta') IS NOT NULL", &[])
            .await?
        {
            Some(row) if row.try_get(0)? => {
                versions(db).await?.is_some_and(|(now, _)| now >= version)
            }
            _ => false,
        };
        if is_done {
            return Ok(());
        }
        db.batch(migration.sql).await?;
        for (name, value) in [
            ("store", "imbot".to_owned()),
            ("schema", version.to_string()),
            ("oldest schema", migration.oldest.to_string()),
        ] {
            set_meta(db, name, &value).await?;
        }
        Ok(())
    })
    .await
}

/// Returns the version of the store: 0 if it is empty. Fails if the tables are foreign or newer.
async fn check(server: &Server, db: &Session) -> Result<u32, PostgresError> {
    let place = server.to_string();
    let failed = |fault: Fault| PostgresError::fault(server, &fault);
    let sql = "SELECT current_schema()::text,
               (SELECT count(*) FROM pg_class
                JOIN pg_namespace ON pg_namespace.oid = relnamespace
                WHERE nspname = current_schema() AND relkind IN ('r', 'p')
                AND NOT EXISTS (SELECT 1 FROM pg_depend
                                WHERE objid = pg_class.oid AND deptype = 'e'))";
    let row = db.find(sql, &[]).await.map_err(failed)?;
    let row = row.ok_or_else(|| failed(Fault::Client("no answer".to_owned())))?;
    let read = |error: tokio_postgres::Error| failed(error.into());
    let (schema, tables): (Option<String>, i64) =
        (row.try_get(0).map_err(read)?, row.try_get(1).map_err(read)?);
    if schema.is_none() {
        let cause = "the search path of its address names no schema that exists; create the schema";
        return Err(PostgresError::Unavailable {
            place,
            cause: cause.to_owned(),
        });
    }
    if tables == 0 {
        return Ok(0);
    }
    let versions = match versions(db).await {
        // A table of this name with other columns, or none.
        Err(Fault::Refused(error))
            if [
                SqlState::UNDEFINED_TABLE,
                SqlState::UNDEFINED_COLUMN,
                SqlState::UNDEFINED_FUNCTION,
            ]
            .contains(error.code()) =>
        {
            None
        }
        read => read.map_err(failed)?,
    };
    let Some((found, oldest)) = versions else {
        return Err(PostgresError::Foreign { place });
    };
    let known = version();
    if found > known && oldest > known {
        return Err(PostgresError::Newer {
            place,
            found,
            known,
        });
    }
    Ok(found)
}

/// Returns the version of the store, and the oldest program version that may work on it. Returns
/// `None` if this is not a store.
async fn versions(db: &Session) -> Result<Option<(u32, u32)>, Fault> {
    let sql = "SELECT name::text, value::text FROM meta
               WHERE name IN ('store', 'schema', 'oldest schema')";
    let mut values = HashMap::new();
    for row in db.list(sql, &[]).await? {
        values.insert(row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?);
    }
    let number = |name: &str| values.get(name).and_then(|value| value.parse().ok());
    let is_store = values.get("store").is_some_and(|value| value == "imbot");
    Ok(number("schema")
        .zip(number("oldest schema"))
        .filter(|_| is_store))
}

/// Returns a value by its name.
pub(super) async fn meta(db: &Session, name: &str) -> Result<Option<String>, Fault> {
    let sql = "SELECT value FROM meta WHERE name = $1";
    db.find(sql, &[&name])
        .await?
        .map(|row| row.try_get(0))
        .transpose()
        .map_err(Fault::from)
}

/// Returns a value by its name, which nobody else changes before the transaction ends.
pub(super) async fn locked_meta(db: &Session, name: &str) -> Result<Option<String>, Fault> {
    // The lock is on the name, so it also holds before there is a value.
    let lock = "SELECT pg_advisory_xact_lock(1768776309, hashtext(current_schema() || $1::text))";
    db.list(lock, &[&name]).await?;
    meta(db, name).await
}

/// Stores a value by its name.
pub(super) async fn set_meta(db: &Session, name: &str, value: &str) -> Result<(), Fault> {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, &[&name, &value]).await.map(drop)
}

/// Checks that one of the keys is the key of this store. A new store gets a value to check it with.
pub(super) async fn check_key(
    server: &Server,
    db: &Session,
    sealer: &Sealer,
) -> Result<(), PostgresError> {
    let failed = |fault: Fault| PostgresError::fault(server, &fault);
    let new = STANDARD.encode(sealer.seal(KEY_CHECK, b"imbot"));
    let sql = "INSERT INTO meta (name, value) VALUES ('key check', $1) ON CONFLICT DO NOTHING";
    db.execute(sql, &[&new]).await.map_err(failed)?;
    let stored = meta(db, "key check").await.map_err(failed)?;
    let stored = stored.and_then(|stored| STANDARD.decode(stored).ok());
    let opens = stored.is_some_and(|stored| sealer.open(KEY_CHECK, &stored).is_ok());
    if opens {
        return Ok(());
    }
    Err(PostgresError::WrongKey {
        place: server.to_string(),
    })
}
