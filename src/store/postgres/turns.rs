//! Turns in the tables: attempts, states, and the commit.

use std::collections::HashMap;

use bytes::Bytes;
use tokio_postgres::Row;
use uuid::Uuid;

use super::fault::Fault;
use super::fence::Holdings;
use super::session::Session;
use super::step::{Step, step};
use super::{dead, group, inbox, number, outbox, reminders};
use crate::store::text;
use crate::store::{
    Conversation, EventId, Failure, Outcome, Partition, Quarantined, REPLACED, RESTORED,
    ReminderChange, StartedTurn, StateChange, StoredState, Time, TurnCommit,
};

/// Maximum number of stored failures of an event.
const HISTORY_MAX: usize = 20;

/// A conversation in the tables: its partition and its text.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    pub(super) partition: Partition,
    pub(super) text: String,
}

impl Chat {
    pub(super) fn new(key: &Conversation) -> Self {
        Self {
            partition: number::partition_of_chat(key),
            text: text::conversation(key),
        }
    }
}

/// An attempt to be counted, and the conversation whose state it reads.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) event: EventId,
    pub(super) chat: Option<Chat>,
}

/// Returns the statements that count attempts and read states.
pub(super) fn begin_steps<'a>(begins: &[&'a Begin]) -> Vec<Step<'a>> {
    const COUNT: &str = "UPDATE event SET attempts = attempts + 1
        FROM unnest($1::bigint[]) AS own (id)
        WHERE event.partition = (own.id & 255)::smallint AND event.id = own.id AND fenced()
        RETURNING event.id, event.attempts";
    const STATES: &str = "SELECT conversation, version, data
        FROM unnest($1::smallint[], $2::text[]) AS own (partition, conversation)
        JOIN state USING (partition, conversation)";
    let events: Vec<i64> = begins
        .iter()
        .map(|begin| number::event(begin.event))
        .collect();
    let chats: Vec<&Chat> = begins
        .iter()
        .filter_map(|begin| begin.chat.as_ref())
        .collect();
    let partitions: Vec<i16> = chats
        .iter()
        .map(|chat| number::partition(chat.partition))
        .collect();
    let texts: Vec<&str> = chats.iter().map(|chat| &*chat.text).collect();
    vec![step!(COUNT, events), step!(STATES, partitions, texts)]
}

/// The results of [`begin_steps`].
pub(super) struct Began {
    attempts: HashMap<EventId, u32>,
    states: HashMap<String, StoredState>,
}

impl Began {
    pub(super) fn read(counted: &[Row], states: &[Row]) -> Result<Self, Fault> {
        let mut began = Self {
            attempts: HashMap::with_capacity(counted.len()),
            states: HashMap::with_capacity(states.len()),
        };
        for row in counted {
            let attempts: i32 = row.try_get(1)?;
            let event = number::event_of(row.try_get(0)?);
            began.attempts.insert(event, attempts.unsigned_abs());
        }
        for row in states {
            began.states.insert(row.try_get(0)?, state_at(row, 1)?);
        }
        Ok(began)
    }

    /// Returns the turn that has begun. Returns `None` if its event does not wait any more.
    pub(super) fn turn(&self, begin: &Begin) -> Option<StartedTurn> {
        let chat = begin.chat.as_ref();
        Some(StartedTurn {
            attempt: *self.attempts.get(&begin.event)?,
            state: chat.and_then(|chat| self.states.get(&chat.text).cloned()),
        })
    }
}

/// Returns the state of a conversation.
pub(super) async fn state(db: &Session, chat: &Chat) -> Result<Option<StoredState>, Fault> {
    let sql = "SELECT version, data FROM state WHERE partition = $1 AND conversation = $2";
    let partition = number::partition(chat.partition);
    let row = db.find(sql, &[&partition, &chat.text]).await?;
    row.map(|row| state_at(&row, 0)).transpose()
}

/// Returns the state in two columns of a row.
pub(super) fn state_at(row: &Row, column: usize) -> Result<StoredState, Fault> {
    let version: i64 = row.try_get(column)?;
    let data: &[u8] = row.try_get(column + 1)?;
    Ok(StoredState {
        version: version.try_into().unwrap_or(u32::MAX),
        bytes: Bytes::copy_from_slice(data),
    })
}

