//! The SQLite store: one file that outlives the process and a power failure.
//!
//! One thread has the connection that writes. It runs all waiting operations in one transaction and
//! answers them after the flush, so many operations share a flush. A second thread runs the
//! operations that only read. Bodies and tokens are sealed ([`Key`]). Deliveries that the database
//! cannot store go to a spool file next to it.
//!
//! The files: the database (`store.db`), its log (`-wal`, `-shm`), `.lock`, which the running
//! process holds, and `.spool`.

mod append;
#[cfg(feature = "postgres")]
mod archive;
mod backup;
mod connect;
mod conversations;
mod db;
mod dead;
mod error;
mod fault;
mod files;
mod forget;
mod group;
mod inbox;
mod notices;
mod number;
mod open;
mod outbox;
mod portals;
mod rekey;
mod reminders;
mod schema;
mod spool;
mod store;
#[cfg(feature = "testing")]
mod testing;
mod turns;
mod upkeep;
mod work;
mod worker;
mod writer;

use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "postgres")]
pub(super) use archive::FileArchive;
pub use backup::BackupError;
pub use error::OpenError;

use super::Key;
use crate::tasks::Watch;
use db::Db;
use fault::{Fault, OperationFailed};
use worker::Worker;
use writer::Writer;

/// A store in one file.
///
/// Opening it reads and writes files on the calling thread, so do it at the start of a program.
/// Dropping it blocks until pending operations are written. [`close`](super::Upkeep::close) it
/// first, so that the drop does not block.
#[derive(Debug)]
pub struct Sqlite {
    path: Arc<Path>,
    watch: Watch,
    reader: Worker, // dropped first, so that the writer can move the whole log
    writer: Worker,
}

impl Sqlite {
    /// Opens a store for this process only. Creates a missing folder or file, readable by its owner
    /// only. Upgrades a file of an older version.
    ///
    /// # Errors
    /// Another process runs on the store; the file is not a store, is damaged, or is of a newer
    /// version; the key is not the key of this store; or the file or its folder cannot be written.
    pub fn open(path: impl AsRef<Path>, key: &Key) -> Result<Self, OpenError> {
        let path = Arc::from(path.as_ref());
        let open::Held { db, spool, lock } = open::hold(&path, key)?;
        Self::start(path, db, Some((spool, lock)))
    }

    /// Opens a store for an operator's command, also while the bots run on it. The command can read
    /// it, decide about dead letters and remove data. The running process gets
    /// [`notices`](super::Upkeep::notices) of the changes.
    ///
    /// # Errors
    /// As for [`open`](Self::open), except that another process may run on the store. Also if there
    /// is no store, or one of an older version.
    pub fn attend(path: impl AsRef<Path>, key: &Key) -> Result<Self, OpenError> {
        let path: Arc<Path> = Arc::from(path.as_ref());
        let db = open::attend(&path, key)?;
        Self::start(path, db, None)
    }

    /// Returns true if a process runs the bots on this store.
    pub fn is_held(path: impl AsRef<Path>) -> bool {
        files::is_held(path.as_ref())
    }

    fn start(
        path: Arc<Path>,
        db: Db,
        held: Option<(spool::Spool, files::Lock)>,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File {
            path: path.to_path_buf(),
            source,
        };
        let reading = open::reader(&path, &db.sealer)?;
        let writer = Writer::new(&path, db, held);
        let watch = Watch::default();
        let writer = Worker::start("store", &watch, |requests| writer.run(requests));
        let writer = writer.map_err(failed)?;
        let reader = Worker::start("store reads", &watch, move |requests| {
            worker::read(&reading, requests)
        });
        let reader = reader.map_err(failed)?;
        Ok(Self {
            watch,
            reader,
            writer,
            path,
        })
    }

    /// Seals everything in a store with a new key, all of it or nothing. Calls `progress` with the
    /// number of finished bodies and the number of all bodies. No other process may run on the
    /// store.
    ///
    /// # Errors
    /// As for [`open`](Self::open), or the spool is not empty.
    pub fn rekey(
        path: impl AsRef<Path>,
        old: &Key,
        new: &Key,
        progress: impl FnMut(u64, u64),
    ) -> Result<(), OpenError> {
        rekey::rekey(path.as_ref(), old, new, progress)
    }

    /// Copies the store, as it is at one moment, to a new file. The store may be in use meanwhile.
    /// Calls `progress` with the number of copied pages and the number of all pages. The copy
    /// contains neither the spool nor the key.
    ///
    /// # Errors
    /// The new file exists already or cannot be written, or the copy fails.
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
    async fn an_operation_that_panics_fails_alone() {
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
