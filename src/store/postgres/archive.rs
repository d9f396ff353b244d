//! The rows of a database for a move to or from another kind of store.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::Fuse;
use futures_util::{StreamExt, TryStreamExt};
use secrecy::SecretString;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, RowStream};
use uuid::Uuid;

use super::fault::Fault;
use super::link::{PATIENCE, Place};
use super::session::{Purpose, Session};
use super::url::Server;
use super::{PostgresError, inbox, number, portals, schema, sealer, tls};
use crate::store::archive::{
    BodyPart, Call, Dead, Head, Kind, MoveError, Notice, NoticeKind, Portal, Position, Progress,
    Quarantined, Reading, Record, STEP_BYTES, STEP_ROWS, Writing, identity_of,
};
use crate::store::seal::{SealError, Sealer};
use crate::store::{Key, text};

/// Time in which a process that lives renews its lease.
const SILENCE: Duration = Duration::from_secs(5);

/// Pause between two looks at the leases.
const PAUSE: Duration = Duration::from_millis(500);

/// Settings of a session that reads or writes everything: no statement is limited, and whole tables
/// are read.
const SETTINGS: &str = "SET statement_timeout = 0; SET enable_seqscan = on;
    SET idle_in_transaction_session_timeout = '10min';";

/// All tables that processes write.
const TABLES: &str = "meta, member, partition, portal, note, event, body, seen, state, quarantined,
    call, taken, message, reminder, dead, notice";

/// The bodies that events and dead letters need, by the first number that needs each.
macro_rules! used {
    () => {
        "WITH used AS (
             SELECT partition, body, min(id) AS first, count(*) AS uses
             FROM (SELECT partition, body, id FROM event WHERE body IS NOT NULL
                   UNION ALL SELECT partition, body, event FROM dead WHERE body IS NOT NULL) AS own
             GROUP BY partition, body) "
    };
}

/// A database that is read or filled by a move.
pub(in crate::store) struct DatabaseArchive {
    place: Place,
    db: Session,
    sealer: Arc<Sealer>,
    /// The buckets of occurrences by their ranks.
    buckets: Vec<u64>,
    reading: Option<Rows>,
}

/// The rows of a kind that are still to be read.
struct Rows {
    kind: Kind,
    /// The position of the last row that was read.
    after: Option<Position>,
    /// A stream of rows must not be asked again after its end.
    rows: Pin<Box<Fuse<RowStream>>>,
}

/// The parameters of a query.
type Values = Vec<Box<dyn ToSql + Sync + Send>>;

impl DatabaseArchive {
    /// Opens a store to read it. Nobody can write to it meanwhile.
    pub(in crate::store) async fn source(
        url: &SecretString,
        keys: &[Key],
    ) -> Result<Self, MoveError> {
        let mut archive = Self::connect(url, keys).await?;
        let (server, db) = (&archive.place.server, &archive.db);
        schema::check_current(server, db).await?;
        schema::check_finished(server, db).await?;
        schema::check_key(server, db, &archive.sealer).await?;
        archive.wait_for_silence().await?;
        archive.buckets = archive.done(used_buckets(&archive.db).await)?;
        Ok(archive)
    }

    /// Opens the target of a move, or makes its tables.
    pub(in crate::store) async fn target(
        url: &SecretString,
        keys: &[Key],
    ) -> Result<Self, MoveError> {
        let archive = Self::connect(url, keys).await?;
        let (server, db) = (&archive.place.server, &archive.db);
        schema::upgrade(server, db).await?;
        schema::check_key(server, db, &archive.sealer).await?;
        // `imbm` in ASCII: one move at a time.
        let lock = "SELECT pg_advisory_lock(1768776301, hashtext(current_schema()))";
        archive.done(db.list(lock, &[]).await)?;
        Ok(archive)
    }

    async fn connect(url: &SecretString, keys: &[Key]) -> Result<Self, PostgresError> {
        let server = Server::parse(url)?;
        let tls = tls::connector(&server.verify)?;
        let place = Place::new(server, tls, PATIENCE);
        let failed = |fault: Fault| PostgresError::fault(&place.server, &fault);
        let db = place.connect(Purpose::Other).await.map_err(failed)?;
        db.batch(SETTINGS).await.map_err(failed)?;
        Ok(Self {
            db,
            sealer: Arc::new(sealer(keys)?),
            place,
            buckets: Vec::new(),
            reading: None,
        })
    }

