//! The event log: events stored until they are fetched. See protocol/server-behaviour.md 4.1.
//!
//! All users share one sequence of ids, so each of them sees gaps. Reading with an offset is
//! destructive: every row below it is confirmed and deleted. A row is kept for a day.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// Maximum age of a row, in milliseconds: 24 hours.
const AGE_MS_MAX: i64 = 24 * 3600 * 1000;

/// Maximum number of rows of a user; beyond it the oldest is dropped. A real portal limits the age
/// only.
const ROWS_MAX: usize = 100_000;

/// The first id, as on a portal in use for years.
const FIRST: u64 = 1001;

/// A row of `b_im_event_log`, of a bot or a subscribed person.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// In upper case.
    pub(crate) event: String,
    pub(crate) data: Value,
    /// Unix milliseconds.
    pub(crate) date: i64,
}

/// All rows, by user and id.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    rows: HashMap<u64, BTreeMap<u64, Row>>,
    last: Option<u64>,
}

impl EventLog {
    /// Adds a row for a user.
    pub(crate) fn write(&mut self, user: u64, row: Row) {
        let id = self.last.map_or(FIRST, |last| last + 1);
        self.last = Some(id);
        let rows = self.rows.entry(user).or_default();
        forget_before(rows, row.date - AGE_MS_MAX);
        rows.insert(id, row);
        if rows.len() > ROWS_MAX {
            rows.pop_first();
        }
    }

    /// Deletes every row of these users below an id.
    pub(crate) fn acknowledge(&mut self, users: &[u64], below: u64) {
        for user in users {
            if let Some(rows) = self.rows.get_mut(user) {
                *rows = rows.split_off(&below);
            }
        }
    }

    /// Returns the rows of these users from an id on, oldest first, at most `limit`.
    pub(crate) fn read(
        &mut self,
        users: &[u64],
        from: u64,
        limit: usize,
        now: i64,
    ) -> Vec<(u64, Row)> {
        let mut found = Vec::new();
        for user in users {
            if let Some(rows) = self.rows.get_mut(user) {
                forget_before(rows, now - AGE_MS_MAX);
                let page = rows.range(from..).take(limit);
                found.extend(page.map(|(id, row)| (*id, row.clone())));
            }
        }
        found.sort_unstable_by_key(|(id, _)| *id);
        found.truncate(limit);
        found
    }

    /// Deletes all rows of a user.
    pub(crate) fn purge(&mut self, user: u64) {
        self.rows.remove(&user);
    }
}

/// Deletes the rows written at this moment or before.
fn forget_before(rows: &mut BTreeMap<u64, Row>, date: i64) {
    while let Some(oldest) = rows.first_entry() {
        if oldest.get().date > date {
            break;
        }
        oldest.remove();
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::log::*;

    fn row(date: i64) -> Row {
        Row {
            event: "ONIMBOTV2MESSAGEADD".to_owned(),
            data: Value::Null,
            date,
        }
    }

    fn ids(log: &mut EventLog, users: &[u64], from: u64, now: i64) -> Vec<u64> {
        let rows = log.read(users, from, 1000, now);
        rows.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn an_offset_deletes_rows_below_it_for_its_users_only() {
        let mut log = EventLog::default();
        for user in [7, 8, 7, 7] {
            log.write(user, row(0));
        }
        assert_eq!(ids(&mut log, &[7], 0, 0), [1001, 1003, 1004]);
        log.acknowledge(&[7], 1004);
        assert_eq!(ids(&mut log, &[7], 0, 0), [1004]);
        assert_eq!(ids(&mut log, &[8], 0, 0), [1002]);
        assert_eq!(ids(&mut log, &[7, 8], 0, 0), [1002, 1004]);
        log.purge(7);
        assert_eq!(ids(&mut log, &[7, 8], 0, 0), [1002]);
    }

    #[test]
    fn a_row_is_kept_for_a_day_and_its_id_is_not_reused() {
        let mut log = EventLog::default();
        log.write(7, row(0));
        assert_eq!(ids(&mut log, &[7], 0, AGE_MS_MAX - 1), [1001]);
        assert!(ids(&mut log, &[7], 0, AGE_MS_MAX).is_empty());
        log.write(7, row(AGE_MS_MAX));
        assert_eq!(ids(&mut log, &[7], 0, AGE_MS_MAX), [1002]);
    }
}
