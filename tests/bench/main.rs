//! All benchmarks of one process except the decoder's: `cargo bench --bench bench` prints one table
//! of ratios. Those of several processes on PostgreSQL are in `members`.
//!
//! Every row compares two things measured alternately within one run, so that other load on the
//! machine affects both. Times are CPU times of the server's process, which has one thread. The
//! arguments `road`, `memory`, `durable`, `talk`, `replies`, `portals` and `widget` run only those
//! parts.

#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

mod durable;
mod event;
mod memory;
#[path = "../support/offline.rs"]
mod offline;
mod portals;
mod replies;
mod road;
mod rows;
mod server;
mod table;
mod talk;
mod waits;
mod widget;

use std::env;

use table::{head, median, row};

/// The allocator of `bots`, for both sides of every row.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", kind, conversations] => server::serve(kind, conversations.parse().unwrap()),
        ["fill", conversations] => memory::fill(conversations.parse().unwrap()),
        ["poll", ref urls @ ..] => talk::poll(urls),
        ["widget-program", address, ref settings @ ..] => {
            widget::program(address, settings.try_into().unwrap());
        }
        ["backlog", events] => durable::backlog(events.parse().unwrap()),
        ref parts => {
            let wanted = |part| parts.is_empty() || parts.contains(&part);
            head();
            wanted("road").then(road::run);
            wanted("memory").then(memory::run);
            wanted("durable").then(durable::run);
            wanted("talk").then(talk::run);
            wanted("replies").then(replies::run);
            wanted("portals").then(portals::run);
            wanted("widget").then(widget::run);
        }
    }
}