    /// Fails if a process works on the store. Then locks all tables, so that none can start.
    async fn wait_for_silence(&self) -> Result<(), MoveError> {
        let before = self.done(beats(&self.db).await)?;
        if !before.is_empty() {
            let end = tokio::time::Instant::now() + SILENCE;
            while tokio::time::Instant::now() < end {
                tokio::time::sleep(PAUSE).await;
                self.refuse_living(&before).await?;
            }
        }
        let lock = format!("BEGIN; LOCK TABLE {TABLES} IN SHARE MODE");
        self.done(self.db.batch(&lock).await)?;
        self.refuse_living(&before).await
    }

    async fn refuse_living(&self, before: &[Beat]) -> Result<(), MoveError> {
        let mut living = self.done(beats(&self.db).await)?;
        living.retain(|beat| !before.contains(beat));
        if living.is_empty() {
            return Ok(());
        }
        let members: Vec<String> = living.into_iter().map(|beat| beat.name).collect();
        Err(MoveError::InUse {
            place: self.place.server.to_string(),
            members: members.join(", "),
        })
    }

    fn done<T>(&self, outcome: Result<T, Fault>) -> Result<T, PostgresError> {
        outcome.map_err(|fault| PostgresError::fault(&self.place.server, &fault))
    }

    /// Returns the next rows of a kind until a step is full.
    async fn step(&mut self, kind: Kind, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
        let is_next = |rows: &Rows| rows.kind == kind && rows.after.as_ref() == after;
        let mut rows = match self.reading.take().filter(is_next) {
            Some(rows) => rows,
            None => {
                let (sql, values) = query(kind, after, &self.buckets);
                let params = values.iter().map(|value| &**value as &(dyn ToSql + Sync));
                Rows {
                    kind,
                    after: None,
                    rows: Box::pin(self.db.client().query_raw(sql, params).await?.fuse()),
                }
            }
        };
        let (mut found, mut bytes) = (Vec::new(), 0);
        while found.len() < STEP_ROWS
            && bytes < STEP_BYTES
            && let Some(row) = rows.rows.try_next().await?
        {
            let record = self.record(kind, &row)?;
            bytes += record.size();
            found.push(record);
        }
        rows.after = found.last().map(Record::position);
        self.reading = Some(rows).filter(|rows| rows.after.is_some());
        Ok(found)
    }

    fn record(&self, kind: Kind, row: &Row) -> Result<Record, Fault> {
        match kind {
            Kind::Portal => {
                let portal = portals::installation(&self.sealer, row)?;
                Ok(Record::Portal(Portal(portal)))
            }
            Kind::Body => read_body(&self.sealer, row),
            Kind::Seen => {
                let bucket = unsigned(row, 0)?;
                let rank = self.buckets.iter().position(|own| *own == bucket);
                Ok(Record::Seen {
                    rank: rank
                        .and_then(|rank| rank.try_into().ok())
                        .unwrap_or(u8::MAX),
                    occurrence: row.try_get::<_, Uuid>(1)?.as_u128(),
                })
            }
            _ => read(kind, row),
        }
    }
}

/// The lease of a process.
#[derive(Debug, PartialEq, Eq)]
struct Beat {
    id: Uuid,
    beat: i64,
    name: String,
}

async fn beats(db: &Session) -> Result<Vec<Beat>, Fault> {
    let sql = "SELECT id, beat, name FROM member WHERE state <> 'dead'";
    let read = |row: &Row| {
        Ok(Beat {
            id: row.try_get(0)?,
            beat: row.try_get(1)?,
            name: row.try_get(2)?,
        })
    };
    db.list(sql, &[]).await?.iter().map(read).collect()
}

/// Returns the buckets of occurrences that are searched for repeats, the latest first.
async fn used_buckets(db: &Session) -> Result<Vec<u64>, Fault> {
    let sql = "SELECT DISTINCT bucket FROM seen WHERE bucket > (SELECT max(bucket) FROM seen) - 3
               ORDER BY bucket DESC";
    let rows = db.list(sql, &[]).await?;
    rows.iter().map(|row| unsigned(row, 0)).collect()
}

