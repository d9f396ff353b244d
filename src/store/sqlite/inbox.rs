//! The inbox in the tables.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Fault;
use super::db::{Db, key_at, waiting_at};
use crate::store::seal::SealError;
use crate::store::text;
use crate::store::{Content, EventId, InboxEvent, NewDelivery, Occurrence, OrderingKey, Time};

/// Length of a bucket of occurrences, in milliseconds: 12 hours. The two buckets that were used
/// before the current one are searched too, so a repeat is recognised for at least a day, and also
/// after the clock jumped.
const BUCKET_MS: u64 = 12 * 60 * 60 * 1000;

/// Selects the time of the last event.
pub(super) const LAST_EVENT: &str = "SELECT value FROM meta WHERE name = 'last event at'";

/// Returns the context of a sealed body.
pub(super) fn body_context(delivery: u64) -> String {
    format!("body {delivery}")
}

/// Returns the bucket of a moment.
pub(super) fn bucket(at: Time) -> u64 {
    at.0 / BUCKET_MS
}

/// Appends a delivery. Returns for each of its events the number, or `None` for a repeat.
pub(super) fn append(db: &Db, delivery: &NewDelivery) -> Result<Vec<Option<EventId>>, Fault> {
    let (mut ids, mut first, mut uses) = (Vec::with_capacity(delivery.events.len()), 0, 0);
    for event in &delivery.events {
        if !is_new(db, event.occurrence, delivery.at)? {
            ids.push(None);
            continue;
        }
        let id = db.next_event(event.key.portal())?;
        if uses == 0 {
            first = id.0;
        }
        uses += 1;
        db.execute(
            "INSERT INTO event (id, lane, at, body, part) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                id.0,
                text::key(&event.key),
                delivery.at.0,
                first,
                event.part
            ],
        )?;
        ids.push(Some(id));
    }
    if uses > 0 {
        let sealed = db.sealer.seal(&body_context(first), &delivery.body);
        let sql = "INSERT INTO body (id, uses, sealed) VALUES (?1, ?2, ?3)";
        db.execute(sql, params![first, uses, sealed])?;
        db.set_last_arrival(delivery.at);
    }
    Ok(ids)
}

/// The buckets of occurrences, the last used one first. 0 means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buckets([u64; 3]);

impl Buckets {
    /// Reads the buckets of a store. They are in the order of their times, except for the one of
    /// the last event, which was used last: the clock may have been set back before it.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "WITH RECURSIVE used (bucket) AS
                   (SELECT max(bucket) FROM seen
                    UNION ALL
                    SELECT (SELECT max(bucket) FROM seen WHERE bucket < used.bucket)
                    FROM used WHERE used.bucket IS NOT NULL)
                   SELECT bucket FROM used WHERE bucket IS NOT NULL LIMIT 3";
        let mut buckets = Self([0; 3]);
        let used = connection
            .prepare(sql)?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<u64>>>()?;
        let last: Option<u64> = connection
            .query_row(LAST_EVENT, [], |row| row.get(0))
            .optional()?;
        let last = last.map(|last| bucket(Time(last)));
        for bucket in used.into_iter().rev().chain(last) {
            buckets = buckets.after_use(bucket);
        }
        Ok(buckets)
    }

    /// Returns the buckets, the one that was used last first.
    #[cfg(feature = "postgres")]
    pub(super) fn in_order_of_use(self) -> [u64; 3] {
        self.0
    }

    /// The buckets after an occurrence entered this one.
    fn after_use(self, bucket: u64) -> Self {
        let [last, before, _] = self.0;
        if bucket == last {
            self
        } else if bucket == before {
            Self([bucket, last, self.0[2]])
        } else {
            Self([bucket, last, before])
        }
    }
}

/// Stores an occurrence. Returns true if it is new, in its bucket and the two used before it.
fn is_new(db: &Db, occurrence: Occurrence, at: Time) -> Result<bool, Fault> {
    let (bucket, key) = (bucket(at), occurrence.0.to_be_bytes());
    let buckets = db.buckets.get().after_use(bucket);
    db.buckets.set(buckets);
    let [_, before, long_before] = buckets.0;
    let sql = "INSERT INTO seen (bucket, occurrence) SELECT ?1, ?2 WHERE NOT EXISTS
               (SELECT 1 FROM seen WHERE bucket IN (?3, ?4) AND occurrence = ?2)
               ON CONFLICT DO NOTHING";
    Ok(db.execute(sql, params![bucket, key, before, long_before])? > 0)
}

/// Reduces the uses of a body by one, and removes it after the last.
pub(super) fn release(db: &Db, body: u64) -> Result<(), Fault> {
    if db.execute("DELETE FROM body WHERE id = ?1 AND uses = 1", [body])? == 0 {
        db.execute("UPDATE body SET uses = uses - 1 WHERE id = ?1", [body])?;
    }
    Ok(())
}

/// Returns waiting events, oldest first.
pub(super) fn waiting(
    db: &Db,
    after: Option<EventId>,
    limit: usize,
) -> Result<Vec<(EventId, OrderingKey)>, Fault> {
    let sql = "SELECT id, lane FROM event WHERE id > ?1 ORDER BY id LIMIT ?2";
    db.list(sql, params![after.map_or(0, |id| id.0), limit], waiting_at)
}

/// Returns a waiting event.
pub(super) fn event(db: &Db, event: EventId) -> Result<Option<InboxEvent>, Fault> {
    let sql = "SELECT lane, at, body, part, reminder FROM event WHERE id = ?1";
    db.find(sql, [event.0], |row| {
        Ok(InboxEvent {
            key: key_at(row, 0)?,
            at: Time(row.get(1)?),
            content: content(db, row, 2)?,
        })
    })
}

/// Returns the content of an event, from the columns body, part and reminder, which start at
/// `column`.
pub(super) fn content(db: &Db, row: &Row<'_>, column: usize) -> Result<Content, Fault> {
    let Some(body) = row.get::<_, Option<u64>>(column)? else {
        let reminder: String = row.get(column + 2)?;
        return Ok(Content::Reminder(text::parse_json("event", &reminder)?));
    };
    let sql = "SELECT sealed FROM body WHERE id = ?1";
    let plain = db.find(sql, [body], |row| {
        let sealed = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        Ok(db.sealer.open(&body_context(body), sealed)?)
    })?;
    let plain = plain.ok_or_else(|| SealError {
        context: body_context(body),
    })?;
    Ok(Content::Delivered {
        body: Bytes::from(plain),
        part: row.get(column + 1)?,
    })
}

#[cfg(test)]
mod tests {
    use crate::store::sqlite::inbox::*;

    #[test]
    fn the_last_three_buckets_are_searched_in_the_order_of_their_use() {
        let mut buckets = Buckets([0; 3]);
        for (bucket, expected) in [
            (100, [100, 0, 0]),
            (101, [101, 100, 0]),
            (101, [101, 100, 0]),
            (160, [160, 101, 100]), // a clock that is ahead
            (101, [101, 160, 100]),
            (100, [100, 101, 160]),
            (102, [102, 100, 101]),
        ] {
            buckets = buckets.after_use(bucket);
            assert_eq!(buckets.0, expected);
        }
    }
}
