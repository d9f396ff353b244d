//! Kills the bots many times, and looks for messages that are lost, doubled or out of order.
//!
//! ```sh
//! cargo test --test crash                                  # 50 kills, as in CI
//! cargo test --release --test crash -- --kills 1000 --seed 7
//! ```
//!
//! A portal and people run in this process, the bots in another one. That process is killed (`kill
//! -9`) after a random time, or aborts at a random moment: in a handler, or between the portal's
//! answer and our mark. The messages that it has acknowledged are compared at the end with what
//! people have seen. The seed determines all random choices here, but not the timing of the system.

#![expect(clippy::print_stdout, reason = "the results go to standard output")]

mod check;
mod people;
mod process;
mod program;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../support/random.rs"]
mod random;
mod relay;
#[expect(dead_code, reason = "this program needs a folder with real flushes")]
#[path = "../support/program.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use check::Findings;
use random::Random;

/// Default number of kills.
const KILLS: u64 = 50;

/// The options of a run.
#[derive(Clone, Copy, Debug)]
struct Plan {
    kills: u64,
    seed: u64,
    /// Whether the bots store their state separately from their replies, which is the control.
    has_separate_state: bool,
}

fn main() -> ExitCode {
    if program::is_child() {
        return program::run();
    }
    if !support::is_meant("crash") {
        return ExitCode::SUCCESS;
    }
    let plan = Plan {
        kills: support::number("--kills").unwrap_or(KILLS),
        seed: support::seed(),
        has_separate_state: false,
    };
    println!("crash: {} kills, seed {}", plan.kills, plan.seed);
    let found = run(plan);
    println!("crash: {found}");
    // The control: with a separate state this test must find errors.
    let control = run(Plan {
        has_separate_state: true,
        ..plan
    });
    println!("crash, separate state: {control}");
    let mut wrong = Vec::new();
    if found.is_wrong() {
        wrong.push("a message is lost, doubled or out of order".to_owned());
    }
    if !control.is_wrong() {
        wrong.push("the control with a separate state shows no error".to_owned());
    }
    support::verdict("crash", &wrong)
}

fn run(plan: Plan) -> Findings {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(run_processes(plan))
}

/// Runs one process after another under load, then one that finishes the work.
async fn run_processes(plan: Plan) -> Findings {
    let mut random = Random::new(plan.seed);
    let folder = tempfile::tempdir().expect("a folder");
    let stage = people::Stage::set_up(folder.path(), plan.has_separate_state).await;
    let mut processes = process::Processes::new(&stage);
    processes.install(&stage).await;
    let load = stage.send_messages(plan.seed);
    for kill in 1..=plan.kills {
        processes.run_until_death(&mut random).await;
        if kill % 100 == 0 {
            println!("crash: {kill} of {}", plan.kills);
        }
        let found = stage.check();
        if plan.has_separate_state && found.is_wrong() {
            load.abort();
            return found.after(kill, processes.aborts);
        }
    }
    load.abort();
    let _ = load.await;
    processes
        .run_to_the_end(Duration::from_secs(300), &stage)
        .await;
    stage.check().after(plan.kills, processes.aborts)
}
