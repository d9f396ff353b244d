//! Several processes on one PostgreSQL store: `cargo bench --bench members` prints a table.
//!
//! It starts a PostgreSQL server with the settings of the tests (durable, with `fsync`), and up to
//! three processes of a program of bots. Events are posted over HTTP to all processes in turn;
//! answers are not sent to a portal, so that the durable way is measured. Server, processes and
//! load share the machine.
//!
//! The arguments `turns`, `wake`, `failures`, `portals` and `snapshot` run only those parts.
//! `snapshot` holds a snapshot open for 30 seconds; `long-snapshot`, which runs only if it is
//! named, for ten minutes. `IMBOT_TEST_POSTGRES=skip` leaves everything out.

#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

mod bare;
mod client;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../event.rs"]
mod event;
mod failures;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../../support/offline.rs"]
mod offline;
mod portals;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../../support/postgres.rs"]
mod postgres;
mod program;
mod reports;
mod snapshot;
mod stage;
#[path = "../table.rs"]
mod table;
mod turns;
#[path = "../waits.rs"]
mod waits;
mod wake;

use std::env;
use std::time::Duration;

use table::{head, median, row};
use tokio::task::LocalSet;

/// The allocator of `bots`, for both sides of every row.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The server's settings for more data than tests have.
const SETTINGS: &str = "shared_buffers = 256MB\nmax_wal_size = 4GB\n";

fn main() {
    if program::is_child() {
        return program::run();
    }
    let parts: Vec<String> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let is_named = |part: &str| parts.iter().any(|named| named == part);
    let wanted = |part: &str| parts.is_empty() || is_named(part);
    if !postgres::is_wanted() {
        return;
    }
    let cluster = postgres::Cluster::start(SETTINGS);
    // One thread: the load should leave the machine to the processes and the server.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let tasks = LocalSet::new();
    tasks.block_on(&runtime.unwrap(), async {
        head();
        if wanted("turns") {
            turns::run(&cluster).await;
        }
        if wanted("wake") {
            wake::run(&cluster).await;
        }
        if wanted("failures") {
            failures::run(&cluster).await;
        }
        if wanted("portals") {
            portals::run(&cluster).await;
        }
        if wanted("snapshot") {
            snapshot::run(&cluster, Duration::from_secs(30)).await;
        }
        if is_named("long-snapshot") {
            snapshot::run(&cluster, Duration::from_secs(600)).await;
        }
    });
}
