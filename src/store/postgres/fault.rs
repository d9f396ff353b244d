//! Faults of operations on an open store.

use std::error::Error;
use std::sync::Arc;

use tokio_postgres::error::{DbError, SqlState};

use super::diagnosis::CONNECTIONS;
use super::url::Server;
use crate::store::seal::SealError;
use crate::store::text::TextError;
use crate::store::{StoreError, StoreErrorKind};

/// The state that the function `fence` reports if another process owns a partition.
const NOT_OWNER: &str = "IB001";

/// A fault of one operation, or of all operations of a group.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The server has refused a statement.
    #[error("{}", advice(.0))]
    Refused(Box<DbError>),
    /// The connection has failed, so the result of the statement is not known.
    #[error("the connection to the database failed: {0}")]
    Lost(String),
    /// The server did not answer in time, so the result of the statement is not known.
    #[error("the database did not answer in time")]
    Slow,
    /// The server has accepted a connection, and does not go on.
    #[error(
        "the database did not answer a new connection in time; if there is a pooler in between, it may have no free connection"
    )]
    Silent,
    /// The server accepts no writes.
    #[error("the server accepts no writes: it is a standby; name the primary, or several hosts")]
    ReadOnly,
    /// The server has warned while it committed, so the commit may be lost with the server.
    #[error("the database did not make a commit durable: {0}")]
    NotDurable(String),
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Sealed(#[from] SealError),
    #[error("this process does not own the partition")]
    NotOwner,
    #[error("an operation panicked; this is a bug of imbot")]
    Panicked,
    #[error("the store is closed")]
    Closed,
    /// Any other error of the client, such as a column of an unexpected type.
    #[error("{0}")]
    Client(String),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refused) = error.as_db_error() {
            if refused.code().code() == NOT_OWNER {
                return Self::NotOwner;
            }
            return Self::Refused(Box::new(refused.clone()));
        }
        let is_of_connection = error.is_closed()
            || error
                .source()
                .is_some_and(|source| source.is::<std::io::Error>());
        let text = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        if is_of_connection {
            Self::Lost(text)
        } else {
            Self::Client(text)
        }
    }
}

impl Fault {
    /// Returns the fault of connecting to any of several hosts: what one of them has answered, or
    /// else why all of them cannot be reached.
    pub(super) fn of_hosts(mut faults: Vec<Self>) -> Self {
        let answered = |fault: &Self| matches!(fault, Self::Refused(_));
        if let Some(index) = faults.iter().position(answered) {
            return faults.swap_remove(index);
        }
        match &*faults {
            [_] => faults.remove(0),
            faults => {
                let text = |fault: &Self| match fault {
                    Self::Lost(text) => text.clone(),
                    other => other.to_string(),
                };
                let texts: Vec<String> = faults.iter().map(text).collect();
                Self::Lost(texts.join("; "))
            }
        }
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Refused(error) => Some(error.code()),
            _ => None,
        }
    }

    /// Returns the kind of the error for the caller of the store.
    pub(super) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Refused(_) if self.is_full() => StoreErrorKind::Full,
            Self::Refused(error)
                if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(error.code()) =>
            {
                StoreErrorKind::Damaged
            }
            Self::Refused(_) if self.is_transient() => StoreErrorKind::Unavailable,
            Self::Lost(_) | Self::Slow | Self::Silent | Self::ReadOnly | Self::NotDurable(_) => {
                StoreErrorKind::Unavailable
            }
            Self::Text(_) | Self::Sealed(_) => StoreErrorKind::Damaged,
            Self::NotOwner => StoreErrorKind::NotOwner,
            Self::Refused(_) | Self::Panicked | Self::Closed | Self::Client(_) => {
                StoreErrorKind::Other
            }
        }
    }

    /// Returns true if there is no room.
    pub(super) fn is_full(&self) -> bool {
        self.code() == Some(&SqlState::DISK_FULL)
    }

    /// Returns true if there are too many connections.
    pub(super) fn is_of_limit(&self) -> bool {
        self.code() == Some(&SqlState::TOO_MANY_CONNECTIONS)
    }

    /// Returns true if all operations would fail alike now, and may succeed later.
    pub(super) fn is_of_all(&self) -> bool {
        // What took too long, or too much, may be one operation of many.
        let is_of_one = [SqlState::QUERY_CANCELED, SqlState::OUT_OF_MEMORY];
        let is_of_one = self.code().is_some_and(|code| is_of_one.contains(code));
        self.is_transient() && !is_of_one
    }

    /// Returns true if the connection cannot be used any more.
    pub(super) fn breaks_connection(&self) -> bool {
        match self {
            // The other client of the transaction, if any, is still in it.
            Self::Lost(_)
            | Self::Slow
            | Self::Silent
            | Self::ReadOnly
            | Self::NotDurable(_)
            | Self::Client(_) => true,
            Self::Refused(error) => {
                let code = error.code().code();
                let is_read_only = *error.code() == SqlState::READ_ONLY_SQL_TRANSACTION;
                code.starts_with("08")
                    || is_read_only
                    || ["57P01", "57P02", "57P03", "57P05", "25P03"].contains(&code)
            }
            _ => false,
        }
    }

    /// Returns true if the operation may succeed when it is tried again.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Slow | Self::Silent | Self::ReadOnly | Self::NotDurable(_) => {
                true
            }
            Self::Refused(error) => {
                let is_temporary = [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::LOCK_NOT_AVAILABLE,
                    SqlState::QUERY_CANCELED,
                    SqlState::TOO_MANY_CONNECTIONS,
                    SqlState::OUT_OF_MEMORY,
                ]
                .contains(error.code());
                is_temporary || self.breaks_connection()
            }
            _ => false,
        }
    }

    /// Returns the error for the caller of the store.
    pub(super) fn of(self, server: &Arc<Server>) -> StoreError {
        StoreError::new(
            self.kind(),
            OperationFailed {
                server: Arc::clone(server),
                fault: self,
            },
        )
    }
}

/// Returns the server's message, with advice for the operator.
fn advice(error: &DbError) -> String {
    let (code, message) = (error.code().code(), error.message());
    let advice = match code {
        // PgBouncer 1.18 does not know `options`.
        "08P01" if message.contains("unsupported startup parameter") => {
            "a pooler does not pass the options of the address on; leave them out, and set them for the user: ALTER ROLE … SET search_path = …"
        }
        "08P01" if message.contains("query_wait_timeout") => {
            return format!(
                "{message} ({code}); the pooler has no free session: a process needs {CONNECTIONS} connections, so raise its pool_size"
            );
        }
        "53100" => "free some space on the disk of the database",
        "53300" => {
            return format!(
                "{message} ({code}); a process needs {CONNECTIONS} connections: raise max_connections of the server, or the limit of the user or the database (ALTER ROLE or ALTER DATABASE … CONNECTION LIMIT …)"
            );
        }
        "28P01" | "28000" => "check the user and the password in the address of the store",
        "3D000" => "create this database, or correct the address of the store",
        "42501" => "grant the user of the store the right to create and change tables",
        "3F000" => "create the schema that the search path of the store names",
        "25006" => "this server is a standby; name the primary, or several hosts",
        "55P03" => "another session holds a lock; look at pg_stat_activity",
        _ => return format!("{message} ({code})"),
    };
    format!("{message} ({code}); {advice}")
}

/// The error of a failed operation, with the place of the store.
#[derive(Debug, thiserror::Error)]
#[error("{server}: {fault}")]
struct OperationFailed {
    server: Arc<Server>,
    #[source]
    fault: Fault,
}
