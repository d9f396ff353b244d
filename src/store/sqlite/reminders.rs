//! Reminders in the tables. Each is moved into the inbox once, when it is due.

use rusqlite::params;

use super::db::{Db, conversation_at};
use super::{Fault, number};
use crate::store::reminders::{PARKED, repeats};
use crate::store::text;
use crate::store::{EventId, NewReminder, OrderingKey, ReminderChange, Time};

/// Sets or cancels a reminder.
pub(super) fn change(db: &Db, change: &ReminderChange) -> Result<(), Fault> {
    match change {
        ReminderChange::Set(NewReminder { to, reminder }) => db.execute(
            "INSERT OR REPLACE INTO reminder (id, conversation, due, reminder)
             VALUES (?1, ?2, ?3, ?4)",
            params![
                number::reminder_number(reminder.id),
                text::conversation(to),
                reminder.due.0,
                text::json(reminder)
            ],
        ),
        ReminderChange::Repeat(reminder) => db.execute(
            "UPDATE reminder SET due = ?2, reminder = ?3 WHERE id = ?1",
            params![
                number::reminder_number(reminder.id),
                reminder.due.0,
                text::json(reminder)
            ],
        ),
        ReminderChange::Cancel(id) => db.execute(
            "DELETE FROM reminder WHERE id = ?1",
            [number::reminder_number(*id)],
        ),
    }
    .map(drop)
}

/// Moves due reminders into the inbox. Returns their events.
pub(super) fn due(db: &Db, now: Time, limit: usize) -> Result<Vec<(EventId, OrderingKey)>, Fault> {
    let sql = "SELECT id, conversation, reminder FROM reminder WHERE due <= ?1
               ORDER BY due, id LIMIT ?2";
    let due = db.list(sql, params![now.0, limit], |row| {
        let (number, reminder): (u64, String) = (row.get(0)?, row.get(2)?);
        Ok((number, conversation_at(row, 1)?, reminder))
    })?;
    let mut events = Vec::with_capacity(due.len());
    for (number, to, reminder) in due {
        let (id, key) = (db.next_event(&to.portal)?, OrderingKey::Chat(to));
        db.execute(
            "INSERT INTO event (id, lane, at, reminder) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, text::key(&key), now.0, reminder],
        )?;
        if repeats(&reminder) {
            let sql = "UPDATE reminder SET due = ?2 WHERE id = ?1";
            db.execute(sql, params![number, PARKED.0])?;
        } else {
            db.execute("DELETE FROM reminder WHERE id = ?1", [number])?;
        }
        events.push((id, key));
    }
    Ok(events)
}

/// Returns the time when the next reminder is due.
pub(super) fn next(db: &Db) -> Result<Option<Time>, Fault> {
    let sql = "SELECT due FROM reminder WHERE due < ?1 ORDER BY due LIMIT 1";
    db.find(sql, [PARKED.0], |row| Ok(Time(row.get(0)?)))
}
