//! The rows of a file for a move to or from another kind of store.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Params, Row, params};

use super::db::{Db, key_at};
use super::files::{self, Lock};
use super::{
    Fault, OpenError, connect, inbox, number, open, portals, schema, spool, turns, upkeep,
};
use crate::platform;
use crate::store::archive::{
    BodyPart, Call, Dead, Head, Kind, MoveError, Notice, NoticeKind, Portal, Position, Progress,
    Quarantined, Reading, Record, STEP_BYTES, STEP_ROWS, Writing, identity_of, unfinished_file,
};
use crate::store::ownership::{PARTITIONS, partition_of};
use crate::store::seal::{SealError, Sealer};
use crate::store::text::TextError;
use crate::store::{CallId, EventId, Key, ReminderId};

/// A file that is read or filled by a move.
pub(in crate::store) struct FileArchive {
    /// The store. A target lies in another file until it is finished.
    path: PathBuf,
    /// Closed when a target is finished.
    db: Option<Db>,
    /// The buckets of occurrences by their ranks.
    buckets: Vec<u64>,
    bodies: Option<Bodies>,
    _lock: Lock,
}

/// Which events and dead letters need which bodies. Those of a body may be in several partitions.
#[derive(Default)]
struct Bodies {
    /// The body, the partition and the number of uses, by the first number.
    by_first: BTreeMap<u64, (u64, u8, u64)>,
    first: HashMap<(u64, u8), u64>,
}

impl FileArchive {
    /// Opens a store to read it. Nobody can write to it meanwhile.
    pub(in crate::store) fn source(path: &Path, key: &Key) -> Result<Self, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing {
                path: path.to_owned(),
            });
        }
        let lock = Lock::take(path)?;
        if spool::count(path) > 0 {
            return Err(OpenError::Spool {
                path: path.to_owned(),
                cause: "it must be empty before the store can be moved; start the bots once with this version".to_owned(),
            });
        }
        let db = open::attend(path, key)?;
        db.begin().map_err(|fault| OpenError::fault(path, &fault))?;
        let mut archive = Self {
            path: path.to_owned(),
            db: Some(db),
            buckets: Vec::new(),
            bodies: None,
            _lock: lock,
        };
        archive.buckets = archive.run(used_buckets)?;
        Ok(archive)
    }

    /// Opens the file of a move, or creates it.
    pub(in crate::store) fn target(path: &Path, key: &Key) -> Result<Self, MoveError> {
        let folder = platform::folder(path);
        platform::create_private_folder(&folder)
            .map_err(|source| OpenError::file(&folder, source))?;
        let lock = Lock::take(path)?;
        if path.exists() {
            return Err(MoveError::NotEmpty {
                place: path.display().to_string(),
            });
        }
        let file = unfinished_file(path);
        files::create(&file).map_err(|source| OpenError::file(&file, source))?;
        let failed = |error: rusqlite::Error| OpenError::sql(&file, &error);
        let mut connection = connect::plain(&file).map_err(failed)?;
        let found = schema::check(&file, &connection)?;
        if found == 0 {
            connect::set_up_file(&connection).map_err(failed)?;
        }
        connect::set_up_writer(&connection).map_err(failed)?;
        schema::migrate(&mut connection, found).map_err(failed)?;
        let db = Db::new(connection, Arc::new(Sealer::new(key)), false).map_err(failed)?;
        open::check_key(&file, &db)?;
        Ok(Self {
            path: path.to_owned(),
            db: Some(db),
            buckets: Vec::new(),
            bodies: None,
            _lock: lock,
        })
    }

    /// Fails if something waits with a number that does not name its partition.
    pub(in crate::store) fn refuse_old_numbers(&self) -> Result<(), MoveError> {
        let count = |sql: &'static str| {
            self.run(|db| {
                let mut old = 0;
                let mut statement = db.connection.prepare(sql)?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let (event, key): (u64, _) = (row.get(0)?, key_at(row, 1)?);
                    old += u64::from(event.to_le_bytes()[0] != partition_of(key.portal()).0);
                }
                Ok(old)
            })
        };
        let events = count("SELECT id, lane FROM event")?;
        let calls = count("SELECT id >> 16, conversation FROM call")?;
        if events + calls > 0 {
            return Err(MoveError::OldNumbers { events, calls });
        }
        Ok(())
    }

    fn run<T>(&self, run: impl FnOnce(&Db) -> Result<T, Fault>) -> Result<T, OpenError> {
        let db = self.db.as_ref().ok_or(Fault::Closed);
        db.and_then(run)
            .map_err(|fault| OpenError::fault(&self.path, &fault))
    }

    /// Runs a function in a transaction.
    fn change<T>(&self, run: impl FnOnce(&Db) -> Result<T, Fault>) -> Result<T, OpenError> {
        self.run(|db| open::in_transaction(db, run))
    }

    fn bodies(&mut self) -> Result<&Bodies, OpenError> {
        let bodies = match self.bodies.take() {
            Some(bodies) => bodies,
            None => self.run(Bodies::read)?,
        };
        Ok(self.bodies.insert(bodies))
    }
}

