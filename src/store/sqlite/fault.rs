//! What can go wrong with a store while it works: the disk, a row, or who asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::StoreErrorKind;

/// What went wrong with one operation, or with all that were committed together.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{}", advice(.0))]
    Sql(#[from] Arc<rusqlite::Error>),
    #[error("`{text}` in its table {table} is not understood; was it changed by hand?")]
    Text { table: &'static str, text: String },
    #[error(
        "a sealed value ({place}) does not open; it is damaged, or was moved or sealed with another key"
    )]
    Sealed { place: String },
    #[error("the spool {} cannot be written either: {cause}", path.display())]
    Spool { path: PathBuf, cause: String },
    #[error("only the running process does that")]
    Attending,
    #[error("an operation panicked; this is a bug of imbot")]
    Panicked,
    #[error("it is closed")]
    Closed,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sql(Arc::new(error))
    }
}

impl Fault {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Fault::Sql(error) => code(error),
            _ => None,
        }
    }

    /// Returns what a caller of the store learns about it.
    pub(super) fn kind(&self) -> StoreErrorKind {
        match self {
            Fault::Sql(_) if self.code() == Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
            Fault::Sql(_) => match self.code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    StoreErrorKind::Damaged
                }
                _ if self.is_everybodys() => StoreErrorKind::Unavailable,
                _ => StoreErrorKind::Other,
            },
            Fault::Text { .. } | Fault::Sealed { .. } => StoreErrorKind::Damaged,
            Fault::Spool { .. } => StoreErrorKind::Unavailable,
            Fault::Attending => StoreErrorKind::NotOwner,
            Fault::Panicked | Fault::Closed => StoreErrorKind::Other,
        }
    }

    /// Whether the disk, and not the operation, is to blame: it may work later.
    pub(super) fn is_of_disk(&self) -> bool {
        self.is_everybodys() || self.code() == Some(ErrorCode::DiskFull)
    }

    /// Whether every operation would meet it, so that it is no use to try them one by one.
    pub(super) fn is_everybodys(&self) -> bool {
        self.needs_reopening()
            || matches!(
                self.code(),
                Some(
                    ErrorCode::ReadOnly
                        | ErrorCode::PermissionDenied
                        | ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::FileLockingProtocolFailed
                )
            )
    }

    /// Whether what the connection has in memory cannot be trusted any more.
    pub(super) fn needs_reopening(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::OutOfMemory
            )
        )
    }
}

/// What kind of error it is. No room for the log's index is told as an I/O error; it is a full disk like any other.
pub(super) fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    let error = error.sqlite_error()?;
    match error.extended_code {
        rusqlite::ffi::SQLITE_IOERR_SHMSIZE => Some(ErrorCode::DiskFull),
        _ => Some(error.code),
    }
}

/// What SQLite says, and what an operator does about it.
fn advice(error: &rusqlite::Error) -> String {
    let advice = match code(error) {
        Some(ErrorCode::DiskFull) => "free some space on its disk",
        Some(ErrorCode::SystemIoFailure) => "look at the disk and the system's log",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "give this user the right to write the file and its folder"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: keep a copy of it and of its -wal file, then restore a backup"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process holds it: end commands and tools that have it open"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {advice}")
}

/// An operation on a store failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub(super) struct OperationFailed {
    pub(super) path: Arc<Path>,
    #[source]
    pub(super) fault: Fault,
}