/// Returns the query of the rows of a kind, with its parameters.
fn query(kind: Kind, after: Option<&Position>, buckets: &[u64]) -> (&'static str, Values) {
    const PORTALS: &str = concat!(
        "SELECT ",
        portals::columns!(),
        " FROM portal WHERE portal COLLATE \"C\" > $1 ORDER BY portal COLLATE \"C\""
    );
    const BODIES: &str = concat!(
        used!(),
        "SELECT first, used.partition, used.uses, sealed, used.body
         FROM used LEFT JOIN body ON body.partition = used.partition AND body.id = used.body
         WHERE first > $1 ORDER BY first"
    );
    const EVENTS: &str = concat!(
        used!(),
        "SELECT id, ordering_key, at, first, part, reminder, attempts, history
         FROM event LEFT JOIN used USING (partition, body) WHERE id > $1 ORDER BY id"
    );
    const DEAD: &str = concat!(
        used!(),
        "SELECT id, at, ordering_key, error, attempts, history, blocks, event, event_at,
                first, part, reminder, call
         FROM dead LEFT JOIN used USING (partition, body) WHERE id > $1 ORDER BY id"
    );
    let start = Position::default();
    let is_start = after.is_none();
    let Position {
        number,
        index,
        text,
        name,
    } = after.unwrap_or(&start).clone();
    let number = if is_start { -1 } else { number::to_sql(number) };
    let one = |sql| (sql, vec![Box::new(number) as _]);
    let numbered = |sql| {
        (
            sql,
            vec![Box::new(number) as _, Box::new(i32::from(index)) as _],
        )
    };
    match kind {
        Kind::Portal => (PORTALS, vec![Box::new(text)]),
        Kind::Note => (
            "SELECT portal, name, note FROM note
             WHERE (portal COLLATE \"C\", name COLLATE \"C\") > ($1, $2)
             ORDER BY portal COLLATE \"C\", name COLLATE \"C\"",
            vec![Box::new(text), Box::new(name)],
        ),
        Kind::State => (
            "SELECT conversation, version, at, data FROM state
             WHERE conversation COLLATE \"C\" > $1 ORDER BY conversation COLLATE \"C\"",
            vec![Box::new(text)],
        ),
        Kind::Quarantined => one(
            "SELECT id, conversation, version, at, data, reason FROM quarantined
             WHERE id > $1 ORDER BY id",
        ),
        Kind::Reminder => numbered(
            "SELECT event, place, conversation, due, reminder FROM reminder
             WHERE (event, place) > ($1, $2) ORDER BY event, place",
        ),
        Kind::Message => numbered(
            "SELECT event, place, conversation, at, message FROM message
             WHERE (event, place) > ($1, $2) ORDER BY event, place",
        ),
        Kind::Body => one(BODIES),
        Kind::Event => one(EVENTS),
        Kind::Call => numbered(
            "SELECT call.event, call.place, conversation, at, api, redelivery, remember, call,
                    taken.event IS NOT NULL
             FROM call LEFT JOIN taken ON taken.partition = call.partition
                 AND taken.event = call.event AND taken.place = call.place
             WHERE (call.event, call.place) > ($1, $2) ORDER BY call.event, call.place",
        ),
        Kind::Dead => one(DEAD),
        Kind::Notice => {
            one("SELECT id, kind, event, place, ordering_key FROM notice WHERE id > $1 ORDER BY id")
        }
        Kind::Seen => {
            let buckets: Vec<i64> = buckets.iter().map(|own| number::to_sql(*own)).collect();
            let last = u128::from_str_radix(&text, 16).unwrap_or_default();
            (
                "SELECT bucket, occurrence FROM seen
                 WHERE bucket = ANY($1)
                 AND (array_position($1, bucket) - 1, occurrence) > ($2::integer, $3)
                 ORDER BY array_position($1, bucket), occurrence",
                vec![
                    Box::new(buckets),
                    Box::new(i32::try_from(number).unwrap_or(i32::MAX)),
                    Box::new(Uuid::from_u128(last)),
                ],
            )
        }
    }
}

fn unsigned(row: &Row, column: usize) -> Result<u64, Fault> {
    Ok(number::from_sql(row.try_get(column)?))
}

fn count32(row: &Row, column: usize) -> Result<u32, Fault> {
    Ok(row.try_get::<_, i32>(column)?.unsigned_abs())
}

fn index(row: &Row, column: usize) -> Result<u16, Fault> {
    let index: i32 = row.try_get(column)?;
    Ok(index.try_into().unwrap_or(u16::MAX))
}

fn version(row: &Row, column: usize) -> Result<u32, Fault> {
    let version: i64 = row.try_get(column)?;
    Ok(version.try_into().unwrap_or(u32::MAX))
}

/// Returns the reference of a body, from the columns first and part.
fn body_part(row: &Row, column: usize) -> Result<Option<BodyPart>, Fault> {
    let first: Option<i64> = row.try_get(column)?;
    let first = first.map(number::from_sql);
    first
        .map(|first| {
            Ok(BodyPart {
                first,
                part: index(row, column + 1)?,
            })
        })
        .transpose()
}

fn read_body(sealer: &Sealer, row: &Row) -> Result<Record, Fault> {
    let context = inbox::body_context(row.try_get(4)?);
    let partition: i16 = row.try_get(1)?;
    let Some(sealed) = row.try_get::<_, Option<&[u8]>>(3)? else {
        return Err(SealError { context }.into());
    };
    Ok(Record::Body {
        first: unsigned(row, 0)?,
        partition: partition.try_into().unwrap_or_default(),
        uses: unsigned(row, 2)?,
        plain: sealer.open(&context, sealed)?,
    })
}

fn read(kind: Kind, row: &Row) -> Result<Record, Fault> {
    Ok(match kind {
        Kind::Note => Record::Note {
            portal: row.try_get(0)?,
            name: row.try_get(1)?,
            note: row.try_get(2)?,
        },
        Kind::State => Record::State {
            conversation: row.try_get(0)?,
            version: version(row, 1)?,
            at: unsigned(row, 2)?,
            data: row.try_get(3)?,
        },
        Kind::Quarantined => Record::Quarantined(Quarantined {
            id: unsigned(row, 0)?,
            conversation: row.try_get(1)?,
            version: version(row, 2)?,
            at: unsigned(row, 3)?,
            data: row.try_get(4)?,
            reason: row.try_get(5)?,
        }),
        Kind::Reminder => Record::Reminder {
            event: unsigned(row, 0)?,
            index: index(row, 1)?,
            conversation: row.try_get(2)?,
            due: unsigned(row, 3)?,
            reminder: row.try_get(4)?,
        },
        Kind::Message => Record::Message {
            event: unsigned(row, 0)?,
            index: index(row, 1)?,
            conversation: row.try_get(2)?,
            at: unsigned(row, 3)?,
            message: unsigned(row, 4)?,
        },
        Kind::Event => Record::Event {
            id: unsigned(row, 0)?,
            key: row.try_get(1)?,
            at: unsigned(row, 2)?,
            body: body_part(row, 3)?,
            reminder: row.try_get(5)?,
            attempts: count32(row, 6)?,
            history: row.try_get(7)?,
        },
        Kind::Call => Record::Call(Call {
            event: unsigned(row, 0)?,
            index: index(row, 1)?,
            conversation: row.try_get(2)?,
            at: unsigned(row, 3)?,
            api: row.try_get(4)?,
            redelivery: row.try_get(5)?,
            remember: row.try_get(6)?,
            call: row.try_get(7)?,
            is_taken: row.try_get(8)?,
        }),
        Kind::Dead => {
            let event: Option<i64> = row.try_get(7)?;
            let event = event
                .map(|event| Ok::<_, Fault>((number::from_sql(event), unsigned(row, 8)?)))
                .transpose()?;
            Record::Dead(Box::new(Dead {
                id: unsigned(row, 0)?,
                at: unsigned(row, 1)?,
                key: row.try_get(2)?,
                error: row.try_get(3)?,
                attempts: count32(row, 4)?,
                history: row.try_get(5)?,
                blocks: row.try_get(6)?,
                event,
                body: body_part(row, 9)?,
                reminder: row.try_get(11)?,
                call: row.try_get(12)?,
            }))
        }
        _ => Record::Notice(Notice {
            id: unsigned(row, 0)?,
            kind: match row.try_get::<_, &str>(1)? {
                "event" => NoticeKind::Event(unsigned(row, 2)?),
                "call" => NoticeKind::Call(unsigned(row, 2)?, index(row, 3)?),
                _ => NoticeKind::Unblocked,
            },
            key: row.try_get(4)?,
        }),
    })
}

impl Reading for DatabaseArchive {
    async fn identity(&mut self) -> Result<String, MoveError> {
        let check = self.done(schema::meta(&self.db, "key check").await)?;
        let check = STANDARD.decode(check.unwrap_or_default());
        Ok(identity_of(&check.unwrap_or_default()))
    }

    async fn head(&mut self) -> Result<Head, MoveError> {
        let head = read_head(&self.db, &self.sealer, self.buckets.clone()).await;
        Ok(self.done(head)?)
    }

    async fn count(&mut self, kind: Kind) -> Result<u64, MoveError> {
        const BODIES: &str = concat!(used!(), "SELECT count(*) FROM used");
        let rows = match kind {
            Kind::Portal => "SELECT count(*) FROM portal",
            Kind::Note => "SELECT count(*) FROM note",
            Kind::State => "SELECT count(*) FROM state",
            Kind::Quarantined => "SELECT count(*) FROM quarantined",
            Kind::Reminder => "SELECT count(*) FROM reminder",
            Kind::Message => "SELECT count(*) FROM message",
            Kind::Body => BODIES,
            Kind::Event => "SELECT count(*) FROM event",
            Kind::Call => "SELECT count(*) FROM call",
            Kind::Dead => "SELECT count(*) FROM dead",
            Kind::Notice => "SELECT count(*) FROM notice",
            Kind::Seen => {
                "SELECT count(*) FROM seen WHERE bucket > (SELECT max(bucket) FROM seen) - 3"
            }
        };
        let counted = async {
            let row = self.db.find(rows, &[]).await?;
            row.map_or(Ok(0), |row| unsigned(&row, 0))
        };
        Ok(self.done(counted.await)?)
    }

    async fn read(
        &mut self,
        kind: Kind,
        after: Option<&Position>,
    ) -> Result<Vec<Record>, MoveError> {
        let rows = self.step(kind, after).await;
        Ok(self.done(rows)?)
    }
}

async fn read_head(db: &Session, sealer: &Sealer, buckets: Vec<u64>) -> Result<Head, Fault> {
    let last = |row: Option<Row>| -> Result<u64, Fault> {
        let Some(row) = row else { return Ok(0) };
        let (value, is_called): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
        Ok(number::from_sql(if is_called { value } else { value - 1 }))
    };
    let events = db.find("SELECT last_value, is_called FROM event_number", &[]);
    let events = events.await?;
    let dead = db.find("SELECT last_value, is_called FROM dead_id_seq", &[]);
    let dead = dead.await?;
    let at = super::upkeep::last_event(db).await?;
    Ok(Head {
        count: last(events)?,
        last_event_at: at.map(|at| at.0),
        last_dead: last(dead)?,
        addresses: schema::meta(db, "addresses").await?,
        arrived: schema::meta(db, "arrived").await?,
        secret: super::upkeep::secret(db, sealer).await?,
        buckets,
    })
}

impl Writing for DatabaseArchive {
    async fn begin(&mut self, head: &Head, first: Progress) -> Result<Progress, MoveError> {
        let stored = self.done(schema::meta(&self.db, schema::MOVE).await)?;
        if let Some(stored) = stored {
            let progress: Progress =
                self.done(text::parse_json("meta", &stored).map_err(Fault::from))?;
            self.buckets.clone_from(&progress.buckets);
            return Ok(progress);
        }
        for kind in Kind::ALL {
            if self.count(kind).await? > 0 {
                return Err(self.not_empty());
            }
        }
        if !self.done(beats(&self.db).await)?.is_empty() {
            return Err(self.not_empty());
        }
        let begun = self.db.transaction(async {
            let buckets = new_buckets(&self.db, &head.buckets).await?;
            write_head(&self.db, &self.sealer, head).await?;
            let progress = Progress { buckets, ..first };
            write_progress(&self.db, &progress).await?;
            Ok(progress)
        });
        let begun = begun.await;
        let progress = self.done(begun)?;
        self.buckets.clone_from(&progress.buckets);
        Ok(progress)
    }

    async fn write(&mut self, rows: &[Record], progress: &Progress) -> Result<(), MoveError> {
        let written = self.db.transaction(async {
            insert(&self.db, &self.sealer, rows, &progress.buckets).await?;
            write_progress(&self.db, progress).await
        });
        Ok(self.done(written.await)?)
    }

    async fn finish(&mut self, _: &Head) -> Result<(), MoveError> {
        self.reading = None;
        let sql = "DELETE FROM meta WHERE name = $1";
        let finished = self
            .db
            .transaction(async { self.db.execute(sql, &[&schema::MOVE]).await });
        self.done(finished.await)?;
        // The statistics are those of empty tables.
        let analyze = format!("ANALYZE {TABLES}");
        self.done(self.db.batch(&analyze).await)?;
        Ok(())
    }

    fn remains(&self) -> (String, String) {
        let remove = "drop the schema with its tables, and create an empty one".to_owned();
        (self.place.server.to_string(), remove)
    }
}

impl DatabaseArchive {
    fn not_empty(&self) -> MoveError {
        MoveError::NotEmpty {
            place: self.place.server.to_string(),
        }
    }
}

/// Returns the buckets for occurrences, by their ranks: those that they have, unless a clock was
/// wrong and the server would not search them.
async fn new_buckets(db: &Session, old: &[u64]) -> Result<Vec<u64>, Fault> {
    let sql = "SELECT floor(extract(epoch FROM now()) / 43200)::bigint";
    let row = db.find(sql, &[]).await?;
    let now = row.map_or(Ok(0), |row| unsigned(&row, 0))?;
    let are_searched = old
        .iter()
        .all(|own| (now.saturating_sub(2)..=now).contains(own));
    if are_searched {
        return Ok(old.to_vec());
    }
    Ok((0..old.len() as u64)
        .map(|rank| now.saturating_sub(rank))
        .collect())
}

async fn write_progress(db: &Session, progress: &Progress) -> Result<(), Fault> {
    schema::set_meta(db, schema::MOVE, &serde_json::json!(progress).to_string()).await
}

async fn write_head(db: &Session, sealer: &Sealer, head: &Head) -> Result<(), Fault> {
    const SET: &str = "SELECT setval($1::text::regclass, $2)";
    for (sequence, last) in [
        ("event_number", head.count),
        ("dead_id_seq", head.last_dead),
    ] {
        if last > 0 {
            db.list(SET, &[&sequence, &number::to_sql(last)]).await?;
        }
    }
    if let Some(at) = head.last_event_at {
        let sql = "INSERT INTO arrival (member, event, at) VALUES ($1, $2, $3)";
        let event = number::to_sql(head.count * 256);
        db.execute(sql, &[&Uuid::nil(), &event, &number::to_sql(at)])
            .await?;
    }
    for (name, value) in [("addresses", &head.addresses), ("arrived", &head.arrived)] {
        if let Some(value) = value {
            schema::set_meta(db, name, value).await?;
        }
    }
    if let Some(secret) = &head.secret {
        super::upkeep::set_secret(db, sealer, secret).await?;
    }
    Ok(())
}

/// Returns the id of a body.
fn body_id(body: BodyPart) -> Uuid {
    Uuid::from_u128(u128::from(body.first))
}

/// Returns the partition of a key or conversation.
fn partition_of_text(key: &str) -> Result<i16, Fault> {
    let key = text::parse_key(key)?;
    Ok(number::partition(number::partition_of_key(&key)))
}

fn partition_of_number(event: u64) -> i16 {
    (event & 255) as i16
}

/// Inserts rows, which are all of one kind.
async fn insert(
    db: &Session,
    sealer: &Sealer,
    rows: &[Record],
    buckets: &[u64],
) -> Result<(), Fault> {
    match rows.first() {
        None => Ok(()),
        Some(Record::Portal(_)) => {
            for row in rows {
                if let Record::Portal(Portal(installation)) = row {
                    portals::install(db, sealer, installation).await?;
                }
            }
            Ok(())
        }
        Some(Record::Note { .. } | Record::State { .. } | Record::Quarantined(_)) => {
            insert_texts(db, rows).await
        }
        Some(Record::Reminder { .. } | Record::Message { .. } | Record::Call(_)) => {
            insert_placed(db, rows).await
        }
        Some(Record::Body { .. }) => insert_bodies(db, sealer, rows).await,
        Some(Record::Event { .. }) => insert_events(db, rows).await,
        Some(Record::Dead(_) | Record::Notice(_)) => insert_numbered(db, rows).await,
        Some(Record::Seen { .. }) => insert_seen(db, rows, buckets).await,
    }
}

/// Inserts notes, states or quarantined states.
async fn insert_texts(db: &Session, rows: &[Record]) -> Result<(), Fault> {
    const STATE: &str = "INSERT INTO state (partition, conversation, version, at, data)
        SELECT * FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[])";
    const NOTE: &str = "INSERT INTO note (portal, name, note) VALUES ($1, $2, $3)";
    const QUARANTINED: &str = "INSERT INTO quarantined
        (partition, conversation, version, at, data, reason) VALUES ($1, $2, $3, $4, $5, $6)";
    let mut states = (vec![], vec![], vec![], vec![], vec![]);
    for row in rows {
        match row {
            Record::Note { portal, name, note } => {
                db.execute(NOTE, &[portal, name, note]).await?;
            }
            Record::Quarantined(own) => {
                let (version, at) = (i64::from(own.version), number::to_sql(own.at));
                let partition = partition_of_text(&own.conversation)?;
                let (chat, data, reason) = (&own.conversation, &own.data, &own.reason);
                db.execute(
                    QUARANTINED,
                    &[&partition, chat, &version, &at, data, reason],
                )
                .await?;
            }
            Record::State {
                conversation,
                version,
                at,
                data,
            } => {
                states.0.push(partition_of_text(conversation)?);
                states.1.push(conversation.as_str());
                states.2.push(i64::from(*version));
                states.3.push(number::to_sql(*at));
                states.4.push(data.as_slice());
            }
            _ => {}
        }
    }
    let (partitions, chats, versions, times, data) = states;
    db.execute(STATE, &[&partitions, &chats, &versions, &times, &data])
        .await
        .map(drop)
}

