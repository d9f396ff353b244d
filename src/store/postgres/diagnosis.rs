//! What an operator should know about the server: its settings, standbys, limits and clock, and
//! what is between it and this process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_postgres::Row;

use super::fault::Fault;
use super::link::Place;
use super::session::{Purpose, Session};
use super::{Postgres, number, schema};
use crate::store::StoreError;

/// Number of connections of a process that runs the bots.
pub(super) const CONNECTIONS: u64 = 7;

/// What was found about the database of a store. Contains no secrets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The version of the server, such as 150004 for 15.4.
    pub version: u64,
    /// The version of the server as it shows it.
    pub version_text: String,
    /// The version of the store's schema.
    pub schema: u32,
    /// The version of the schema that this program makes.
    pub known_schema: u32,
    /// The setting `fsync`.
    pub fsync: bool,
    /// The setting `full_page_writes`.
    pub full_page_writes: bool,
    /// The setting `synchronous_commit` of sessions like ours.
    pub synchronous_commit: String,
    /// The setting `synchronous_standby_names`.
    pub synchronous_standby_names: String,
    /// The connected standbys.
    pub standbys: Vec<Standby>,
    /// The limits of connections.
    pub connections: Vec<ConnectionLimit>,
    /// Number of connections that one process needs.
    pub needed_connections: u64,
    /// Whether something between this process and the server gives one server connection to
    /// several clients.
    pub is_pooled: bool,
    /// How far the server's clock is ahead of ours, in milliseconds.
    pub clock_ahead: i64,
    /// How precisely that is known.
    pub clock_precision: Duration,
    /// Age of the oldest transaction that keeps removed rows from being reused.
    pub oldest_transaction: Option<Duration>,
    /// What holds it.
    pub oldest_holder: String,
}

/// A standby that is connected to the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standby {
    /// Its name.
    pub name: String,
    /// Its state, such as `streaming`. `None` if our user may not see it.
    pub state: Option<String>,
    /// Whether commits wait for it: `sync`, `quorum`, `potential` or `async`. `None` if our user
    /// may not see it.
    pub sync_state: Option<String>,
}

/// A limit of connections and its use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionLimit {
    /// What is limited: `server`, `database` or `user`.
    pub of: &'static str,
    /// Maximum number of connections that our user can have.
    pub limit: u64,
    /// Number of connections now.
    pub used: u64,
}

impl Postgres {
    /// Looks at the server and at what is between it and this process. Changes nothing.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn diagnose(&self) -> Result<Diagnosis, StoreError> {
        let place = self.place.clone();
        let run = self.read.run(place, |_, place| Box::pin(diagnose(place)));
        run.await.map_err(|fault| self.failed(fault))
    }
}

async fn diagnose(place: &Place) -> Result<Diagnosis, Fault> {
    let db = place.connect(Purpose::Read).await?;
    db.batch("SET enable_seqscan = on").await?;
    let mut found = settings(&db).await?;
    let schema = schema::meta(&db, "schema").await?;
    found.schema = schema
        .and_then(|schema| schema.parse().ok())
        .unwrap_or_default();
    found.known_schema = schema::version();
    found.standbys = standbys(&db).await?;
    found.connections = connections(&db).await?;
    found.needed_connections = CONNECTIONS;
    (found.clock_ahead, found.clock_precision) = clock(&db).await?;
    if let Some((holder, age)) = oldest(&db).await? {
        (found.oldest_holder, found.oldest_transaction) = (holder, Some(age));
    }
    let second = place.connect(Purpose::Read).await?;
    found.is_pooled = are_shared(&db, &second, 10).await?;
    Ok(found)
}

async fn settings(db: &Session) -> Result<Diagnosis, Fault> {
    let sql = "SELECT current_setting('server_version_num'), current_setting('server_version'),
        current_setting('fsync'), current_setting('full_page_writes'),
        current_setting('synchronous_commit'), current_setting('synchronous_standby_names')";
    let Some(row) = db.find(sql, &[]).await? else {
        return Ok(Diagnosis::default());
    };
    let text = |column| -> Result<String, Fault> { Ok(row.try_get(column)?) };
    Ok(Diagnosis {
        version: text(0)?.parse().unwrap_or_default(),
        version_text: text(1)?,
        fsync: text(2)? == "on",
        full_page_writes: text(3)? == "on",
        synchronous_commit: text(4)?,
        synchronous_standby_names: text(5)?,
        ..Diagnosis::default()
    })
}

