//! What only the store on PostgreSQL promises.

mod clocks;
mod connections;
mod disk;
mod faults;
mod fence;
mod load;
mod locks;
mod members;
mod pooler;
mod refusals;
mod secrets;
mod server;
mod standby;
mod tls;

use std::sync::Arc;

use imbot::store::contract;

use crate::support::postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_store_keeps_the_contract() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    contract::verify(async || Arc::new(cluster.schema().open().await)).await;
}