impl Bodies {
    fn read(db: &Db) -> Result<Self, Fault> {
        let mut uses: HashMap<(u64, u8), (u64, u64)> = HashMap::new();
        let sql = "SELECT body, lane, id FROM event WHERE body IS NOT NULL
                   UNION ALL SELECT body, lane, event FROM dead WHERE body IS NOT NULL";
        let mut statement = db.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (body, event): (u64, u64) = (row.get(0)?, row.get(2)?);
            let partition = partition_of(key_at(row, 1)?.portal()).0;
            let (first, count) = uses.entry((body, partition)).or_insert((event, 0));
            *first = event.min(*first);
            *count += 1;
        }
        let mut bodies = Self::default();
        for ((body, partition), (first, count)) in uses {
            bodies.by_first.insert(first, (body, partition, count));
            bodies.first.insert((body, partition), first);
        }
        Ok(bodies)
    }

    /// Returns the reference of an event or dead letter, from the columns body and part.
    fn part(&self, row: &Row<'_>, key: usize, column: usize) -> Result<Option<BodyPart>, Fault> {
        let Some(body) = row.get::<_, Option<u64>>(column)? else {
            return Ok(None);
        };
        let partition = partition_of(key_at(row, key)?.portal()).0;
        let first = self.first.get(&(body, partition));
        let context = || inbox::body_context(body);
        Ok(Some(BodyPart {
            first: *first.ok_or_else(|| SealError { context: context() })?,
            part: row.get(column + 1)?,
        }))
    }
}

/// Returns the buckets in which repeats are looked for, if they have occurrences.
fn used_buckets(db: &Db) -> Result<Vec<u64>, Fault> {
    let mut used = Vec::new();
    for bucket in db.buckets.get().in_order_of_use() {
        let sql = "SELECT 1 FROM seen WHERE bucket = ?1 LIMIT 1";
        if bucket > 0 && db.find(sql, [bucket], |_| Ok(()))?.is_some() {
            used.push(bucket);
        }
    }
    Ok(used)
}

/// Returns rows until a step is full.
fn step(
    db: &Db,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<Record, Fault>,
) -> Result<Vec<Record>, Fault> {
    let mut statement = db.connection.prepare_cached(sql)?;
    let (mut rows, mut found, mut bytes) = (statement.query(params)?, Vec::new(), 0);
    while found.len() < STEP_ROWS
        && bytes < STEP_BYTES
        && let Some(row) = rows.next()?
    {
        let record = read(row)?;
        bytes += record.size();
        found.push(record);
    }
    Ok(found)
}

/// Returns the event and the index of a call or reminder.
fn split(number: u64) -> (u64, u16) {
    let CallId { event, index } = number::call_id(number);
    (event.0, index)
}

fn packed(event: u64, index: u16) -> u64 {
    number::call_number(CallId {
        event: EventId(event),
        index,
    })
}

/// Returns the text of a column. PostgreSQL has no zero character.
fn text_at(row: &Row<'_>, column: usize) -> Result<String, Fault> {
    Ok(row.get::<_, String>(column)?.replace('\0', "\u{fffd}"))
}

fn unreadable(table: &'static str, text: &str) -> Fault {
    let text = text.to_owned();
    TextError { table, text }.into()
}

impl Reading for FileArchive {
    async fn identity(&mut self) -> Result<String, MoveError> {
        let check = self.run(|db| {
            let sql = "SELECT value FROM meta WHERE name = 'key check'";
            db.find(sql, [], |row| Ok(row.get::<_, Vec<u8>>(0)?))
        })?;
        Ok(identity_of(&check.unwrap_or_default()))
    }

