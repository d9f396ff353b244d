//! A store in one file, which outlives the process and a power failure: SQLite.
//!
//! One thread has the connection that writes. Whatever waits for it is done in one transaction, and nobody is answered
//! before that is on the disk, so that many operations share one flush. A second thread reads, for what is asked beside
//! the road. Bodies and tokens are sealed ([`Key`]); what the database cannot take in goes to a spool beside it.
//!
//! The files: the database (`store.db`), its log (`-wal`, `-shm`), `.lock`, which this process holds, and `.spool`.

mod append;
mod backup;
mod connect;
mod db;
mod dead;
mod error;
mod fault;
mod files;
mod forget;
mod group;
mod inbox;
mod key;
mod notices;
mod open;
mod outbox;
mod portals;
mod rekey;
mod reminders;
mod schema;
mod seal;
mod spool;
mod store;
#[cfg(feature = "testing")]
mod testing;
mod text;
mod turns;
mod upkeep;
mod work;
mod worker;
mod writer;

use std::path::Path;
use std::sync::Arc;

pub use backup::BackupError;
pub use error::OpenError;
pub use key::{Key, KeyError};

use db::Db;
use fault::{Fault, OperationFailed};
use worker::Worker;
use writer::Writer;

/// A store in one file.
///
/// Opening one reads and writes files on the thread that does it: it belongs into the start of a program. Dropping one
/// waits until what was begun is written; [`close`](super::Upkeep::close) before that, so that nobody waits for it.
#[derive(Debug)]
pub struct Sqlite {
    path: Arc<Path>,
    reader: Worker, // dropped before the writer, which moves the log when nobody reads it any more
    writer: Worker,
}

impl Sqlite {
    /// Opens a store for this process alone. What is not there is made, readable for its owner only: the folder and the
    /// file; a file of an older version is brought up to date.
    ///
    /// # Errors
    ///
    /// When another process has it, the file is not ours, damaged or of a newer version, the key is not the one that it
    /// was made with, or file or folder cannot be written.
    pub fn open(path: impl AsRef<Path>, key: &Key) -> Result<Sqlite, OpenError> {
        let path = Arc::from(path.as_ref());
        let open::Held { db, spool, lock } = open::hold(&path, key)?;
        Sqlite::start(path, db, Some((spool, lock)))
    }

    /// Opens a store beside the process that has it, for an operator's command: to look at it, and to decide about dead
    /// letters and what is to be forgotten. The running process learns of it by [`notices`](super::Upkeep::notices).
    ///
    /// # Errors
    ///
    /// As for [`open`](Sqlite::open), and when there is no store, or one of an older version.
    pub fn attend(path: impl AsRef<Path>, key: &Key) -> Result<Sqlite, OpenError> {
        let path: Arc<Path> = Arc::from(path.as_ref());
        let db = open::attend(&path, key)?;
        Sqlite::start(path, db, None)
    }

    /// Whether a process has this store for itself: whether the bots run.
    pub fn is_held(path: impl AsRef<Path>) -> bool {
        files::is_held(path.as_ref())
    }

    fn start(
        path: Arc<Path>,
        db: Db,
        held: Option<(spool::Spool, files::Lock)>,
    ) -> Result<Sqlite, OpenError> {
        let failed = |source| OpenError::File {
            path: path.to_path_buf(),
            source,
        };
        let reading = open::reader(&path, &db.seal)?;
        let writer = Writer::new(&path, db, held);
        let writer = Worker::start("store", |asked| writer.run(asked)).map_err(failed)?;
        let reader = Worker::start("store reads", move |asked| worker::read(&reading, asked));
        let reader = reader.map_err(failed)?;
        Ok(Sqlite {
            reader,
            writer,
            path,
        })
    }

    /// Seals everything in a store with a new key, all of it or nothing. `progress` is told how many bodies of how many
    /// are done. No other process may have the store.
    ///
    /// # Errors
    ///
    /// As for [`open`](Sqlite::open).
    pub fn rekey(
        path: impl AsRef<Path>,
        old: &Key,
        new: &Key,
        progress: impl FnMut(u64, u64),
    ) -> Result<(), OpenError> {
        rekey::rekey(path.as_ref(), old, new, progress)
    }

    /// Copies the store as it is at one moment to a new file, while it is in use. `progress` is told how many pages of
    /// how many are copied. The spool is not in the copy, nor is the key.
    ///
    /// # Errors
    ///
    /// When the file is there already, or cannot be written.
    pub async fn backup(
        &self,
        to: impl AsRef<Path>,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<(), BackupError> {
        let (from, path) = (Arc::clone(&self.path), to.as_ref().to_owned());
        let to = path.clone();
        let copied = tokio::task::spawn_blocking(move || backup::backup(&from, &to, progress));
        copied.await.unwrap_or_else(|error| {
            Err(BackupError::Database {
                path,
                source: error.into(),
            })
        })
    }

    fn failed(&self, fault: Fault) -> super::StoreError {
        super::StoreError::new(
            fault.kind(),
            OperationFailed {
                path: Arc::clone(&self.path),
                fault,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::store::sqlite::*;

    #[tokio::test]
    async fn an_operation_that_panics_takes_nothing_along() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path().join("store.db"), &Key::random()).unwrap();
        let panics = || {
            store
                .writer
                .ask(|_| -> Result<(), Fault> { panic!("a bug") })
        };
        let works = || {
            store
                .writer
                .ask(|db| db.count("SELECT count(*) FROM event", []))
        };
        let (first, second, third, fourth) = tokio::join!(works(), panics(), works(), panics());
        assert!(matches!(
            (second, fourth),
            (Err(Fault::Panicked), Err(Fault::Panicked))
        ));
        assert_eq!((first.unwrap(), third.unwrap()), (0, 0));
        let read = store
            .reader
            .ask(|_| -> Result<(), Fault> { panic!("a bug") });
        assert!(read.await.is_err());
        assert_eq!(works().await.unwrap(), 0);
    }
}
