//! Events stored until an application fetches them: `b_rest_event_offline`,
//! protocol/server-behaviour.md 2.2.
//!
//! A record means that something has changed, not how often: until it is taken, the same event with
//! the same data only renews its stamp. Taking marks records with a process id; after that, the
//! same change makes a new record.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;

use serde_json::Value;
use siphasher::sip128::{Hasher128, SipHasher13};

/// Maximum age of a record, in seconds. The page says 30 days; this is the server's own number.
const AGE_SECONDS_MAX: i64 = 2_952_000;

/// Maximum number of records; beyond it the oldest is dropped. A real portal is limited by its
/// disk.
const RECORDS_MAX: usize = 100_000;

/// A stored event.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Unix seconds.
    pub(crate) stamp: i64,
    /// The client id of the application.
    pub(crate) app: String,
    /// `auth_connector`; empty for none.
    pub(crate) source: String,
    /// In upper case.
    pub(crate) event: String,
    pub(crate) data: Value,
    /// The user who caused it; `0` for none.
    pub(crate) user: u64,
    /// A hash of event and data: thirty-two characters.
    pub(crate) message: String,
    /// The process that has taken it; empty for none.
    pub(crate) process: String,
    pub(crate) is_error: bool,
}

impl Record {
    /// Returns a record that is not taken.
    pub(crate) fn new(app: &str, source: &str, event: &str, data: &Value, user: u64) -> Self {
        let mut hash = SipHasher13::new();
        hash.write(event.as_bytes());
        hash.write(b"|");
        hash.write(data.to_string().as_bytes());
        Record {
            stamp: 0,
            app: app.to_owned(),
            source: source.to_owned(),
            event: event.to_owned(),
            data: data.clone(),
            user,
            message: format!("{:032x}", hash.finish128().as_u128()),
            process: String::new(),
            is_error: false,
        }
    }

    fn is_same(&self, other: &Record) -> bool {
        self.message == other.message
            && self.app == other.app
            && self.source == other.source
            && self.process == other.process
    }
}

/// All records of all applications, and when each subscription was last notified.
#[derive(Debug, Default)]
pub(crate) struct Offline {
    records: BTreeMap<u64, Record>,
    last: u64,
    /// Unix milliseconds, by the id of the subscription.
    notified: HashMap<u64, i64>,
}

impl Offline {
    /// Stores a record, or renews the same one.
    ///
    /// A record marked as an error stays an error, as in the server's own statement.
    pub(crate) fn keep(&mut self, record: Record, now: i64) {
        self.sweep(now);
        if let Some(known) = self
            .records
            .values_mut()
            .find(|known| known.is_same(&record))
        {
            (known.stamp, known.data, known.user) = (now, record.data, record.user);
            return;
        }
        self.last += 1;
        self.records.insert(
            self.last,
            Record {
                stamp: now,
                ..record
            },
        );
        if self.records.len() > RECORDS_MAX {
            self.records.pop_first();
        }
    }

    /// Returns the records of one queue, by id.
    pub(crate) fn of<'a>(
        &'a mut self,
        app: &'a str,
        source: &'a str,
        now: i64,
    ) -> impl Iterator<Item = (u64, &'a mut Record)> {
        self.sweep(now);
        self.records
            .iter_mut()
            .map(|(id, record)| (*id, record))
            .filter(move |(_, record)| record.app == app && record.source == source)
    }

    /// Deletes the matching records of one queue.
    pub(crate) fn clear(&mut self, app: &str, source: &str, fits: impl Fn(u64, &Record) -> bool) {
        self.records.retain(|id, record| {
            record.app != app || record.source != source || !fits(*id, record)
        });
    }

    /// Deletes all records of a removed application.
    pub(crate) fn forget(&mut self, app: &str) {
        self.records.retain(|_, record| record.app != app);
    }

    /// Whether a subscription may be notified now, in Unix milliseconds; if so, it is recorded as
    /// notified.
    pub(crate) fn may_notify(&mut self, row: u64, min_timeout: i64, now: i64) -> bool {
        let due = self
            .notified
            .get(&row)
            .map(|notified| notified + min_timeout * 1000);
        let may = due.is_none_or(|due| now >= due);
        if may {
            self.notified.insert(row, now);
        }
        may
    }

    fn sweep(&mut self, now: i64) {
        self.records
            .retain(|_, record| record.stamp > now - AGE_SECONDS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::offline::*;
    use serde_json::json;

    fn record(id: u64, source: &str) -> Record {
        Record::new("app", source, "ONCRMDEALADD", &json!({ "ID": id }), 1)
    }

    fn stamps(offline: &mut Offline, source: &str, now: i64) -> Vec<(u64, i64)> {
        let found = offline.of("app", source, now);
        found.map(|(id, record)| (id, record.stamp)).collect()
    }

    #[test]
    fn the_same_change_renews_its_record_until_somebody_takes_it() {
        let mut offline = Offline::default();
        offline.keep(record(7, ""), 10);
        offline.keep(record(7, ""), 20);
        offline.keep(record(8, ""), 20);
        offline.keep(record(7, "other"), 30);
        assert_eq!(stamps(&mut offline, "", 40), [(1, 20), (2, 20)]);
        for (_, record) in offline.of("app", "", 40) {
            record.process = "p".to_owned();
        }
        offline.keep(record(7, ""), 50);
        assert_eq!(stamps(&mut offline, "", 50), [(1, 20), (2, 20), (4, 50)]);
    }

    #[test]
    fn a_record_is_deleted_after_its_maximum_age() {
        let mut offline = Offline::default();
        offline.keep(record(7, ""), 0);
        assert_eq!(stamps(&mut offline, "", AGE_SECONDS_MAX - 1).len(), 1);
        assert!(stamps(&mut offline, "", AGE_SECONDS_MAX).is_empty());
    }

    #[test]
    fn a_subscription_is_not_notified_again_before_its_minimum_timeout() {
        let mut offline = Offline::default();
        assert!(offline.may_notify(1, 5, 0) && offline.may_notify(2, 5, 0));
        assert!(!offline.may_notify(1, 5, 4999) && offline.may_notify(1, 5, 5000));
        assert!(offline.may_notify(3, 0, 0) && offline.may_notify(3, 0, 0));
    }
}
