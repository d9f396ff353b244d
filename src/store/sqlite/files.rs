//! The files of a store: where they lie, who may read them, and the lock that keeps a second process out.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::OpenError;
use crate::platform::{self, private};

/// A file beside the database, such as `store.db.lock`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(suffix);
    name.into()
}

/// The folder that a file lies in.
pub(super) fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes an empty file that only its owner may read, if there is none.
///
/// A file that is there is not even opened: closing a descriptor of a database drops SQLite's locks on it.
pub(super) fn make(path: &Path) -> io::Result<()> {
    match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Ok(_) => platform::sync_folder(&folder(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Refuses a database that everybody may read: states and messages in it are readable.
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

/// Holds a store for this process. It is a file of its own, for the reason told at [`make`].
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Lock, OpenError> {
        let path = beside(database, ".lock");
        let file = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .map_err(|source| OpenError::file(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
                path: database.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(OpenError::file(&path, source)),
        }
    }
}

/// Whether a process holds a store. Where that cannot be told, nobody is said to.
///
/// It asks for a shared lock and gives it back at once; a process that starts in this very moment would be refused.
pub(super) fn is_held(database: &Path) -> bool {
    let lock = File::open(beside(database, ".lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

impl Drop for Lock {
    /// Closing the file would do, but for a process that is just being started by this one and has it for a moment, too.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the store's lock could not be given back");
        }
    }
}

/// How many bytes a store takes on the disk.
pub(super) fn bytes(database: &Path) -> u64 {
    ["", "-wal", ".spool"]
        .iter()
        .filter_map(|suffix| fs::metadata(beside(database, suffix)).ok())
        .map(|file| file.len())
        .sum()
}