/// Inserts reminders, message ids or calls.
async fn insert_placed(db: &Session, rows: &[Record]) -> Result<(), Fault> {
    const REMINDER: &str = "INSERT INTO reminder
        (partition, event, place, conversation, due, reminder) VALUES ($1, $2, $3, $4, $5, $6)";
    const MESSAGE: &str = "INSERT INTO message
        (partition, event, place, conversation, at, message)
        SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::text[],
                             $5::bigint[], $6::bigint[])";
    const CALL: &str = "INSERT INTO call
        (partition, event, place, conversation, at, api, redelivery, remember, call)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    const TAKEN: &str = "INSERT INTO taken (partition, event, place, attempt, in_doubt)
        VALUES ($1, $2, $3, $4, false)";
    let mut messages = (vec![], vec![], vec![], vec![], vec![], vec![]);
    for row in rows {
        match row {
            Record::Reminder {
                event,
                index,
                conversation,
                due,
                reminder,
            } => {
                // The number may be of an early version. Then it does not name the partition.
                let partition = partition_of_text(conversation)?;
                let (event, place) = (number::to_sql(*event), i32::from(*index));
                let due = number::to_sql(*due);
                db.execute(
                    REMINDER,
                    &[&partition, &event, &place, conversation, &due, reminder],
                )
                .await?;
            }
            Record::Message {
                event,
                index,
                conversation,
                at,
                message,
            } => {
                // It is looked up by its number alone.
                messages.0.push(partition_of_number(*event));
                messages.1.push(number::to_sql(*event));
                messages.2.push(i32::from(*index));
                messages.3.push(conversation.as_str());
                messages.4.push(number::to_sql(*at));
                messages.5.push(number::to_sql(*message));
            }
            Record::Call(call) => {
                let partition = partition_of_text(&call.conversation)?;
                let (event, place) = (number::to_sql(call.event), i32::from(call.index));
                let at = number::to_sql(call.at);
                let Call {
                    conversation,
                    api,
                    redelivery,
                    remember,
                    call: json,
                    ..
                } = call;
                db.execute(
                    CALL,
                    &[
                        &partition,
                        &event,
                        &place,
                        conversation,
                        &at,
                        api,
                        redelivery,
                        remember,
                        json,
                    ],
                )
                .await?;
                if call.is_taken {
                    db.execute(TAKEN, &[&partition, &event, &place, &Uuid::nil()])
                        .await?;
                }
            }
            _ => {}
        }
    }
    let (partitions, events, places, chats, times, ids) = messages;
    db.execute(
        MESSAGE,
        &[&partitions, &events, &places, &chats, &times, &ids],
    )
    .await
    .map(drop)
}

