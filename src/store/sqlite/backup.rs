//! A copy of the database while it is in use: one moment's rows, readable with the same key.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::connect;
use crate::platform;

/// How many pages are copied between two words about it.
const STEP: i32 = 1_000;

/// A backup was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something is there already.
    #[error("{} is there already; a backup overwrites nothing, name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("the backup {} cannot be written: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The copy failed.
    #[error("the backup {} failed: {source}; what there was of it is removed", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Copies a database to a new file that only its owner may read.
pub(super) fn backup(
    from: &Path,
    to: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<(), BackupError> {
    let path = to.to_owned();
    match platform::private(OpenOptions::new().write(true).create_new(true)).open(to) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists { path });
        }
        Err(source) => return Err(BackupError::File { path, source }),
    }
    copy(from, to, progress).map_err(|error| {
        drop(fs::remove_file(to));
        BackupError::Database {
            path,
            source: error.into(),
        }
    })
}

fn copy(from: &Path, to: &Path, mut progress: impl FnMut(u64, u64)) -> rusqlite::Result<()> {
    let source = connect::reader(from)?;
    // Without a transaction of its own the copy would begin again at each commit of the running process.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
    let mut target = Connection::open(to)?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        let step = backup.step(STEP)?;
        let count = |pages: i32| u64::try_from(pages).unwrap_or_default();
        let total = count(backup.progress().pagecount);
        progress(total - count(backup.progress().remaining), total);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Nobody else has the new file; the source is read, which no writer hinders.
            _ => std::thread::yield_now(),
        }
    }
}
