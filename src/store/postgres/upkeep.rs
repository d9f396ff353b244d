//! Maintenance: removes old rows in steps so small that no event waits long, and counts what is
//! stored.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_postgres::Row;

use super::fault::Fault;
use super::fence::Holdings;
use super::session::Session;
use super::{dead, group, number, reminders, schema};
use crate::store::arrived::add_counts;
use crate::store::seal::Sealer;
use crate::store::turn::PART;
use crate::store::{Arrived, Partition, Secret, Status, Time, secret};

/// Maximum number of rows that one step removes.
const STEP: i64 = 1_000;

/// Time at the beginning and at the end of a bucket of occurrences in which no slot is emptied, in
/// seconds: the servers' and our own idea of the present bucket may differ then.
const MARGIN: i64 = 60 * 60;

/// Length of a bucket of occurrences, in seconds.
const BUCKET: i64 = 12 * 60 * 60;

/// A kind of rows with an age limit. Their age is in the column `at`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expiring {
    State,
    Quarantined,
    Message,
    /// Dead letters that block no queue. The others wait for an operator.
    Dead,
}

/// The key of a found row. Of the two columns, a table uses one.
#[derive(Clone, Debug, Default)]
pub(super) struct RowKey {
    partition: i16,
    number: i64,
    place: i32,
    text: String,
}

impl RowKey {
    /// The key before all others.
    pub(super) fn first() -> Self {
        Self {
            partition: -1,
            ..Self::default()
        }
    }
}

impl Expiring {
    fn select(self) -> &'static str {
        match self {
            // A conversation with a reminder is not idle. Broadcasts and pauses are kept.
            Self::State => {
                "SELECT partition, 0::bigint, 0, conversation FROM state
                 WHERE partition = ANY($1) AND at < $2
                 AND conversation NOT LIKE '%/~broadcast:%' AND conversation NOT LIKE '%/~paused'
                 AND (partition, conversation) > ($3, $6) AND $4::bigint = 0 AND $5::integer = 0
                 AND NOT EXISTS (SELECT 1 FROM reminder
                                 WHERE reminder.partition = state.partition
                                 AND reminder.conversation = state.conversation)
                 ORDER BY partition, conversation LIMIT $7"
            }
            Self::Quarantined => {
                "SELECT partition, id, 0, '' FROM quarantined
                 WHERE partition = ANY($1) AND at < $2 AND id > $4
                 AND $3::smallint >= -1 AND $5::integer = 0 AND $6 = ''
                 ORDER BY id LIMIT $7"
            }
            Self::Dead => {
                "SELECT partition, id, 0, '' FROM dead
                 WHERE partition = ANY($1) AND at < $2 AND id > $4 AND NOT blocks
                 AND $3::smallint >= -1 AND $5::integer = 0 AND $6 = ''
                 ORDER BY id LIMIT $7"
            }
            Self::Message => {
                "SELECT partition, event, place, '' FROM message
                 WHERE partition = ANY($1) AND at < $2
                 AND (partition, event, place) > ($3, $4, $5) AND $6 = ''
                 ORDER BY partition, event, place LIMIT $7"
            }
        }
    }
}

