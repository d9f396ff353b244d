//! Ends the bots in many ways under load, and looks for messages that are lost, doubled or out of
//! order.
//!
//! ```sh
//! cargo test --test crash                                  # as in CI
//! cargo test --release --test crash -- --kills 1000 --panics 20 --outages 20 --members 1000
//! cargo test --test crash -- --kills 0 --panics 0 --logs 0 --stops 0 --outages 0 --members 100 # one subject
//! ```
//!
//! A portal and people run in this process, the bots in another one. The messages that it has
//! acknowledged are compared at the end with what people have seen. The seed determines all random
//! choices here, but not the timing of the system.
//!
//! - `kills`: the process is killed (`kill -9`), or aborts itself.
//! - `panics`: each task and thread that it needs panics in turn.
//! - `logs`: its log cannot be written.
//! - `outages`: the portal is away while chats wait.
//! - `stops`: the process is stopped for a while (`--stop-seconds`).
//! - `members`: three processes share a PostgreSQL store. They, the server and the network between
//!   them fail in all ways (`--members`, the number of failures).

#![expect(clippy::print_stdout, reason = "the results go to standard output")]

mod check;
mod kills;
mod logs;
mod members;
mod outages;
mod panics;
mod people;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../support/postgres.rs"]
mod postgres;
mod process;
mod program;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../support/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../support/random.rs"]
mod random;
mod relay;
mod scenario;
mod stops;
#[expect(dead_code, reason = "this program needs a folder with real flushes")]
#[path = "../support/program.rs"]
mod support;

use std::process::ExitCode;

/// The options of a run.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Number of kills.
    kills: u64,
    /// How often each task and thread panics.
    panics: u64,
    /// How often the bots run with each log that cannot be written.
    logs: u64,
    /// Number of outages of the portal.
    outages: u64,
    /// Number of stops.
    stops: u64,
    /// Time for which the process is stopped, in seconds.
    stop_seconds: u64,
    /// Number of failures of processes that share a store, of its server and of their connections.
    members: u64,
    seed: u64,
}

fn main() -> ExitCode {
    if program::is_child() {
        return program::run();
    }
    if !support::is_meant("crash") {
        return ExitCode::SUCCESS;
    }
    let count = |option, default| support::number(option).unwrap_or(default);
    let plan = Plan {
        kills: count("--kills", 50),
        panics: count("--panics", 1),
        logs: count("--logs", 1),
        outages: count("--outages", 2),
        stops: count("--stops", 1),
        stop_seconds: count("--stop-seconds", 2),
        members: count("--members", 40),
        seed: support::seed(),
    };
    println!("crash: {plan:?}");
    let subjects = [
        kills::run,
        panics::run,
        logs::run,
        outages::run,
        stops::run,
        members::run,
    ];
    let wrong = subjects.map(|run| run(plan));
    support::verdict("crash", &wrong.concat())
}