    async fn head(&mut self) -> Result<Head, MoveError> {
        let buckets = self.buckets.clone();
        Ok(self.run(|db| {
            let number = |name: &str| {
                let sql = "SELECT value FROM meta WHERE name = ?1";
                db.find(sql, [name], |row| Ok(row.get::<_, u64>(0)?))
            };
            let text = |name: &str| {
                let sql = "SELECT value FROM meta WHERE name = ?1";
                db.find(sql, [name], |row| Ok(row.get::<_, String>(0)?))
            };
            Ok(Head {
                count: number("last event")?.unwrap_or_default() / PARTITIONS as u64,
                last_event_at: number("last event at")?,
                last_dead: db.count("SELECT seq FROM sqlite_sequence WHERE name = 'dead'", [])?,
                addresses: text("addresses")?,
                arrived: text("arrived")?,
                secret: upkeep::secret(db)?,
                buckets,
            })
        })?)
    }

    async fn count(&mut self, kind: Kind) -> Result<u64, MoveError> {
        let table = match kind {
            Kind::Portal => "portal",
            Kind::Note => "meta WHERE name >= 'note ' AND name < 'note!'",
            Kind::State => "state",
            Kind::Quarantined => "aside",
            Kind::Reminder => "reminder",
            Kind::Message => "message",
            Kind::Body => return Ok(self.bodies()?.by_first.len() as u64),
            Kind::Event => "event",
            Kind::Call => "call",
            Kind::Dead => "dead",
            Kind::Notice => "news",
            Kind::Seen => {
                let mut count = 0;
                for bucket in self.buckets.clone() {
                    let sql = "SELECT count(*) FROM seen WHERE bucket = ?1";
                    count += self.run(|db| db.count(sql, [bucket]))?;
                }
                return Ok(count);
            }
        };
        Ok(self.run(|db| db.count(&format!("SELECT count(*) FROM {table}"), []))?)
    }

    async fn read(
        &mut self,
        kind: Kind,
        after: Option<&Position>,
    ) -> Result<Vec<Record>, MoveError> {
        if matches!(kind, Kind::Body | Kind::Event | Kind::Dead) {
            self.bodies()?;
        }
        let bodies = self.bodies.take().unwrap_or_default();
        let buckets = self.buckets.clone();
        let rows = self.run(|db| match kind {
            Kind::Portal => read_portals(db, after),
            Kind::Note => read_notes(db, after),
            Kind::State => read_states(db, after),
            Kind::Body => read_bodies(db, &bodies, after),
            Kind::Event => read_events(db, &bodies, after),
            Kind::Dead => read_dead(db, &bodies, after),
            Kind::Seen => read_seen(db, &buckets, after),
            Kind::Quarantined => read_quarantined(db, after),
            Kind::Reminder | Kind::Message | Kind::Call => read_numbered(db, kind, after),
            Kind::Notice => read_notices(db, after),
        });
        self.bodies = Some(bodies).filter(|bodies| !bodies.first.is_empty());
        Ok(rows?)
    }
}

fn read_portals(db: &Db, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let mut portals = portals::portals(db)?;
    portals.sort_by(|one, other| one.portal.as_str().cmp(other.portal.as_str()));
    portals.retain(|own| after.is_none_or(|after| own.portal.as_str() > after.text.as_str()));
    let portals = portals.into_iter().take(STEP_ROWS);
    Ok(portals.map(|own| Record::Portal(Portal(own))).collect())
}

fn read_notes(db: &Db, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    const PREFIX: &str = "note ";
    let after = after.map_or(PREFIX.to_owned(), |after| {
        format!("{PREFIX}{} {}", after.text, after.name)
    });
    let sql = "SELECT name, value FROM meta WHERE name > ?1 AND name < 'note!' ORDER BY name";
    step(db, sql, [after], |row| {
        let name: String = row.get(0)?;
        let parts = name.strip_prefix(PREFIX);
        let Some((portal, own)) = parts.and_then(|parts| parts.split_once(' ')) else {
            return Err(unreadable("meta", &name));
        };
        Ok(Record::Note {
            portal: portal.to_owned(),
            name: own.to_owned(),
            note: text_at(row, 1)?,
        })
    })
}

fn read_states(db: &Db, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT version, data, conversation, at FROM state WHERE conversation > ?1
               ORDER BY conversation";
    let after = after.map_or("", |after| &after.text);
    step(db, sql, [after], |row| {
        let state = turns::state_at(row)?;
        Ok(Record::State {
            conversation: row.get(2)?,
            version: state.version,
            at: row.get(3)?,
            data: state.bytes.to_vec(),
        })
    })
}

