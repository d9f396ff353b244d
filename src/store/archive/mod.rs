//! Moves everything of a store to a store of another kind, row by row, and compares both.
//!
//! The source is only read, and nobody can write to it meanwhile. The target notes how far it has
//! come in the transaction of the rows, so that a second run continues. It cannot be opened before
//! the move is finished. Numbers of events stay the same, because bots keep them in their states.

mod digest;
mod record;

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::postgres::DatabaseArchive;
use super::sqlite::FileArchive;
use super::{Key, OpenError, PostgresError, Secret};
use digest::Checksum;
pub(super) use digest::identity_of;

pub(super) use record::{
    BodyPart, Call, Dead, Kind, Notice, NoticeKind, Portal, Position, Quarantined, Record,
};

/// Maximum number of rows that are read and written in one step.
pub(super) const STEP_ROWS: usize = 1_000;

/// Size of the rows from which on a step takes no more, in bytes.
pub(super) const STEP_BYTES: usize = 1024 * 1024;

/// A store that a move reads or makes.
#[derive(Debug)]
#[non_exhaustive]
pub enum MovePlace {
    /// A store in a file.
    File {
        /// The file.
        path: PathBuf,
        /// Its key.
        key: Key,
    },
    /// A store in a PostgreSQL database.
    Postgres {
        /// The address.
        url: SecretString,
        /// Its keys, the one that seals first.
        keys: Vec<Key>,
    },
}

/// A part of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoveStep {
    /// Rows are written to the target.
    Copy,
    /// The rows of both stores are compared.
    Compare,
}

/// An error of a move. The source is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The database cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// Both stores are of the same kind.
    #[error(
        "a store moves between a file and PostgreSQL; copy a file with `store backup`, and a database with PostgreSQL's tools"
    )]
    SameKind,
    /// Processes work on the source.
    #[error("processes run on the store {place}: {members}; stop them first")]
    InUse {
        /// The source.
        place: String,
        /// The names of the processes.
        members: String,
    },
    /// The target is not empty.
    #[error(
        "{place} exists already and has data of its own; name a new file or an empty schema of a database"
    )]
    NotEmpty {
        /// The target.
        place: String,
    },
    /// The target has rows of another source, or the source has changed since the last run.
    #[error(
        "{place} holds the beginning of a move from another store, or this one has changed since; remove it ({remove}) and move again"
    )]
    OtherSource {
        /// The target.
        place: String,
        /// How to remove it.
        remove: String,
    },
    /// Something waits with numbers that the target cannot use.
    #[error(
        "{events} events and {calls} calls wait with numbers of an earlier version; start the bots once with this version, wait until `store status` shows that none wait, stop the bots, and move again"
    )]
    OldNumbers {
        /// Number of waiting events.
        events: u64,
        /// Number of waiting calls.
        calls: u64,
    },
    /// The target is not equal to the source.
    #[error(
        "the copy differs from the store in its {kind} ({source_rows} and {target_rows} rows), so the move is not finished; remove the copy ({remove}) and move again"
    )]
    Differs {
        /// The kind of the rows.
        kind: &'static str,
        /// Number of rows in the source.
        source_rows: u64,
        /// Number of rows in the target.
        target_rows: u64,
        /// How to remove the copy.
        remove: String,
    },
    /// The move cannot be started.
    #[error("the move cannot be started: {cause}")]
    Start {
        /// The cause.
        cause: String,
    },
}

/// What belongs to a store as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the last event by the number of partitions.
    pub(super) count: u64,
    pub(super) last_event_at: Option<u64>,
    /// The number of the last dead letter.
    pub(super) last_dead: u64,
    /// Our addresses, as JSON.
    pub(super) addresses: Option<String>,
    /// The counts of arrived events, as JSON.
    pub(super) arrived: Option<String>,
    pub(super) secret: Option<Secret>,
    /// The buckets of occurrences, the one that was used last first.
    pub(super) buckets: Vec<u64>,
}

/// How far a move has come, as the target stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The identity of the source.
    pub(super) source: String,
    /// Number of rows of each kind in the source.
    pub(super) rows: Vec<u64>,
    /// Number of rows that are written.
    pub(super) done: u64,
    /// The kind and position of the last row that is written.
    pub(super) last: Option<(Kind, Position)>,
    /// The buckets of occurrences in the target, by their ranks.
    pub(super) buckets: Vec<u64>,
}

/// A store whose rows can be read in order.
pub(super) trait Reading {
    /// Returns a text that is different for every store.
    async fn identity(&mut self) -> Result<String, MoveError>;

    async fn head(&mut self) -> Result<Head, MoveError>;

    async fn count(&mut self, kind: Kind) -> Result<u64, MoveError>;

    /// Returns the next rows of a kind. Empty at the end.
    async fn read(
        &mut self,
        kind: Kind,
        after: Option<&Position>,
    ) -> Result<Vec<Record>, MoveError>;
}

/// A store that is being filled.
pub(super) trait Writing: Reading {
    /// Stores the head and the first progress, unless there is one already. Returns the stored one.
    async fn begin(&mut self, head: &Head, first: Progress) -> Result<Progress, MoveError>;

    /// Stores rows of one kind and the progress with them, in one transaction.
    async fn write(&mut self, rows: &[Record], progress: &Progress) -> Result<(), MoveError>;

