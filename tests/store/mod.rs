//! The stores that imbot has keep the contract; a store of the repository adds a test here.

mod moving;
mod postgres;
mod sqlite;

use std::cell::Cell;
use std::sync::Arc;

use imbot::store::{Key, Memory, Sqlite, contract};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_keeps_the_contract() {
    contract::verify(async || Arc::new(Memory::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_store_keeps_the_contract() {
    let (folder, opened) = (TempDir::new().unwrap(), Cell::new(0));
    contract::verify(async || {
        opened.set(opened.get() + 1);
        let path = folder.path().join(format!("{}.db", opened.get()));
        Arc::new(Sqlite::open(path, &Key::random()).unwrap())
    })
    .await;
}