async fn insert_bodies(db: &Session, sealer: &Sealer, rows: &[Record]) -> Result<(), Fault> {
    const BODY: &str = "INSERT INTO body (partition, id, uses, sealed)
        SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::bytea[])";
    let mut bodies = (vec![], vec![], vec![], vec![]);
    for row in rows {
        let Record::Body {
            first,
            partition,
            uses,
            plain,
        } = row
        else {
            continue;
        };
        let id = body_id(BodyPart {
            first: *first,
            part: 0,
        });
        bodies.0.push(i16::from(*partition));
        bodies.1.push(id);
        bodies.2.push(i32::try_from(*uses).unwrap_or(i32::MAX));
        bodies.3.push(sealer.seal(&inbox::body_context(id), plain));
    }
    let (partitions, ids, uses, sealed) = bodies;
    db.execute(BODY, &[&partitions, &ids, &uses, &sealed])
        .await
        .map(drop)
}

async fn insert_events(db: &Session, rows: &[Record]) -> Result<(), Fault> {
    const EVENT: &str = "INSERT INTO event
        (partition, id, ordering_key, at, body, part, reminder, attempts, history)
        SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::bigint[], $5::uuid[],
                             $6::integer[], $7::text[], $8::integer[], $9::text[])";
    let (mut partitions, mut ids, mut keys, mut times) = (vec![], vec![], vec![], vec![]);
    let (mut bodies, mut parts, mut reminders) = (vec![], vec![], vec![]);
    let (mut counts, mut histories) = (vec![], vec![]);
    for row in rows {
        let Record::Event {
            id,
            key,
            at,
            body,
            reminder,
            attempts,
            history,
        } = row
        else {
            continue;
        };
        partitions.push(partition_of_text(key)?);
        ids.push(number::to_sql(*id));
        keys.push(key.as_str());
        times.push(number::to_sql(*at));
        bodies.push(body.map(body_id));
        parts.push(body.map(|body| i32::from(body.part)));
        reminders.push(reminder.as_deref());
        counts.push(i32::try_from(*attempts).unwrap_or(i32::MAX));
        histories.push(history.as_deref());
    }
    db.execute(
        EVENT,
        &[
            &partitions,
            &ids,
            &keys,
            &times,
            &bodies,
            &parts,
            &reminders,
            &counts,
            &histories,
        ],
    )
    .await
    .map(drop)
}

