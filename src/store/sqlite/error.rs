//! Why a store cannot be opened, in an operator's words.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::fault::{Fault, code};

/// A store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A newer program has written the file.
    #[error("the store {} was written by a newer version (its schema is {found}, this program knows {known}); run that version, or restore a backup", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// An older program has written the file, and only the running program may change that.
    #[error("the store {} still has the schema {found}, and this program needs {known}; start the bots with this version once, they bring it up to date", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that this program needs.
        known: u32,
    },
    /// The file is something else.
    #[error("{} is not a store of imbot; name another file, nothing was changed in this one", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is no file to attend.
    #[error("there is no store at {}; name the file that the bots run with", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Another process works with it.
    #[error("another process works with the store {}; stop it first, or give this one a store of its own", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder cannot be written.
    #[error("the store {} cannot be written ({cause}); give this user the right to write the file and its folder", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
    /// The disk is full.
    #[error("there is no room for the store {} ({cause}); free some space on its disk", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
    /// The file is damaged.
    #[error("the store {} is damaged ({cause}); keep a copy of it and of its -wal file, then restore a backup or try `sqlite3 <file> .recover`", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
    /// Everybody on the machine may read the file.
    #[error("everybody may read the store {} (mode {mode:03o}), and people's words are in it; run `chmod 600` on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key is another one.
    #[error("the key does not open the store {}; give the key that it was made with", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// The spool of an earlier process cannot be taken in.
    #[error("the spool of the store {} cannot be taken in: {cause}; deliveries in it are safe, start again when that is mended", path.display())]
    Spool {
        /// The file of the database.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A file cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database does not work.
    #[error("the store {} does not work: {cause}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
}

impl OpenError {
    /// What an error of the file system says about a store.
    pub(super) fn file(path: &Path, source: io::Error) -> OpenError {
        let (path, cause) = (path.to_owned(), source.to_string());
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                OpenError::ReadOnly { path, cause }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                OpenError::Full { path, cause }
            }
            _ => OpenError::File { path, source },
        }
    }

    /// What an error of the database says about a store.
    pub(super) fn sql(path: &Path, error: &rusqlite::Error) -> OpenError {
        let (path, cause) = (path.to_owned(), error.to_string());
        match code(error) {
            Some(ErrorCode::NotADatabase) => OpenError::Foreign { path },
            Some(ErrorCode::DatabaseCorrupt) => OpenError::Corrupt { path, cause },
            Some(ErrorCode::DiskFull) => OpenError::Full { path, cause },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                OpenError::ReadOnly { path, cause }
            }
            _ => OpenError::Database { path, cause },
        }
    }

    pub(super) fn fault(path: &Path, fault: &Fault) -> OpenError {
        match fault {
            Fault::Sql(error) => OpenError::sql(path, error),
            other => OpenError::Database {
                path: path.to_owned(),
                cause: other.to_string(),
            },
        }
    }
}
