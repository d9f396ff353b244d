//! Errors of opening a store, with advice for the operator.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::fault::{Fault, code};

/// An error of opening a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A newer version has written the file.
    #[error("the store {} was written by a newer version (its schema is {found}, this program knows {known}); run that version, or restore a backup", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of the file's schema.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// An older version has written the file, and only the process that runs the bots may upgrade
    /// it.
    #[error("the store {} still has the schema {found}, and this program needs {known}; start the bots once with this version, which upgrades it", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// The version of the file's schema.
        found: u32,
        /// The version that this program needs.
        known: u32,
    },
    /// The file is not a store.
    #[error("{} is not a store of imbot; name another file, nothing was changed in this one", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is no file for an operator's command to open.
    #[error("there is no store at {}; name the file that the bots run with", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Another process runs on the store.
    #[error("another process runs on the store {}; stop it first, or configure another store for this process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder cannot be written.
    #[error("the store {} cannot be written ({cause}); allow this user to write the file and its folder", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// The disk is full.
    #[error("there is no room for the store {} ({cause}); free some space on its disk", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// The file is damaged.
    #[error("the store {} is damaged ({cause}); keep a copy of it and of its -wal file, then restore a backup or try `sqlite3 <file> .recover`", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// Every user of the machine may read the file.
    #[error("every user may read the store {} (mode {mode:03o}), which contains people's messages; run `chmod 600` on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The mode of the file.
        mode: u32,
    },
    /// The key is not the key of this store.
    #[error("the key does not open the store {}; use the key that the store was created with", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// The spool of an earlier process cannot be moved into the inbox.
    #[error("the spool of the store {} cannot be moved into the inbox: {cause}; its deliveries are safe, start again when this is fixed", path.display())]
    Spool {
        /// The file of the database.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
    /// A file cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Any other error of the database.
    #[error("the store {} cannot be used: {cause}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
}

impl OpenError {
    /// Returns the error for an error of the file system.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        let (path, cause) = (path.to_owned(), source.to_string());
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { path, cause }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, cause },
            _ => Self::File { path, source },
        }
    }

    /// Returns the error for an error of the database.
    pub(super) fn sql(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, cause) = (path.to_owned(), error.to_string());
        match code(error) {
            Some(ErrorCode::NotADatabase) => Self::Foreign { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, cause },
            Some(ErrorCode::DiskFull) => Self::Full { path, cause },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path, cause }
            }
            _ => Self::Database { path, cause },
        }
    }

    /// Returns the error for a fault of an operation.
    pub(super) fn fault(path: &Path, fault: &Fault) -> Self {
        match fault {
            Fault::Sql(error) => Self::sql(path, error),
            other => Self::Database {
                path: path.to_owned(),
                cause: other.to_string(),
            },
        }
    }
}