/// Returns the quarantined states of a conversation, oldest first.
pub(super) async fn quarantined(db: &Session, chat: &str) -> Result<Vec<Quarantined>, Fault> {
    let sql = "SELECT version, data, at, reason FROM quarantined
               WHERE conversation = $1 ORDER BY id";
    let read = |row: &Row| {
        Ok(Quarantined {
            state: state_at(row, 0)?,
            at: number::time_of(row.try_get(2)?),
            reason: row.try_get(3)?,
        })
    };
    db.list(sql, &[&chat]).await?.iter().map(read).collect()
}

/// Restores the newest quarantined state of a conversation, or of all. Returns their number.
pub(super) async fn restore(
    db: &Session,
    (chat, at): &(Option<String>, Time),
) -> Result<u64, Fault> {
    const NEWEST: &str = "SELECT DISTINCT ON (conversation) id, reason FROM quarantined
        WHERE ($1::text IS NULL OR conversation = $1) AND NOT starts_with(reason, $2)
        ORDER BY conversation, id DESC";
    const REPLACE: &str =
        "INSERT INTO quarantined (partition, at, conversation, version, data, reason)
        SELECT state.partition, $2, state.conversation, state.version, state.data, $3
        FROM state JOIN quarantined USING (partition, conversation) WHERE quarantined.id = $1";
    const RESTORE: &str = "INSERT INTO state (partition, conversation, version, at, data)
        SELECT partition, conversation, version, $2, data FROM quarantined WHERE id = $1
        ON CONFLICT (partition, conversation) DO UPDATE
        SET version = excluded.version, at = excluded.at, data = excluded.data";
    let at = number::time(*at);
    let mut count = 0;
    for row in db.list(NEWEST, &[chat, &RESTORED]).await? {
        let (id, reason): (i64, &str) = (row.try_get(0)?, row.try_get(1)?);
        if chat.is_none() && reason == REPLACED {
            continue;
        }
        db.execute(REPLACE, &[&id, &at, &REPLACED]).await?;
        db.execute(RESTORE, &[&id, &at]).await?;
        let sql = "UPDATE quarantined SET reason = $2 || reason WHERE id = $1";
        db.execute(sql, &[&id, &RESTORED]).await?;
        count += 1;
    }
    Ok(count)
}

/// Stores a failed attempt, if the event waits.
pub(super) async fn fail(
    db: &Session,
    holdings: &Holdings,
    event: EventId,
    failure: &Failure,
) -> Result<(), Fault> {
    let own = number::partition_of_event(event);
    group::fence(db, holdings, [own].into_iter()).await?;
    let (partition, id) = (number::partition(own), number::event(event));
    let sql = "SELECT history FROM event WHERE partition = $1 AND id = $2 FOR UPDATE";
    let Some(row) = db.find(sql, &[&partition, &id]).await? else {
        return Ok(());
    };
    let mut history = history_at(&row, 0)?;
    // The answer to the same failure was lost, so it is stored already.
    if history.last() == Some(failure) {
        return Ok(());
    }
    history.push(failure.clone());
    let surplus = history.len().saturating_sub(HISTORY_MAX);
    let history = text::json(&&history[surplus..]);
    let sql = "UPDATE event SET history = $3 WHERE partition = $1 AND id = $2";
    db.execute(sql, &[&partition, &id, &history])
        .await
        .map(drop)
}

/// Returns the failures in a column.
pub(super) fn history_at(row: &Row, column: usize) -> Result<Vec<Failure>, Fault> {
    let history: Option<&str> = row.try_get(column)?;
    let history = history.map(|json| text::parse_json("history", json));
    Ok(history.transpose()?.unwrap_or_default())
}

/// Stores a state or a part, if the event waits.
pub(super) async fn put(
    db: &Session,
    holdings: &Holdings,
    event: EventId,
    (chat, at, state): &(Chat, Time, StateChange),
) -> Result<(), Fault> {
    let own = number::partition_of_event(event);
    group::fence(db, holdings, [own].into_iter()).await?;
    let (partition, id) = (number::partition(own), number::event(event));
    let sql = "SELECT 1 FROM event WHERE partition = $1 AND id = $2 FOR UPDATE";
    if db.find(sql, &[&partition, &id]).await?.is_none() {
        return Ok(());
    }
    let mut steps = Vec::new();
    state_steps([(chat, state, *at)], &mut steps);
    for step in steps {
        step.run(db).await?;
    }
    Ok(())
}

