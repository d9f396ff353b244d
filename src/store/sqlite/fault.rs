//! Faults of operations on an open store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::StoreErrorKind;
use crate::store::seal::SealError;
use crate::store::text::TextError;

/// A fault of one operation, or of all operations of a group.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{}", advice(.0))]
    Sql(#[from] Arc<rusqlite::Error>),
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Sealed(#[from] SealError),
    #[error("the spool {} cannot be written either: {cause}", path.display())]
    Spool { path: PathBuf, cause: String },
    #[error("only the running process may do that")]
    NotOwner,
    #[error("an operation panicked; this is a bug of imbot")]
    Panicked,
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl Fault {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sql(error) => code(error),
            _ => None,
        }
    }

    /// Returns the kind of the error for the caller of the store.
    pub(super) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Sql(_) if self.is_full() => StoreErrorKind::Full,
            Self::Sql(_) => match self.code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    StoreErrorKind::Damaged
                }
                _ if self.affects_all() => StoreErrorKind::Unavailable,
                _ => StoreErrorKind::Other,
            },
            Self::Text(_) | Self::Sealed(_) => StoreErrorKind::Damaged,
            Self::Spool { .. } => StoreErrorKind::Unavailable,
            Self::NotOwner => StoreErrorKind::NotOwner,
            Self::Panicked | Self::Closed => StoreErrorKind::Other,
        }
    }

    /// Returns true if there is no room.
    pub(super) fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Returns true if the disk is the cause, and not the operation. It may work later.
    pub(super) fn is_of_disk(&self) -> bool {
        self.affects_all() || self.is_full()
    }

    /// Returns true if every operation would fail with it, so that it is useless to try each.
    pub(super) fn affects_all(&self) -> bool {
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

    /// Returns true if the connection's memory cannot be trusted any more.
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

/// Returns the code of an error. SQLite reports an I/O error if there is no room for the log's
/// index; here this is a full disk.
pub(super) fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    let error = error.sqlite_error()?;
    match error.extended_code {
        rusqlite::ffi::SQLITE_IOERR_SHMSIZE => Some(ErrorCode::DiskFull),
        _ => Some(error.code),
    }
}

/// Returns SQLite's message, with advice for the operator.
fn advice(error: &rusqlite::Error) -> String {
    let advice = match code(error) {
        Some(ErrorCode::DiskFull) => "free some space on its disk",
        Some(ErrorCode::SystemIoFailure) => "look at the disk and the system's log",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "allow this user to write the file and its folder"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: keep a copy of it and of its -wal file, then restore a backup"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process locks it: end commands and tools that have it open"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {advice}")
}

/// The error of a failed operation, with the path of the store.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub(super) struct OperationFailed {
    pub(super) path: Arc<Path>,
    #[source]
    pub(super) fault: Fault,
}