fn read_quarantined(db: &Db, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT version, data, id, conversation, at, reason FROM aside WHERE id > ?1
               ORDER BY id";
    step(db, sql, [after.map_or(0, |after| after.number)], |row| {
        let state = turns::state_at(row)?;
        Ok(Record::Quarantined(Quarantined {
            id: row.get(2)?,
            conversation: row.get(3)?,
            version: state.version,
            at: row.get(4)?,
            data: state.bytes.to_vec(),
            reason: text_at(row, 5)?,
        }))
    })
}

/// Reads reminders, message ids or calls.
fn read_numbered(db: &Db, kind: Kind, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let after = after.map_or(0, |after| packed(after.number, after.index));
    match kind {
        Kind::Reminder => {
            let sql = "SELECT id, conversation, due, reminder FROM reminder WHERE id > ?1
                       ORDER BY id";
            step(db, sql, [after], |row| {
                let (event, index) = split(row.get(0)?);
                Ok(Record::Reminder {
                    event,
                    index,
                    conversation: row.get(1)?,
                    due: row.get(2)?,
                    reminder: row.get(3)?,
                })
            })
        }
        Kind::Message => {
            let sql = "SELECT call, conversation, at, number FROM message WHERE call > ?1
                       ORDER BY call";
            step(db, sql, [after], |row| {
                let (event, index) = split(row.get(0)?);
                Ok(Record::Message {
                    event,
                    index,
                    conversation: row.get(1)?,
                    at: row.get(2)?,
                    message: row.get(3)?,
                })
            })
        }
        _ => {
            let sql = "SELECT id, conversation, at, api, doubt, remember, call,
                              id IN (SELECT call FROM taken)
                       FROM call WHERE id > ?1 ORDER BY id";
            step(db, sql, [after], |row| {
                let (event, index) = split(row.get(0)?);
                Ok(Record::Call(Call {
                    event,
                    index,
                    conversation: row.get(1)?,
                    at: row.get(2)?,
                    api: row.get(3)?,
                    redelivery: row.get(4)?,
                    remember: row.get(5)?,
                    call: row.get(6)?,
                    is_taken: row.get(7)?,
                }))
            })
        }
    }
}

fn read_bodies(db: &Db, bodies: &Bodies, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let from = after.map_or(0, |after| after.number + 1);
    for (first, (body, partition, uses)) in bodies.by_first.range(from..) {
        let context = inbox::body_context(*body);
        let sealed = db.find("SELECT sealed FROM body WHERE id = ?1", [body], |row| {
            Ok(row.get::<_, Vec<u8>>(0)?)
        })?;
        let Some(sealed) = sealed else {
            return Err(SealError { context }.into());
        };
        let record = Record::Body {
            first: *first,
            partition: *partition,
            uses: *uses,
            plain: db.sealer.open(&context, &sealed)?,
        };
        bytes += record.size();
        found.push(record);
        if found.len() >= STEP_ROWS || bytes >= STEP_BYTES {
            break;
        }
    }
    Ok(found)
}

fn read_events(db: &Db, bodies: &Bodies, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT id, lane, at, body, part, reminder, coalesce(count, 0), history
               FROM event LEFT JOIN attempt ON attempt.event = event.id
               WHERE id > ?1 ORDER BY id";
    step(db, sql, [after.map_or(0, |after| after.number)], |row| {
        Ok(Record::Event {
            id: row.get(0)?,
            key: row.get(1)?,
            at: row.get(2)?,
            body: bodies.part(row, 1, 3)?,
            reminder: row.get(5)?,
            attempts: row.get(6)?,
            history: row.get(7)?,
        })
    })
}

fn read_dead(db: &Db, bodies: &Bodies, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT id, at, lane, error, attempts, history, blocks, event, came, body, part,
                      reminder, call
               FROM dead WHERE id > ?1 ORDER BY id";
    step(db, sql, [after.map_or(0, |after| after.number)], |row| {
        let event: Option<u64> = row.get(7)?;
        Ok(Record::Dead(Box::new(Dead {
            id: row.get(0)?,
            at: row.get(1)?,
            key: row.get(2)?,
            error: text_at(row, 3)?,
            attempts: row.get(4)?,
            history: row.get(5)?,
            blocks: row.get(6)?,
            event: event
                .map(|event| Ok::<_, Fault>((event, row.get(8)?)))
                .transpose()?,
            body: bodies.part(row, 2, 9)?,
            reminder: row.get(11)?,
            call: row.get(12)?,
        })))
    })
}

