//! The files of a store: where they lie, who may read them, and the lock that keeps a second process out.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;

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

/// Makes a folder, if there is none, that only its owner may look into.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes an empty file that only its owner may read, if there is none.
///
/// A file that is there is not even opened: closing a descriptor of a database drops SQLite's locks on it.
pub(super) fn make(path: &Path) -> io::Result<()> {
    match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Ok(_) => File::open(folder(path))?.sync_all(),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Options for a file that only its owner may read.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Refuses a database that everybody may read: states and messages in it are readable.
pub(super) fn check_mode(path: &Path) -> Result<(), OpenError> {
    let mode = fs::metadata(path)
        .map_err(|source| OpenError::file(path, source))?
        .permissions()
        .mode();
    if mode & 0o007 != 0 {
        return Err(OpenError::Exposed {
            path: path.to_owned(),
            mode: mode & 0o777,
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
