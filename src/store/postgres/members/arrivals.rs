//! The events that other processes append to the partitions of this one, and the portals that they
//! change.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;
use uuid::Uuid;

use super::set::PartitionSet;
use super::wake::{Heard, Wake};
use super::window::{Found, Window};
use crate::event::MemberId;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::fence::Holdings;
use crate::store::postgres::link::Link;
use crate::store::postgres::session::Session;
use crate::store::postgres::{inbox, number};
use crate::store::{EventId, Notice, OrderingKey, Partition};

/// Minimum interval between two full reads, and the share of the time that they may take.
const FULL: Duration = Duration::from_secs(1);
const FULL_SHARE: u32 = 10;

/// Maximum time for one read.
const READ_MAX: Duration = Duration::from_secs(20);

/// How long a read waits for due reminders of this process that have become events, perhaps, but
/// are not known yet. After that, they may be reported twice, which costs a needless look into the
/// inbox.
const RETURN_MAX: Duration = Duration::from_secs(1);

/// The events and portals that are to be reported.
#[derive(Debug)]
pub(super) struct Arrivals {
    holdings: Arc<Holdings>,
    wake: Arc<Wake>,
    /// The session for reading, which also listens.
    link: Arc<tokio::sync::Mutex<Link>>,
    window: Mutex<Window>,
    appends: Appends,
    reading: tokio::sync::Mutex<Reading>,
}

/// The memory of the reader.
#[derive(Debug, Default)]
struct Reading {
    /// When the next full read is due.
    full: Option<Instant>,
    portals: Portals,
    /// Events that this process was still appending when they were read, with their bodies. They
    /// are reported only if that has failed.
    unreturned: Unreturned,
    /// What was read, and is not returned yet.
    found: Vec<Notice>,
}

/// Changes of installations that were read. They are read by transaction id, again and again as
/// long as an older transaction runs.
#[derive(Debug, Default)]
struct Portals {
    /// Older transactions had ended before the last read.
    after: u64,
    known: HashSet<(u64, String)>,
}

/// An event that was read, with its queue, and its body if it is not a reminder.
type ReadEvent = (EventId, OrderingKey, Option<Uuid>);

/// Events with their queues and bodies.
type Unreturned = HashMap<EventId, (OrderingKey, Uuid)>;

/// The appends of this process that are under way.
#[derive(Debug, Default)]
struct Appends {
    started: Mutex<u64>,
    ended: watch::Sender<u64>,
    bodies: Mutex<Bodies>,
}

/// The bodies of deliveries.
#[derive(Debug, Default)]
struct Bodies {
    under_way: HashSet<Uuid>,
    /// Those whose append has ended without a result since the last read. It may have committed.
    failed: HashSet<Uuid>,
}

/// An append of this process that is under way, until it is dropped.
#[derive(Debug)]
pub(in crate::store::postgres) struct Appending<'a> {
    appends: &'a Appends,
    /// The body of a delivery. `None` for reminders.
    body: Option<Uuid>,
    has_returned: bool,
}

impl Appending<'_> {
    /// The append has succeeded, and its events are known.
    pub(in crate::store::postgres) fn returned(mut self) {
        self.has_returned = true;
    }
}

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        if let Some(body) = self.body {
            let mut bodies = lock(&self.appends.bodies);
            bodies.under_way.remove(&body);
            if !self.has_returned {
                bodies.failed.insert(body);
            }
        }
        self.appends.ended.send_modify(|ended| *ended += 1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // no change is left half done
}

impl Arrivals {
    pub(super) fn new(
        holdings: Arc<Holdings>,
        wake: Arc<Wake>,
        link: Arc<tokio::sync::Mutex<Link>>,
        oldest: u64,
    ) -> Self {
        let reading = Reading {
            portals: Portals {
                after: oldest,
                known: HashSet::new(),
            },
            ..Reading::default()
        };
        Self {
            holdings,
            wake,
            link,
            window: Mutex::default(),
            appends: Appends::default(),
            reading: tokio::sync::Mutex::new(reading),
        }
    }

    pub(super) fn gained(&self, partition: Partition, epoch: i64) {
        lock(&self.window).gained(partition, epoch);
    }

    pub(super) fn lost(&self, partition: Partition) {
        lock(&self.window).lost(partition);
    }

