//! The files of a store: their modes, and the lock that keeps a second process out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::OpenError;
use crate::platform::{self, folder, private, with_suffix};

/// Creates an empty file that only its owner may read, if there is none.
///
/// Does not open an existing file: closing a descriptor of a database would drop SQLite's locks on
/// it.
pub(super) fn create(path: &Path) -> io::Result<()> {
    match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Ok(_) => platform::sync_folder(&folder(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Fails if every user may read the database. Its states and messages are not sealed.
pub(super) fn check_mode(path: &Path) -> Result<(), OpenError> {
    let metadata = fs::metadata(path).map_err(|source| OpenError::file(path, source))?;
    let mode = platform::mode(&metadata);
    if mode & platform::EVERYBODY != 0 {
        return Err(OpenError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

/// The lock of the running process. It is a file of its own for the reason given at [`create`].
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = with_suffix(database, ".lock");
        let file = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .map_err(|source| OpenError::file(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
                path: database.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(OpenError::file(&path, source)),
        }
    }
}

/// Returns true if a process holds the lock of a store, and false if that cannot be determined.
///
/// It takes a shared lock for a moment. A process that starts in this very moment fails.
pub(super) fn is_held(database: &Path) -> bool {
    let lock = File::open(with_suffix(database, ".lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

impl Drop for Lock {
    /// Unlocks explicitly: a child process that is just being started has the file open for a
    /// moment, so closing it here would not unlock it.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the store's lock cannot be released");
        }
    }
}

/// Returns the size of a store on the disk, in bytes.
pub(super) fn bytes(database: &Path) -> u64 {
    ["", "-wal", ".spool"]
        .iter()
        .filter_map(|suffix| fs::metadata(with_suffix(database, suffix)).ok())
        .map(|file| file.len())
        .sum()
}