/// Returns rows of owned partitions that are older than `before`, starting after `after`. This runs
/// on the session that reads, so no event waits for it.
pub(super) async fn find(
    db: &Session,
    holdings: &Holdings,
    expiring: Expiring,
    before: Time,
    after: &RowKey,
) -> Result<Vec<RowKey>, Fault> {
    let RowKey {
        partition,
        number,
        place,
        text,
    } = after;
    let owned = reminders::partitions(holdings);
    let before = number::time(before);
    let rows = db
        .list(
            expiring.select(),
            &[&owned, &before, partition, number, place, text, &STEP],
        )
        .await?;
    let read = |row: &Row| {
        Ok(RowKey {
            partition: row.try_get(0)?,
            number: row.try_get(1)?,
            place: row.try_get(2)?,
            text: row.try_get(3)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Removes found rows that are still older than `before`. Returns the number of removed rows.
pub(super) async fn remove(
    db: &Session,
    holdings: &Holdings,
    expiring: Expiring,
    before: Time,
    found: &[RowKey],
) -> Result<u64, Fault> {
    const STATES: &str = "DELETE FROM state
        USING unnest($1::smallint[], $2::text[]) AS own (partition, conversation)
        WHERE state.partition = own.partition AND state.conversation = own.conversation
        AND state.at < $3 AND fenced()
        AND NOT EXISTS (SELECT 1 FROM reminder WHERE reminder.partition = state.partition
                        AND reminder.conversation = state.conversation)";
    const QUARANTINED: &str = "DELETE FROM quarantined
        WHERE id = ANY($1) AND at < $2 AND fenced()";
    const MESSAGES: &str = "DELETE FROM message
        USING unnest($1::bigint[], $2::integer[]) AS own (event, place)
        WHERE message.partition = (own.event & 255)::smallint
        AND message.event = own.event AND message.place = own.place
        AND message.at < $3 AND fenced()";
    let partitions = found
        .iter()
        .filter_map(|row| u8::try_from(row.partition).ok())
        .map(Partition);
    group::fence(db, holdings, partitions).await?;
    let at = number::time(before);
    let numbers: Vec<i64> = found.iter().map(|row| row.number).collect();
    match expiring {
        Expiring::State => {
            let partitions: Vec<i16> = found.iter().map(|row| row.partition).collect();
            let texts: Vec<&str> = found.iter().map(|row| &*row.text).collect();
            db.execute(STATES, &[&partitions, &texts, &at]).await
        }
        Expiring::Quarantined => db.execute(QUARANTINED, &[&numbers, &at]).await,
        Expiring::Message => {
            let places: Vec<i32> = found.iter().map(|row| row.place).collect();
            db.execute(MESSAGES, &[&numbers, &places, &at]).await
        }
        Expiring::Dead => dead::remove_old(db, &numbers, before).await,
    }
}

/// Empties the slot of occurrences that is used next, once in each bucket.
///
/// The last three buckets are searched for repeats, so a repeat is recognised for at least a day.
pub(super) async fn remove_occurrences(db: &Session) -> Result<(), Fault> {
    let sql = "SELECT floor(extract(epoch FROM now()))::bigint";
    let Some(row) = db.find(sql, &[]).await? else {
        return Ok(());
    };
    let now: i64 = row.try_get(0)?;
    let (bucket, since) = (now / BUCKET, now % BUCKET);
    if !(MARGIN..=BUCKET - MARGIN).contains(&since) {
        return Ok(());
    }
    let emptied = schema::locked_meta(db, "occurrences emptied for").await?;
    let emptied: i64 = emptied
        .and_then(|bucket| bucket.parse().ok())
        .unwrap_or_default();
    if emptied > bucket {
        return Ok(());
    }
    let slot = (bucket + 1) % 4;
    // A clock that was ahead has used the slot already. Its rows are reused when they are old.
    let sql = "SELECT 1 FROM seen WHERE slot = $1::bigint AND bucket >= $2 LIMIT 1";
    if db.find(sql, &[&slot, &bucket]).await?.is_none() {
        db.batch(&format!("TRUNCATE seen_{slot}")).await?;
    }
    let next = (bucket + 1).to_string();
    schema::set_meta(db, "occurrences emptied for", &next).await
}

/// Removes what processes have noted about their last event, except for the newest.
pub(super) async fn remove_arrivals(db: &Session) -> Result<(), Fault> {
    let sql = "DELETE FROM arrival WHERE event < (SELECT max(event) FROM arrival)";
    db.execute(sql, &[]).await.map(drop)
}

/// Returns when the last event was appended.
pub(super) async fn last_event(db: &Session) -> Result<Option<Time>, Fault> {
    let sql = "SELECT at FROM arrival ORDER BY event DESC LIMIT 1";
    let row = db.find(sql, &[]).await?;
    let at: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(at.map(number::time_of))
}

/// Returns the amount of stored data.
pub(super) async fn status(db: &Session) -> Result<Status, Fault> {
    let sql = format!(
        "SELECT
        (SELECT count(*) FROM portal), (SELECT count(*) FROM event), (SELECT min(at) FROM event),
        (SELECT count(*) FROM call), (SELECT min(at) FROM call), (SELECT count(*) FROM reminder),
        (SELECT count(*) FROM state WHERE conversation NOT LIKE '%{PART}%'),
        (SELECT count(*) FROM quarantined),
        (SELECT count(*) FROM dead),
        (SELECT sum(pg_total_relation_size(pg_class.oid))::bigint
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE nspname = current_schema() AND relkind = 'r')"
    );
    let Some(row) = db.find(&sql, &[]).await? else {
        return Ok(Status::default());
    };
    let number = |column| -> Result<Option<i64>, Fault> { Ok(row.try_get(column)?) };
    let count = |column| -> Result<u64, Fault> {
        Ok(number(column)?.map(number::from_sql).unwrap_or_default())
    };
    let time = |column| -> Result<Option<Time>, Fault> { Ok(number(column)?.map(number::time_of)) };
    Ok(Status {
        portals: count(0)?,
        events: count(1)?,
        oldest_event: time(2)?,
        last_event: last_event(db).await?,
        calls: count(3)?,
        oldest_call: time(4)?,
        reminders: count(5)?,
        conversations: count(6)?,
        quarantined: count(7)?,
        dead: count(8)?,
        spooled: 0,
        bytes: count(9)?,
    })
}

/// Returns the counts of arrived events, which are stored as JSON.
pub(super) async fn arrived(db: &Session) -> Result<Vec<Arrived>, Fault> {
    Ok(parse_arrived(schema::meta(db, "arrived").await?))
}

/// Counts that cannot be read start again, and are not an error.
fn parse_arrived(known: Option<String>) -> Vec<Arrived> {
    let known = known.and_then(|known| serde_json::from_str(&known).ok());
    known.unwrap_or_default()
}

/// Adds to the counts of arrived events. Returns all counts.
pub(super) async fn add_arrived(db: &Session, more: &[Arrived]) -> Result<Vec<Arrived>, Fault> {
    let mut known = parse_arrived(schema::locked_meta(db, "arrived").await?);
    add_counts(&mut known, more);
    let json = serde_json::json!(known).to_string();
    schema::set_meta(db, "arrived", &json).await?;
    Ok(known)
}

/// Returns the secret of the store, if there is one that a key opens.
pub(super) async fn secret(db: &Session, sealer: &Sealer) -> Result<Option<Secret>, Fault> {
    let sealed = schema::meta(db, secret::NAME).await?;
    let sealed = sealed.and_then(|sealed| STANDARD.decode(sealed).ok());
    let opened = sealed.and_then(|sealed| sealer.open(secret::CONTEXT, &sealed).ok());
    Ok(opened.and_then(|bytes| Secret::from_bytes(&bytes)))
}

/// Stores the secret of the store.
pub(super) async fn set_secret(
    db: &Session,
    sealer: &Sealer,
    secret: &Secret,
) -> Result<(), Fault> {
    let sealed = STANDARD.encode(sealer.seal(secret::CONTEXT, secret.bytes()));
    schema::set_meta(db, secret::NAME, &sealed).await
}

/// Returns the secret of the store. Makes one if there is none.
pub(super) async fn make_secret(db: &Session, sealer: &Sealer) -> Result<Secret, Fault> {
    schema::locked_meta(db, secret::NAME).await?; // another process waits
    if let Some(known) = secret(db, sealer).await? {
        return Ok(known);
    }
    let new = Secret::random();
    set_secret(db, sealer, &new).await?;
    Ok(new)
}
