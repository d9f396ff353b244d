//! Errors of opening a store, with advice for the operator.

use super::fault::Fault;
use super::url::Server;

/// An error of opening a PostgreSQL store. Its texts contain no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address cannot be read.
    #[error(
        "the address of the PostgreSQL store cannot be used: {cause}; it looks like `postgres://user:password@host/database`"
    )]
    Url {
        /// The cause.
        cause: String,
    },
    /// TLS cannot be set up.
    #[error("the connection to PostgreSQL cannot be encrypted: {cause}")]
    Tls {
        /// The cause.
        cause: String,
    },
    /// The server cannot be reached, or refuses the connection.
    #[error("the database {place} cannot be used: {cause}")]
    Unavailable {
        /// The address without password.
        place: String,
        /// The cause.
        cause: String,
    },
    /// The schema is not one of imbot.
    #[error(
        "the database {place} has other tables where the store is to be; name another database, or another schema with `?options=-c%20search_path%3Dname`; nothing was changed"
    )]
    Foreign {
        /// The address without password.
        place: String,
    },
    /// There is no store for an operator's command to open.
    #[error("there is no store in the database {place}; name the database that the bots run with")]
    Missing {
        /// The address without password.
        place: String,
    },
    /// A newer version has changed the store, and this one must not work on it.
    #[error(
        "the store in {place} was upgraded by a newer version (its schema is {found}, this program knows {known}); run that version, or restore a backup"
    )]
    Newer {
        /// The address without password.
        place: String,
        /// The version of the store's schema.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// An older version has made the store, and only a process that runs the bots may upgrade it.
    #[error(
        "the store in {place} still has the schema {found}, and this program needs {known}; start the bots once with this version, which upgrades it"
    )]
    Older {
        /// The address without password.
        place: String,
        /// The version of the store's schema.
        found: u32,
        /// The version that this program needs.
        known: u32,
    },
    /// The key is not the key of this store.
    #[error("no key opens the store in {place}; use the key that the store was created with")]
    WrongKey {
        /// The address without password.
        place: String,
    },
    /// A pooler in between shares the server's sessions between transactions.
    #[error(
        "a pooler shares the sessions of the database {place} between connections, and the store needs sessions of its own: they hold its settings and prepared statements, and hear of new events; connect to the server itself, or let the pooler share whole sessions (`pool_mode = session` in PgBouncer)"
    )]
    Pooled {
        /// The address without password.
        place: String,
    },
    /// A move into this store is not finished.
    #[error(
        "the store in {place} is only a part of a store that is being moved; run `store move` again to continue, or drop the tables"
    )]
    Unfinished {
        /// The address without password.
        place: String,
    },
    /// The tasks of the store cannot be started.
    #[error("the store's threads cannot be started: {cause}")]
    Start {
        /// The cause.
        cause: String,
    },
    /// Any other error of the database.
    #[error("the database {place} cannot be used: {cause}")]
    Database {
        /// The address without password.
        place: String,
        /// The cause.
        cause: String,
    },
}

impl PostgresError {
    /// Returns the error for a fault.
    pub(super) fn fault(server: &Server, fault: &Fault) -> Self {
        let (place, cause) = (server.to_string(), fault.to_string());
        if fault.is_transient() {
            Self::Unavailable { place, cause }
        } else {
            Self::Database { place, cause }
        }
    }
}