fn read_notices(db: &Db, after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT id, kind, number, lane FROM news WHERE id > ?1 ORDER BY id";
    step(db, sql, [after.map_or(0, |after| after.number)], |row| {
        let kind: String = row.get(1)?;
        Ok(Record::Notice(Notice {
            id: row.get(0)?,
            kind: match kind.as_str() {
                "event" => NoticeKind::Event(row.get(2)?),
                "call" => {
                    let (event, index) = split(row.get(2)?);
                    NoticeKind::Call(event, index)
                }
                "open" => NoticeKind::Unblocked,
                _ => return Err(unreadable("news", &kind)),
            },
            key: row.get(3)?,
        }))
    })
}

fn read_seen(db: &Db, buckets: &[u64], after: Option<&Position>) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT occurrence FROM seen WHERE bucket = ?1 AND occurrence > ?2
               ORDER BY occurrence";
    let start = after.map_or(0, |after| usize::try_from(after.number).unwrap_or_default());
    for (rank, bucket) in buckets.iter().enumerate().skip(start) {
        let after = after
            .filter(|_| rank == start)
            .and_then(|after| u128::from_str_radix(&after.text, 16).ok());
        let after = after.map_or(Vec::new(), |after| after.to_be_bytes().to_vec());
        let found = step(db, sql, params![bucket, after], |row| {
            Ok(Record::Seen {
                rank: u8::try_from(rank).unwrap_or(u8::MAX),
                occurrence: u128::from_be_bytes(row.get(0)?),
            })
        })?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

impl Writing for FileArchive {
    async fn begin(&mut self, head: &Head, first: Progress) -> Result<Progress, MoveError> {
        let first = Progress {
            buckets: head.buckets.clone(),
            ..first
        };
        let progress = self.change(|db| {
            let sql = "SELECT value FROM meta WHERE name = 'move'";
            let stored = db.find(sql, [], |row| Ok(row.get::<_, String>(0)?))?;
            if let Some(stored) = stored {
                return crate::store::text::parse_json("meta", &stored).map_err(Fault::from);
            }
            write_head(db, head)?;
            write_progress(db, &first)?;
            Ok(first)
        })?;
        self.buckets.clone_from(&progress.buckets);
        Ok(progress)
    }

    async fn write(&mut self, rows: &[Record], progress: &Progress) -> Result<(), MoveError> {
        Ok(self.change(|db| {
            rows.iter()
                .try_for_each(|row| insert(db, row, &progress.buckets))?;
            write_progress(db, progress)
        })?)
    }

    async fn finish(&mut self, _: &Head) -> Result<(), MoveError> {
        let file = unfinished_file(&self.path);
        self.change(|db| db.execute("DELETE FROM meta WHERE name = 'move'", []))?;
        self.run(|db| Ok(connect::checkpoint(&db.connection, "TRUNCATE")?))?;
        self.db = None;
        fs::rename(&file, &self.path)
            .and_then(|()| platform::sync_folder(&platform::folder(&self.path)))
            .map_err(|source| OpenError::file(&self.path, source))?;
        Ok(())
    }

    fn remains(&self) -> (String, String) {
        let file = unfinished_file(&self.path).display().to_string();
        let remove = format!("`rm {file}*`");
        (file, remove)
    }
}

fn write_progress(db: &Db, progress: &Progress) -> Result<(), Fault> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('move', ?1)";
    db.execute(sql, [serde_json::json!(progress).to_string()])
        .map(drop)
}

fn write_head(db: &Db, head: &Head) -> Result<(), Fault> {
    let last_event = match head.count {
        0 => 0,
        count => (count + 1) * PARTITIONS as u64 - 1,
    };
    // The connection writes the number of the last event at each commit, if it has changed.
    let sql = "UPDATE meta SET value = ?1 WHERE name = 'last event'";
    db.execute(sql, [last_event])?;
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    if let Some(at) = head.last_event_at {
        db.execute(sql, params!["last event at", at])?;
    }
    for (name, value) in [("addresses", &head.addresses), ("arrived", &head.arrived)] {
        if let Some(value) = value {
            db.execute(sql, params![name, value])?;
        }
    }
    if let Some(secret) = &head.secret {
        upkeep::set_secret(db, secret)?;
    }
    let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES ('dead', ?1)";
    db.execute(sql, [head.last_dead]).map(drop)
}