    /// Makes the store usable.
    async fn finish(&mut self, head: &Head) -> Result<(), MoveError>;

    /// Returns the place of the target, and how an operator removes what was copied.
    fn remains(&self) -> (String, String);
}

/// Moves a store. Returns the number of rows by their kinds.
///
/// Calls `progress` with the step, the number of finished rows and the number of all rows. No
/// process may run on the source, and none can start on it or on the target meanwhile.
///
/// A move that was interrupted is continued by another call with the same places. Blocks the
/// calling thread until the end, so an asynchronous caller uses a thread of its own.
///
/// # Errors
/// A store cannot be opened with its key, or is in use; the target has other data; or see
/// [`MoveError`].
pub fn move_store(
    from: &MovePlace,
    to: &MovePlace,
    mut progress: impl FnMut(MoveStep, u64, u64),
) -> Result<Vec<(&'static str, u64)>, MoveError> {
    let failed = |error: std::io::Error| MoveError::Start {
        cause: error.to_string(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        match (from, to) {
            (MovePlace::File { path, key }, MovePlace::Postgres { url, keys }) => {
                let mut source = FileArchive::source(path, key)?;
                source.refuse_old_numbers()?;
                let mut target = DatabaseArchive::target(url, keys).await?;
                transfer(&mut source, &mut target, &mut progress).await
            }
            (MovePlace::Postgres { url, keys }, MovePlace::File { path, key }) => {
                let mut source = DatabaseArchive::source(url, keys).await?;
                let mut target = FileArchive::target(path, key)?;
                transfer(&mut source, &mut target, &mut progress).await
            }
            _ => Err(MoveError::SameKind),
        }
    })
}

async fn transfer<S: Reading, T: Writing>(
    source: &mut S,
    target: &mut T,
    progress: &mut impl FnMut(MoveStep, u64, u64),
) -> Result<Vec<(&'static str, u64)>, MoveError> {
    let head = source.head().await?;
    let mut rows = Vec::with_capacity(Kind::ALL.len());
    for kind in Kind::ALL {
        rows.push(source.count(kind).await?);
    }
    let first = Progress {
        source: source.identity().await?,
        rows: rows.clone(),
        done: 0,
        last: None,
        buckets: Vec::new(),
    };
    let mut state = target.begin(&head, first.clone()).await?;
    if state.source != first.source || state.rows != first.rows {
        let (place, remove) = target.remains();
        return Err(MoveError::OtherSource { place, remove });
    }
    let all = rows.iter().sum();
    copy(source, target, &mut state, |done| {
        progress(MoveStep::Copy, done, all);
    })
    .await?;
    compare(source, target, |done| {
        progress(MoveStep::Compare, done, all);
    })
    .await?;
    target.finish(&head).await?;
    Ok(Kind::ALL.map(Kind::name).into_iter().zip(rows).collect())
}

/// Writes what the target does not have yet.
async fn copy<S: Reading, T: Writing>(
    source: &mut S,
    target: &mut T,
    state: &mut Progress,
    mut progress: impl FnMut(u64),
) -> Result<(), MoveError> {
    progress(state.done);
    let (from, mut after) = match state.last.take() {
        Some((kind, position)) => (kind, Some(position)),
        None => (Kind::ALL[0], None),
    };
    for kind in Kind::ALL.into_iter().skip_while(|kind| *kind != from) {
        loop {
            let rows = source.read(kind, after.as_ref()).await?;
            let Some(last) = rows.last().map(Record::position) else {
                break;
            };
            state.done += rows.len() as u64;
            state.last = Some((kind, last.clone()));
            target.write(&rows, state).await?;
            after = Some(last);
            progress(state.done);
        }
        after = None;
    }
    Ok(())
}

/// Reads both stores, and fails if they are not equal.
async fn compare<S: Reading, T: Writing>(
    source: &mut S,
    target: &mut T,
    mut progress: impl FnMut(u64),
) -> Result<(), MoveError> {
    let mut done = 0;
    progress(done);
    for kind in Kind::ALL {
        let expected = checksum(source, kind, |rows| progress(done + rows)).await?;
        let found = checksum(target, kind, |_| {}).await?;
        if expected != found {
            return Err(MoveError::Differs {
                kind: kind.name(),
                source_rows: expected.0,
                target_rows: found.0,
                remove: target.remains().1,
            });
        }
        done += expected.0;
    }
    Ok(())
}

/// Returns the number and the checksum of the rows of a kind.
async fn checksum<S: Reading>(
    store: &mut S,
    kind: Kind,
    mut progress: impl FnMut(u64),
) -> Result<(u64, Vec<u8>), MoveError> {
    let (mut checksum, mut after, mut done) = (Checksum::new(), None, 0);
    loop {
        let rows = store.read(kind, after.as_ref()).await?;
        let Some(last) = rows.last().map(Record::position) else {
            return Ok(checksum.finish_rows());
        };
        rows.iter().for_each(|row| checksum.add(row));
        done += rows.len() as u64;
        progress(done);
        after = Some(last);
    }
}

/// Returns the file that is filled during a move to a file.
pub(super) fn unfinished_file(path: &Path) -> PathBuf {
    crate::platform::with_suffix(path, ".moving")
}