    /// Marks events of the own partitions as appended here, until the result is dropped.
    pub(super) fn appending(&self, body: Option<Uuid>) -> Appending<'_> {
        self.appends.begin(body)
    }

    /// The engine gets these events as the result of an append.
    pub(super) fn know(&self, events: impl Iterator<Item = EventId>) {
        let mut window = lock(&self.window);
        events.for_each(|id| {
            window.know(id);
        });
    }

    /// The engine gets a page of what waits in an owned partition.
    pub(super) fn loaded(
        &self,
        partition: Partition,
        epoch: Option<i64>,
        after: Option<EventId>,
        page: &[EventId],
        is_last: bool,
    ) {
        let is_loaded = lock(&self.window).loaded(partition, epoch, after, page, is_last);
        if is_loaded {
            self.wake.hear([partition]); // what came meanwhile
        }
    }

    /// Reads what has arrived, and keeps it until [`take`](Self::take).
    /// Reads these partitions also if no process has woken this one for them.
    pub(super) async fn read(&self, more: &PartitionSet) -> Result<(), Fault> {
        let mut reading = self.reading.lock().await;
        let now = Instant::now();
        let is_full = reading.full.is_none_or(|at| at <= now);
        let mut heard = self.wake.take_heard();
        heard.partitions.extend(more.iter());
        let read = timeout(READ_MAX, self.read_now(&mut reading, is_full, &heard)).await;
        match read.unwrap_or(Err(Fault::Slow)) {
            Ok(()) => {
                if is_full {
                    let took = now.elapsed();
                    reading.full = Some(Instant::now() + FULL.max(took * FULL_SHARE));
                }
                Ok(())
            }
            Err(fault) => {
                reading.full = None;
                drop(reading);
                self.link.lock().await.apply(&fault);
                Err(fault)
            }
        }
    }

    /// Returns what was read.
    pub(super) async fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut self.reading.lock().await.found)
    }

    async fn read_now(
        &self,
        reading: &mut Reading,
        is_full: bool,
        heard: &Heard,
    ) -> Result<(), Fault> {
        let session = self.link.lock().await.session().await?;
        let selected = if is_full || !self.wake.hears() {
            PartitionSet::ALL
        } else {
            heard.partitions
        };
        self.read_events(&session, reading, is_full, &selected)
            .await?;
        if is_full || heard.portals {
            let changed = reading.portals.read(&session).await?;
            let changed = changed.into_iter().map(MemberId::new);
            reading.found.extend(changed.map(Notice::Portal));
        }
        Ok(())
    }

    async fn read_events(
        &self,
        db: &Session,
        reading: &mut Reading,
        is_full: bool,
        selected: &PartitionSet,
    ) -> Result<(), Fault> {
        let owned = self.holdings.owned();
        let read = lock(&self.window).start(is_full, selected, &owned);
        if !is_full && read.partitions.is_empty() {
            return Ok(());
        }
        let found = if is_full { Some(mark(db).await?) } else { None };
        let mut events = Vec::new();
        if !read.partitions.is_empty() {
            events = events_after(db, &read.partitions, read.after).await?;
        }
        let reminders = events.iter().filter(|(_, _, body)| body.is_none());
        let has_new_reminder = lock(&self.window).has_new(reminders.map(|(id, ..)| *id));
        if has_new_reminder {
            self.appends.until_ended().await;
        }
        let events = self.appends.without_own(events, &mut reading.unreturned);
        let new = lock(&self.window).finish(&read, found, events);
        let new = new.into_iter().map(|(id, key)| Notice::Event(id, key));
        reading.found.extend(new);
        Ok(())
    }
}

impl Appends {
    fn begin(&self, body: Option<Uuid>) -> Appending<'_> {
        lock(&self.bodies).under_way.extend(body);
        *lock(&self.started) += 1;
        Appending {
            appends: self,
            body,
            has_returned: false,
        }
    }

    /// Returns the events without those that this process is appending, which it gets as the
    /// result. Adds those of earlier reads whose append has failed.
    ///
    /// An append that has succeeded before this is called has made its events known.
    fn without_own(
        &self,
        events: Vec<ReadEvent>,
        unreturned: &mut Unreturned,
    ) -> Vec<(EventId, OrderingKey)> {
        let mut bodies = lock(&self.bodies);
        let failed = std::mem::take(&mut bodies.failed);
        let mut others = Vec::with_capacity(events.len());
        for (id, (key, body)) in std::mem::take(unreturned) {
            if bodies.under_way.contains(&body) {
                unreturned.insert(id, (key, body));
            } else if failed.contains(&body) {
                others.push((id, key));
            }
        }
        for (id, key, body) in events {
            match body.filter(|body| bodies.under_way.contains(body)) {
                Some(body) => drop(unreturned.insert(id, (key, body))),
                None => others.push((id, key)),
            }
        }
        others
    }

    /// Waits until all appends have ended that are under way now.
    async fn until_ended(&self) {
        let started = *lock(&self.started);
        let mut ended = self.ended.subscribe();
        // Appends end in the order in which they start, but for those of different tasks. Counting
        // is exact enough: see RETURN_MAX.
        let all = ended.wait_for(|ended| *ended >= started);
        let _ = timeout(RETURN_MAX, all).await;
    }
}

