//! The event log: what waits until somebody fetches it. Section 4.1 of server-behaviour.md.
//!
//! Ids are given out over all users, so each of them sees gaps. Reading with an offset is destructive: every row below
//! it is acknowledged and gone. A row lives for a day.

use std::collections::BTreeMap;

use serde_json::Value;

/// A row is forgotten after 24 hours, in milliseconds.
const AGE_MS_MAX: i64 = 24 * 3600 * 1000;

/// Rows that are kept; beyond it the oldest goes. A real portal has the day only.
const ROWS_MAX: usize = 100_000;

/// The first id: a portal that has been used for years does not begin with one.
const FIRST: u64 = 1001;

/// A row of `b_im_event_log`.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Whose it is: a bot, or a person who has subscribed.
    pub(crate) user: u64,
    /// Upper case.
    pub(crate) event: String,
    pub(crate) data: Value,
    /// Unix milliseconds.
    pub(crate) date: i64,
}

/// All rows by id.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    rows: BTreeMap<u64, Row>,
    last: Option<u64>,
}

impl EventLog {
    pub(crate) fn write(&mut self, row: Row) {
        let id = self.last.map_or(FIRST, |last| last + 1);
        self.forget_before(row.date - AGE_MS_MAX);
        self.rows.insert(id, row);
        self.last = Some(id);
        if self.rows.len() > ROWS_MAX {
            self.rows.pop_first();
        }
    }

    /// Deletes every row of these users below an id.
    pub(crate) fn acknowledge(&mut self, users: &[u64], below: u64) {
        self.rows
            .retain(|id, row| *id >= below || !users.contains(&row.user));
    }

    /// The rows of these users from an id on, oldest first, at most `limit`.
    pub(crate) fn read(
        &mut self,
        users: &[u64],
        from: u64,
        limit: usize,
        now: i64,
    ) -> Vec<(u64, Row)> {
        self.forget_before(now - AGE_MS_MAX);
        let mine = self
            .rows
            .range(from..)
            .filter(|(_, row)| users.contains(&row.user));
        mine.take(limit)
            .map(|(id, row)| (*id, row.clone()))
            .collect()
    }

    /// Deletes all rows of a user.
    pub(crate) fn purge(&mut self, user: u64) {
        self.rows.retain(|_, row| row.user != user);
    }

    fn forget_before(&mut self, date: i64) {
        while let Some(oldest) = self.rows.first_entry() {
            if oldest.get().date > date {
                break;
            }
            oldest.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: u64, date: i64) -> Row {
        Row {
            user,
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
    fn an_offset_deletes_what_is_below_it_and_only_for_who_gave_it() {
        let mut log = EventLog::default();
        for user in [7, 8, 7, 7] {
            log.write(row(user, 0));
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
    fn a_row_lives_for_a_day_and_its_number_is_not_given_again() {
        let mut log = EventLog::default();
        log.write(row(7, 0));
        assert_eq!(ids(&mut log, &[7], 0, AGE_MS_MAX - 1), [1001]);
        assert!(ids(&mut log, &[7], 0, AGE_MS_MAX).is_empty());
        log.write(row(7, AGE_MS_MAX));
        assert_eq!(ids(&mut log, &[7], 0, AGE_MS_MAX), [1002]);
    }
}
