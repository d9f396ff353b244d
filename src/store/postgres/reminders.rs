//! Reminders in the tables. Each is moved into the inbox once, when it is due.

use super::fault::Fault;
use super::fence::Holdings;
use super::session::Session;
use super::step::{Step, step};
use super::{group, number};
use crate::store::reminders::{PARKED, repeats};
use crate::store::text;
use crate::store::{
    EventId, NewReminder, OrderingKey, Partition, ReminderChange, ReminderId, Time,
};

/// A change to the reminders with its texts.
#[derive(Debug)]
pub(super) struct Change {
    id: ReminderId,
    /// The partition of the reminder. The number of a reminder that was moved from a file may name
    /// another one.
    partition: i16,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Set {
        conversation: String,
        due: i64,
        json: String,
    },
    Repeat {
        due: i64,
        json: String,
    },
    Cancel,
}

impl Change {
    /// Returns the row of a change that the turn of this event makes.
    pub(super) fn new(change: &ReminderChange, turn: EventId) -> Self {
        let of = |event| number::partition(number::partition_of_event(event));
        match change {
            ReminderChange::Set(NewReminder { to, reminder }) => Self {
                id: reminder.id,
                partition: of(reminder.id.event),
                kind: Kind::Set {
                    conversation: text::conversation(to),
                    due: number::time(reminder.due),
                    json: text::json(reminder),
                },
            },
            ReminderChange::Repeat(reminder) => Self {
                id: reminder.id,
                partition: of(turn),
                kind: Kind::Repeat {
                    due: number::time(reminder.due),
                    json: text::json(reminder),
                },
            },
            ReminderChange::Cancel(id) => Self {
                id: *id,
                partition: of(turn),
                kind: Kind::Cancel,
            },
        }
    }
}

/// Adds the statements that set, repeat and cancel reminders.
pub(super) fn change_steps<'a>(changes: &[&'a Change], steps: &mut Vec<Step<'a>>) {
    const SET: &str = "INSERT INTO reminder (partition, event, place, conversation, due, reminder)
        SELECT (event & 255)::smallint, event, place, conversation, due, reminder
        FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::text[])
            AS own (event, place, conversation, due, reminder)
        WHERE fenced()
        ON CONFLICT (partition, event, place) DO UPDATE
        SET conversation = excluded.conversation, due = excluded.due,
            reminder = excluded.reminder";
    const REPEAT: &str = "UPDATE reminder SET due = own.due, reminder = own.reminder
        FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::bigint[], $5::text[])
            AS own (event, place, partition, due, reminder)
        WHERE reminder.partition = own.partition
        AND reminder.event = own.event AND reminder.place = own.place AND fenced()";
    const CANCEL: &str = "DELETE FROM reminder
        USING unnest($1::bigint[], $2::integer[], $3::smallint[]) AS own (event, place, partition)
        WHERE reminder.partition = own.partition
        AND reminder.event = own.event AND reminder.place = own.place AND fenced()";
    let mut set = (vec![], vec![], vec![], vec![], vec![]);
    let mut repeat = (vec![], vec![], vec![], vec![], vec![]);
    let mut cancel = (vec![], vec![], vec![]);
    for change in changes {
        let (event, place) = (number::event(change.id.event), i32::from(change.id.index));
        match &change.kind {
            Kind::Set {
                conversation,
                due,
                json,
            } => {
                set.0.push(event);
                set.1.push(place);
                set.2.push(&**conversation);
                set.3.push(*due);
                set.4.push(&**json);
            }
            Kind::Repeat { due, json } => {
                repeat.0.push(event);
                repeat.1.push(place);
                repeat.2.push(change.partition);
                repeat.3.push(*due);
                repeat.4.push(&**json);
            }
            Kind::Cancel => {
                cancel.0.push(event);
                cancel.1.push(place);
                cancel.2.push(change.partition);
            }
        }
    }
    if !set.0.is_empty() {
        steps.push(step!(SET, set.0, set.1, set.2, set.3, set.4));
    }
    if !repeat.0.is_empty() {
        steps.push(step!(
            REPEAT, repeat.0, repeat.1, repeat.2, repeat.3, repeat.4
        ));
    }
    if !cancel.0.is_empty() {
        steps.push(step!(CANCEL, cancel.0, cancel.1, cancel.2));
    }
}

