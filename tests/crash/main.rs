//! Kills the bots a thousand times and looks for what is lost, doubled or out of order.
//!
//! ```sh
//! cargo test --test crash                                  # 50 kills, as in CI
//! cargo test --release --test crash -- --kills 1000 --seed 7
//! ```
//!
//! A portal and people live in this process, the bots in another one, which is killed (`kill -9`) after a random while,
//! or dies by itself at a random moment of its work: in a handler, or between the portal's answer and our mark. What it
//! has acknowledged is written down, and compared in the end with what people have seen. The seed decides everything
//! that chance decides here, but not what the system makes of it.

#![expect(clippy::print_stdout, reason = "what it found goes to standard output")]

mod check;
mod people;
mod process;
mod program;
#[expect(dead_code, reason = "this program needs a part of it")]
#[path = "../support/random.rs"]
mod random;
mod relay;
#[expect(dead_code, reason = "its folder is a disk whose flushes are real")]
#[path = "../support/program.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use check::Findings;
use random::Random;

/// How many kills a run without arguments has.
const KILLS: u64 = 50;

/// What a run is told on the command line.
#[derive(Clone, Copy, Debug)]
struct Plan {
    kills: u64,
    seed: u64,
    /// Whether the bots keep their state apart from their replies.
    torn: bool,
}

fn main() -> ExitCode {
    if program::is_asked_for() {
        return program::run();
    }
    if !support::is_meant("kill") {
        return ExitCode::SUCCESS;
    }
    let plan = Plan {
        kills: support::number("--kills").unwrap_or(KILLS),
        seed: support::seed(),
        torn: false,
    };
    println!("kill: {} kills, seed {}", plan.kills, plan.seed);
    let found = run(plan);
    println!("kill: {found}");
    // The same with the state apart from the reply: a test that finds nothing there is none.
    let control = run(Plan { torn: true, ..plan });
    println!("kill, state apart from the reply: {control}");
    let mut wrong = Vec::new();
    if found.is_wrong() {
        wrong.push("something is lost, doubled or out of order".to_owned());
    }
    if !control.is_wrong() {
        wrong.push("state apart from the reply was not found out".to_owned());
    }
    support::verdict("kill", &wrong)
}

fn run(plan: Plan) -> Findings {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(lives(plan))
}

/// Life after life under load, then one that ends what was begun.
async fn lives(plan: Plan) -> Findings {
    let mut random = Random::new(plan.seed);
    let folder = tempfile::tempdir().expect("a folder");
    let stage = people::Stage::set_up(folder.path(), plan.torn).await;
    let mut lives = process::Lives::new(&stage);
    lives.install(&stage).await;
    let talk = stage.talk(plan.seed);
    for kill in 1..=plan.kills {
        lives.one(&mut random).await;
        if kill % 100 == 0 {
            println!("kill: {kill} of {}", plan.kills);
        }
        let found = stage.look();
        if plan.torn && found.is_wrong() {
            talk.abort();
            return found.after(kill, lives.deaths);
        }
    }
    talk.abort();
    drop(talk.await);
    lives.last(Duration::from_secs(300), &stage).await;
    stage.look().after(plan.kills, lives.deaths)
}
