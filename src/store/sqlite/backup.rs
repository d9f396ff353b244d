//! Backups: copies of the database at one moment, while it is in use, for the same key.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::connect;
use crate::platform;

/// Number of pages that are copied between two calls of `progress`.
const STEP: i32 = 1_000;

/// An error of a backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file exists already.
    #[error("{} exists already; a backup overwrites nothing, name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("the backup {} cannot be written: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The copy failed.
    #[error("the backup {} failed: {source}; the incomplete file is removed", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The cause.
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
        let _ = fs::remove_file(to);
        BackupError::Database {
            path,
            source: error.into(),
        }
    })
}

fn copy(from: &Path, to: &Path, mut progress: impl FnMut(u64, u64)) -> rusqlite::Result<()> {
    let source = connect::reader(from)?;
    // Without this transaction the copy would begin again at each commit of the running process.
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
            // Only short waits are possible: nobody else has the new file, and writers do not block
            // readers of the source.
            _ => std::thread::yield_now(),
        }
    }
}