async fn standbys(db: &Session) -> Result<Vec<Standby>, Fault> {
    let sql = "SELECT coalesce(application_name, ''), state, sync_state FROM pg_stat_replication
               ORDER BY 1";
    let read = |row: &Row| {
        Ok(Standby {
            name: row.try_get(0)?,
            state: row.try_get(1)?,
            sync_state: row.try_get(2)?,
        })
    };
    db.list(sql, &[]).await?.iter().map(read).collect()
}

/// Returns the limits that apply to our user.
async fn connections(db: &Session) -> Result<Vec<ConnectionLimit>, Fault> {
    // The last ones are kept for others: for superusers, and since version 16 for a role.
    let sql = "SELECT
        current_setting('max_connections')::bigint
            - CASE WHEN rolsuper THEN 0 ELSE
                  current_setting('superuser_reserved_connections')::bigint
                  + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::bigint
              END,
        (SELECT count(*) FROM pg_stat_activity
         WHERE backend_type = 'client backend' OR backend_type IS NULL),
        (SELECT datconnlimit::bigint FROM pg_database WHERE datname = current_database()),
        (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
        CASE WHEN rolsuper THEN -1 ELSE rolconnlimit END::bigint,
        (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user)
        FROM pg_roles WHERE rolname = current_user";
    let Some(row) = db.find(sql, &[]).await? else {
        return Ok(Vec::new());
    };
    let mut limits = Vec::new();
    for (column, of) in [(0, "server"), (2, "database"), (4, "user")] {
        let (limit, used): (i64, i64) = (row.try_get(column)?, row.try_get(column + 1)?);
        if let Ok(limit) = limit.try_into() {
            let used = number::from_sql(used);
            limits.push(ConnectionLimit { of, limit, used }); // -1 is no limit
        }
    }
    Ok(limits)
}

/// Returns how far the server's clock is ahead of ours, and how precisely that is known.
async fn clock(db: &Session) -> Result<(i64, Duration), Fault> {
    const SQL: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let now = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
    };
    db.find(SQL, &[]).await?; // prepares the statement
    let before = now();
    let row = db.find(SQL, &[]).await?;
    let after = now();
    let server: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    let took = Duration::from_millis(after.saturating_sub(before).unsigned_abs());
    let middle = before + (after - before) / 2;
    Ok((server.unwrap_or(middle) - middle, took / 2))
}

/// Returns the oldest transaction that keeps removed rows from being reused, with what holds it.
/// Of other users' sessions it is only known to those who may see them.
async fn oldest(db: &Session) -> Result<Option<(String, Duration)>, Fault> {
    let sql = "SELECT holder, (extract(epoch FROM now() - since) * 1000)::bigint FROM (
            SELECT 'the session ' || pid || ' of ' || coalesce(usename, 'a system process')
                   || ' (' || coalesce(nullif(application_name, ''), 'no name') || ')' AS holder,
                   xact_start AS since
            FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND xact_start IS NOT NULL
            AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
            UNION ALL
            SELECT 'the prepared transaction ' || gid, prepared FROM pg_prepared_xacts
        ) AS holders
        ORDER BY since LIMIT 1";
    let row = db.find(sql, &[]).await?;
    row.map(|row| {
        let age = number::from_sql(row.try_get(1)?);
        Ok((row.try_get(0)?, Duration::from_millis(age)))
    })
    .transpose()
}

/// Returns true if a connection gets several sessions of the server, or two connections get the
/// same one. A pooler does this that shares sessions between transactions. Others may use the
/// pooler at the same time, so one round can miss it.
pub(super) async fn are_shared(
    first: &Session,
    second: &Session,
    rounds: usize,
) -> Result<bool, Fault> {
    const PROCESS: &str = "SELECT pg_backend_pid()";
    let own = first.first_value(PROCESS).await?;
    for _ in 0..rounds {
        let other = second.first_value(PROCESS).await?;
        if other == own || first.first_value(PROCESS).await? != own {
            return Ok(true);
        }
    }
    Ok(false)
}