/// Reads the last number first, and then the transactions.
async fn mark(db: &Session) -> Result<Found, Fault> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_number";
    let row = db.find(sql, &[]).await?;
    let row = row.ok_or_else(|| Fault::Client("there is no sequence of events".to_owned()))?;
    let sequence: i64 = row.try_get(0)?;
    let sql = "SELECT pg_current_xact_id()::text, pg_snapshot_xmin(pg_current_snapshot())::text";
    let row = db.find(sql, &[]).await?;
    let row = row.ok_or_else(|| Fault::Client("there are no transactions".to_owned()))?;
    Ok(Found {
        sequence: number::from_sql(sequence),
        newest: transaction(row.try_get(0)?)?,
        oldest: transaction(row.try_get(1)?)?,
    })
}

fn transaction(text: &str) -> Result<u64, Fault> {
    let number = text.parse();
    number.map_err(|_| Fault::Client(format!("`{text}` is no transaction id")))
}

async fn events_after(
    db: &Session,
    partitions: &PartitionSet,
    after: u64,
) -> Result<Vec<ReadEvent>, Fault> {
    let sql = "SELECT id, ordering_key, body FROM event
               WHERE partition = ANY($1) AND id > $2 ORDER BY id";
    let partitions: Vec<i16> = partitions.iter().map(number::partition).collect();
    let rows = db.list(sql, &[&partitions, &number::to_sql(after)]).await?;
    let read = |row: &Row| {
        let (id, key) = inbox::waiting_at(row)?;
        Ok((id, key, row.try_get(2)?))
    };
    rows.iter().map(read).collect()
}

/// Returns the oldest running transaction: what older ones have changed is visible.
pub(super) async fn oldest_transaction(db: &Session) -> Result<u64, Fault> {
    let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";
    let row = db.find(sql, &[]).await?;
    let row = row.ok_or_else(|| Fault::Client("there are no transactions".to_owned()))?;
    transaction(row.try_get(0)?)
}

impl Portals {
    /// Returns the portals whose installation has changed.
    async fn read(&mut self, db: &Session) -> Result<Vec<String>, Fault> {
        let oldest = oldest_transaction(db).await?;
        let sql = "SELECT portal, change::text FROM portal_change WHERE change >= $1::text::xid8";
        let mut changed = Vec::new();
        for row in db.list(sql, &[&self.after.to_string()]).await? {
            let (portal, change): (String, &str) = (row.try_get(0)?, row.try_get(1)?);
            if self.known.insert((transaction(change)?, portal.clone())) {
                changed.push(portal);
            }
        }
        // This read has seen what transactions have changed that had ended before.
        self.known.retain(|(change, _)| *change >= oldest);
        self.after = oldest;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use crate::store::postgres::members::arrivals::*;

    const BODY: Uuid = Uuid::from_u128(7);

    fn event(body: Option<Uuid>) -> ReadEvent {
        let key = OrderingKey::Application(MemberId::new("portal"));
        (EventId(1), key, body)
    }

    fn others(appends: &Appends, events: &[ReadEvent], unreturned: &mut Unreturned) -> usize {
        appends.without_own(events.to_vec(), unreturned).len()
    }

    #[test]
    fn an_event_that_is_being_appended_here_is_reported_only_if_that_fails() {
        for is_good in [true, false] {
            let (appends, mut unreturned) = (Appends::default(), HashMap::new());
            let appending = appends.begin(Some(BODY));
            let read = [event(Some(BODY))];
            assert_eq!(others(&appends, &read, &mut unreturned), 0);
            assert_eq!(others(&appends, &[], &mut unreturned), 0, "under way");
            if is_good {
                appending.returned();
            } else {
                drop(appending);
            }
            let reported = usize::from(!is_good);
            assert_eq!(others(&appends, &[], &mut unreturned), reported);
            assert_eq!(others(&appends, &[], &mut unreturned), 0, "once");
        }
    }

    #[test]
    fn events_that_others_append_are_reported_at_once() {
        let (appends, mut unreturned) = (Appends::default(), HashMap::new());
        let _appending = appends.begin(Some(BODY));
        let read = [event(Some(Uuid::from_u128(8))), event(None)];
        assert_eq!(others(&appends, &read, &mut unreturned), 2);
        assert!(unreturned.is_empty());
    }
}