/// Moves due reminders of owned partitions into the inbox. Returns their events.
pub(super) async fn due(
    db: &Session,
    holdings: &Holdings,
    now: Time,
    limit: usize,
) -> Result<Vec<(EventId, OrderingKey)>, Fault> {
    const FIND: &str = "SELECT partition, event, place, conversation, reminder FROM reminder
        WHERE partition = ANY($1) AND due <= $2 ORDER BY due, event, place LIMIT $3";
    const NUMBERS: &str = "SELECT nextval('event_number') FROM generate_series(1, $1::bigint)";
    const MOVE: &str = "WITH own AS (
            SELECT * FROM unnest($1::bigint[], $2::integer[], $7::smallint[], $8::boolean[])
                AS own (event, place, partition, repeats)
        ), gone AS (
            DELETE FROM reminder USING own
            WHERE reminder.partition = own.partition AND reminder.event = own.event
            AND reminder.place = own.place AND NOT own.repeats AND fenced()
        ), parked AS (
            UPDATE reminder SET due = $9 FROM own
            WHERE reminder.partition = own.partition AND reminder.event = own.event
            AND reminder.place = own.place AND own.repeats AND fenced()
        )
        INSERT INTO event (partition, id, ordering_key, at, reminder)
        SELECT (id & 255)::smallint, id, ordering_key, $5, reminder
        FROM unnest($3::bigint[], $4::text[], $6::text[]) AS moved (id, ordering_key, reminder)
        WHERE fenced()";
    let owned = partitions(holdings);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let now = number::time(now);
    let found = db.list(FIND, &[&owned, &now, &limit]).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut own = (vec![], vec![], vec![], vec![]);
    for row in &found {
        own.0.push(row.try_get::<_, i16>(0)?);
        own.1.push(row.try_get::<_, i64>(1)?);
        own.2.push(row.try_get::<_, i32>(2)?);
        own.3
            .push((row.try_get::<_, &str>(3)?, row.try_get::<_, &str>(4)?));
    }
    let of = own
        .0
        .iter()
        .filter_map(|partition| u8::try_from(*partition).ok())
        .map(Partition);
    group::fence(db, holdings, of).await?; // before the events are numbered
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let numbers = db.list(NUMBERS, &[&count]).await?;
    let (mut ids, mut keys, mut reminders, mut events) = (vec![], vec![], vec![], vec![]);
    let parked = number::time(PARKED);
    let repeating: Vec<bool> = own.3.iter().map(|(_, json)| repeats(json)).collect();
    for ((row, partition), (conversation, reminder)) in numbers.iter().zip(&own.0).zip(&own.3) {
        let id = row.try_get::<_, i64>(0)? * 256 + i64::from(*partition);
        let to = text::parse_conversation(conversation)?;
        ids.push(id);
        keys.push(*conversation);
        reminders.push(*reminder);
        events.push((number::event_of(id), OrderingKey::Chat(to)));
    }
    db.execute(
        MOVE,
        &[
            &own.1, &own.2, &ids, &keys, &now, &reminders, &own.0, &repeating, &parked,
        ],
    )
    .await?;
    Ok(events)
}

/// Returns the time when the next reminder of an owned partition is due.
pub(super) async fn next(db: &Session, holdings: &Holdings) -> Result<Option<Time>, Fault> {
    let sql = "SELECT min(first.due) FROM unnest($1::smallint[]) AS own (partition),
               LATERAL (SELECT due FROM reminder WHERE reminder.partition = own.partition
                        ORDER BY due LIMIT 1) AS first";
    let row = db.find(sql, &[&partitions(holdings)]).await?;
    let due: Option<i64> = row.map(|row| row.try_get(0)).transpose()?.flatten();
    let due = due.map(number::time_of);
    Ok(due.filter(|due| *due != PARKED))
}

/// Returns the owned partitions for a parameter.
pub(super) fn partitions(holdings: &Holdings) -> Vec<i16> {
    let owned = holdings.owned().into_iter();
    owned
        .map(|(partition, _)| number::partition(partition))
        .collect()
}
