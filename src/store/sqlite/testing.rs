//! Ways to bring a store into states that are hard to reach otherwise, for tests (feature
//! `testing`).

use std::path::Path;
use std::sync::Arc;

use super::fault::Fault;
use super::{Db, Key, OpenError, Sqlite, inbox, open};
use crate::store::{NewDelivery, StoreError};

impl Sqlite {
    /// Opens a store and then runs these SQL statements on the connection that writes.
    ///
    /// # Errors
    /// The statements fail, or see [`OpenError`].
    pub fn open_with(path: impl AsRef<Path>, key: &Key, settings: &str) -> Result<Self, OpenError> {
        let path = Arc::from(path.as_ref());
        let open::Held { db, spool, lock } = open::hold(&path, key)?;
        let set = db.connection.execute_batch(settings);
        set.map_err(|error| OpenError::sql(&path, &error))?;
        Self::start(path, db, Some((spool, lock)))
    }

    /// Sets the maximum number of pages of the database. A small number makes it full.
    ///
    /// # Errors
    /// The store is closed.
    pub async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let limit = move |db: &Db| db.count(&format!("PRAGMA max_page_count = {pages}"), []);
        let limited = self.writer.ask(limit).await;
        limited.map(drop).map_err(|fault| self.failed(fault))
    }

    /// Makes the thread that writes panic, or the one that reads.
    pub async fn make_thread_panic(&self, writes: bool) {
        let thread = if writes { &self.writer } else { &self.reader };
        thread.make_panic().await;
    }

    /// Appends a delivery and then fails as a flush does whose bytes arrived all the same. The
    /// store must open the database again and know the delivery.
    ///
    /// # Errors
    /// Always: the simulated fault, or the store is closed.
    pub async fn fail_disk(&self, delivery: NewDelivery) -> Result<(), StoreError> {
        let failed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        let fail = move |db: &Db| {
            inbox::append(db, &delivery)?;
            db.commit()?;
            Err::<(), _>(Fault::from(rusqlite::Error::SqliteFailure(failed, None)))
        };
        self.writer
            .ask(fail)
            .await
            .map_err(|fault| self.failed(fault))
    }
}