/// Inserts dead letters or notices.
async fn insert_numbered(db: &Session, rows: &[Record]) -> Result<(), Fault> {
    const DEAD: &str = "INSERT INTO dead
        (id, partition, at, ordering_key, error, attempts, history, blocks, event, event_at, body,
         part, reminder, call)
        OVERRIDING SYSTEM VALUE
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    const NOTICE: &str = "INSERT INTO notice (partition, kind, event, place, ordering_key)
        VALUES ($1, $2, $3, $4, $5)";
    for row in rows {
        match row {
            Record::Dead(dead) => {
                let event = dead.event.map(|(event, _)| number::to_sql(event));
                let came = dead.event.map(|(_, at)| number::to_sql(at));
                db.execute(
                    DEAD,
                    &[
                        &number::to_sql(dead.id),
                        &partition_of_text(&dead.key)?,
                        &number::to_sql(dead.at),
                        &dead.key,
                        &dead.error,
                        &i32::try_from(dead.attempts).unwrap_or(i32::MAX),
                        &dead.history,
                        &dead.blocks,
                        &event,
                        &came,
                        &dead.body.map(body_id),
                        &dead.body.map(|body| i32::from(body.part)),
                        &dead.reminder,
                        &dead.call,
                    ],
                )
                .await?;
            }
            Record::Notice(notice) => {
                let (kind, event, place) = match notice.kind {
                    NoticeKind::Event(event) => ("event", Some(number::to_sql(event)), None),
                    NoticeKind::Call(event, index) => {
                        ("call", Some(number::to_sql(event)), Some(i32::from(index)))
                    }
                    NoticeKind::Unblocked => ("unblocked", None, None),
                };
                let partition = partition_of_text(&notice.key)?;
                db.execute(NOTICE, &[&partition, &kind, &event, &place, &notice.key])
                    .await?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn insert_seen(db: &Session, rows: &[Record], buckets: &[u64]) -> Result<(), Fault> {
    const SEEN: &str = "INSERT INTO seen (slot, occurrence, bucket)
        SELECT (bucket % 4)::smallint, occurrence, bucket
        FROM unnest($1::bigint[], $2::uuid[]) AS own (bucket, occurrence)";
    let mut seen = (vec![], vec![]);
    for row in rows {
        if let Record::Seen { rank, occurrence } = row {
            let bucket = buckets.get(usize::from(*rank)).copied().unwrap_or_default();
            seen.0.push(number::to_sql(bucket));
            seen.1.push(Uuid::from_u128(*occurrence));
        }
    }
    db.execute(SEEN, &[&seen.0, &seen.1]).await.map(drop)
}