/// Changes a part from outside of the process that owns it, so without its fence.
pub(super) async fn change_part(
    db: &Session,
    chat: &Chat,
    at: Time,
    change: &StateChange,
) -> Result<(), Fault> {
    const PUT: &str = "INSERT INTO state (partition, conversation, version, at, data)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (partition, conversation) DO UPDATE
        SET version = excluded.version, at = excluded.at, data = excluded.data";
    const KEEP: &str = "UPDATE state SET at = $3 WHERE partition = $1 AND conversation = $2";
    const FORGET: &str = "DELETE FROM state WHERE partition = $1 AND conversation = $2";
    let (partition, text) = (number::partition(chat.partition), &chat.text);
    let at = number::time(at);
    let changed = match change {
        StateChange::Put(state) => {
            let (version, data) = (i64::from(state.version), &*state.bytes);
            db.execute(PUT, &[&partition, text, &version, &at, &data])
                .await
        }
        StateChange::Keep => db.execute(KEEP, &[&partition, text, &at]).await,
        StateChange::Forget => db.execute(FORGET, &[&partition, text]).await,
    };
    changed.map(drop)
}

/// A commit with its texts, which are made before the task that writes needs them.
#[derive(Debug)]
pub(super) struct PreparedCommit {
    turn: TurnCommit,
    chat: Option<Chat>,
    parts: Vec<Chat>,
    calls: Vec<outbox::CallRow>,
    reminders: Vec<reminders::Change>,
}

impl PreparedCommit {
    pub(super) fn new(turn: TurnCommit) -> Self {
        Self {
            chat: turn.state.as_ref().map(|(key, _)| Chat::new(key)),
            parts: turn.parts.iter().map(|(key, _)| Chat::new(key)).collect(),
            calls: turn.calls.iter().map(outbox::CallRow::new).collect(),
            reminders: turn
                .reminders
                .iter()
                .map(|change| reminders::Change::new(change, turn.event))
                .collect(),
            turn,
        }
    }

    /// Returns the partitions that this changes.
    pub(super) fn partitions(&self) -> impl Iterator<Item = Partition> {
        let reminders = self
            .turn
            .reminders
            .iter()
            .filter_map(|change| match change {
                ReminderChange::Set(new) => Some(new.reminder.id.event),
                // They are in the partition of the turn.
                ReminderChange::Repeat(_) | ReminderChange::Cancel(_) => None,
            });
        let calls = self.turn.calls.iter().map(|call| call.id.event);
        let events = [self.turn.event].into_iter().chain(calls).chain(reminders);
        events
            .map(number::partition_of_event)
            .chain(self.states().map(|(chat, _)| chat.partition))
    }

    /// Returns the state and the parts that this changes.
    fn states(&self) -> impl Iterator<Item = (&Chat, &StateChange)> {
        let state = self.chat.iter().zip(&self.turn.state);
        let states = state.chain(self.parts.iter().zip(&self.turn.parts));
        states.map(|(chat, (_, change))| (chat, change))
    }

    /// Returns true if this can be one of many in [`commit_steps`].
    pub(super) fn is_plain(&self) -> bool {
        self.turn.outcome == Outcome::Done
            && self.turn.quarantine.is_none()
            && self.calls.iter().all(outbox::CallRow::is_plain)
            && self.reminders.len() <= 1 // a reminder may be set and cancelled by one turn
    }
}

/// Returns the statements that commit plain turns. They fail if an event is gone.
pub(super) fn commit_steps<'a>(commits: &[&'a PreparedCommit]) -> Vec<Step<'a>> {
    const FINISH: &str = "SELECT finish($1)";
    let events: Vec<i64> = commits
        .iter()
        .map(|commit| number::event(commit.turn.event))
        .collect();
    let mut steps = vec![step!(FINISH, events)];
    let states = commits.iter().flat_map(|commit| {
        let states = commit.states();
        states.map(|(chat, change)| (chat, change, commit.turn.at))
    });
    state_steps(states, &mut steps);
    let calls: Vec<_> = commits.iter().flat_map(|commit| &commit.calls).collect();
    steps.extend(outbox::insert_step(&calls));
    let changes: Vec<_> = commits
        .iter()
        .flat_map(|commit| &commit.reminders)
        .collect();
    reminders::change_steps(&changes, &mut steps);
    steps
}