fn insert(db: &Db, row: &Record, buckets: &[u64]) -> Result<(), Fault> {
    match row {
        Record::Portal(Portal(installation)) => portals::install(db, installation)?,
        Record::Note { portal, name, note } => {
            portals::set_note(db, &crate::event::MemberId::new(&**portal), name, note)?;
        }
        Record::State {
            conversation,
            version,
            at,
            data,
        } => {
            let sql = "INSERT INTO state (conversation, version, at, data) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![conversation, version, at, turns::Data(data)])?;
        }
        Record::Quarantined(Quarantined {
            id,
            conversation,
            version,
            at,
            data,
            reason,
        }) => {
            let sql = "INSERT INTO aside (id, at, conversation, version, data, reason)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let data = turns::Data(data);
            db.execute(sql, params![id, at, conversation, version, data, reason])?;
        }
        Record::Reminder {
            event,
            index,
            conversation,
            due,
            reminder,
        } => {
            let id = number::reminder_number(ReminderId {
                event: EventId(*event),
                index: *index,
            });
            let sql = "INSERT INTO reminder (id, conversation, due, reminder)
                       VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![id, conversation, due, reminder])?;
        }
        Record::Message {
            event,
            index,
            conversation,
            at,
            message,
        } => {
            let sql = "INSERT INTO message (call, conversation, at, number)
                       VALUES (?1, ?2, ?3, ?4)";
            let call = packed(*event, *index);
            db.execute(sql, params![call, conversation, at, message])?;
        }
        Record::Body {
            first, uses, plain, ..
        } => {
            let sealed = db.sealer.seal(&inbox::body_context(*first), plain);
            let sql = "INSERT INTO body (id, uses, sealed) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![first, uses, sealed])?;
        }
        Record::Event { .. } => insert_event(db, row)?,
        Record::Call(call) => insert_call(db, call)?,
        Record::Dead(dead) => insert_dead(db, dead)?,
        Record::Notice(Notice { id, kind, key }) => {
            let (kind, number) = match kind {
                NoticeKind::Event(event) => ("event", Some(*event)),
                NoticeKind::Call(event, index) => ("call", Some(packed(*event, *index))),
                NoticeKind::Unblocked => ("open", None),
            };
            let sql = "INSERT INTO news (id, kind, number, lane) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![id, kind, number, key])?;
        }
        Record::Seen { rank, occurrence } => {
            let bucket = buckets.get(usize::from(*rank)).copied().unwrap_or_default();
            let sql = "INSERT INTO seen (bucket, occurrence) VALUES (?1, ?2)";
            db.execute(sql, params![bucket, occurrence.to_be_bytes()])?;
        }
    }
    Ok(())
}

fn insert_event(db: &Db, row: &Record) -> Result<(), Fault> {
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
        return Ok(());
    };
    let (body, part) = body.map(|body| (body.first, body.part)).unzip();
    let sql = "INSERT INTO event (id, lane, at, body, part, reminder)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.execute(sql, params![id, key, at, body, part, reminder])?;
    if *attempts > 0 || history.is_some() {
        let sql = "INSERT INTO attempt (event, count, history) VALUES (?1, ?2, ?3)";
        db.execute(sql, params![id, attempts, history])?;
    }
    Ok(())
}

fn insert_call(db: &Db, call: &Call) -> Result<(), Fault> {
    let number = packed(call.event, call.index);
    db.execute(
        "INSERT INTO call (id, conversation, at, api, doubt, remember, call)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            number,
            call.conversation,
            call.at,
            call.api,
            call.redelivery,
            call.remember,
            call.call
        ],
    )?;
    if call.is_taken {
        db.execute("INSERT INTO taken (call) VALUES (?1)", [number])?;
    }
    Ok(())
}

fn insert_dead(db: &Db, dead: &Dead) -> Result<(), Fault> {
    let (event, came) = dead.event.unzip();
    let (body, part) = dead.body.map(|body| (body.first, body.part)).unzip();
    db.execute(
        "INSERT INTO dead (id, at, lane, error, attempts, history, blocks, event, came, body, part,
                           reminder, call)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            dead.id,
            dead.at,
            dead.key,
            dead.error,
            dead.attempts,
            dead.history,
            dead.blocks,
            event,
            came,
            body,
            part,
            dead.reminder,
            dead.call
        ],
    )
    .map(drop)
}