/// Adds the statements that change states.
fn state_steps<'a>(
    changes: impl IntoIterator<Item = (&'a Chat, &'a StateChange, Time)>,
    steps: &mut Vec<Step<'a>>,
) {
    const PUT: &str = "INSERT INTO state (partition, conversation, version, at, data)
        SELECT * FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[])
        WHERE fenced()
        ON CONFLICT (partition, conversation) DO UPDATE
        SET version = excluded.version, at = excluded.at, data = excluded.data";
    // The time of a state that is kept is exact to an hour.
    const KEEP: &str = "UPDATE state SET at = own.at
        FROM unnest($1::smallint[], $2::text[], $3::bigint[]) AS own (partition, conversation, at)
        WHERE state.partition = own.partition AND state.conversation = own.conversation
        AND state.at < own.at - 3600000 AND fenced()";
    const FORGET: &str = "DELETE FROM state
        USING unnest($1::smallint[], $2::text[]) AS own (partition, conversation)
        WHERE state.partition = own.partition AND state.conversation = own.conversation
        AND fenced()";
    let mut put = (vec![], vec![], vec![], vec![], vec![]);
    let (mut keep, mut forget) = ((vec![], vec![], vec![]), (vec![], vec![]));
    for (chat, change, at) in changes {
        let (partition, text) = (number::partition(chat.partition), &*chat.text);
        let at = number::time(at);
        match change {
            StateChange::Put(state) => {
                put.0.push(partition);
                put.1.push(text);
                put.2.push(i64::from(state.version));
                put.3.push(at);
                put.4.push(&*state.bytes);
            }
            StateChange::Keep => {
                keep.0.push(partition);
                keep.1.push(text);
                keep.2.push(at);
            }
            StateChange::Forget => {
                forget.0.push(partition);
                forget.1.push(text);
            }
        }
    }
    if !put.0.is_empty() {
        steps.push(step!(PUT, put.0, put.1, put.2, put.3, put.4));
    }
    if !keep.0.is_empty() {
        steps.push(step!(KEEP, keep.0, keep.1, keep.2));
    }
    if !forget.0.is_empty() {
        steps.push(step!(FORGET, forget.0, forget.1));
    }
}

/// Commits one turn of any kind, if its event still waits.
pub(super) async fn commit(db: &Session, commit: &PreparedCommit) -> Result<(), Fault> {
    let turn = &commit.turn;
    let partition = number::partition(number::partition_of_event(turn.event));
    let event = number::event(turn.event);
    let sql = "SELECT body FROM event WHERE partition = $1 AND id = $2 FOR UPDATE";
    let Some(row) = db.find(sql, &[&partition, &event]).await? else {
        return Ok(()); // already committed: a replay changes nothing
    };
    let body: Option<Uuid> = row.try_get(0)?;
    match (&turn.outcome, body) {
        (Outcome::Dead { error, blocks }, _) => {
            dead::dead_letter_event(db, turn.event, turn.at, error, *blocks).await?;
        }
        (Outcome::Done, Some(body)) => inbox::release(db, &[(partition, body)]).await?,
        (Outcome::Done, None) => {}
    }
    let sql = "DELETE FROM event WHERE partition = $1 AND id = $2";
    db.execute(sql, &[&partition, &event]).await?;
    if let (Some(reason), Some(chat)) = (&turn.quarantine, &commit.chat) {
        let sql = "INSERT INTO quarantined (partition, at, conversation, version, data, reason)
                   SELECT partition, $3, conversation, version, data, $4 FROM state
                   WHERE partition = $1 AND conversation = $2";
        let partition = number::partition(chat.partition);
        let (at, reason) = (number::time(turn.at), number::text(reason));
        db.execute(sql, &[&partition, &chat.text, &at, &reason])
            .await?;
    }
    let mut steps = Vec::new();
    let states = commit.states();
    state_steps(
        states.map(|(chat, change)| (chat, change, turn.at)),
        &mut steps,
    );
    for change in &commit.reminders {
        reminders::change_steps(&[change], &mut steps);
    }
    for step in steps {
        step.run(db).await?;
    }
    for call in &commit.calls {
        outbox::queue(db, call).await?;
    }
    Ok(())
}
