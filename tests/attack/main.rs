//! Attacks the real program, while people go on writing to a bot.
//!
//! ```sh
//! cargo test --test attack                                  # as in CI, under a minute
//! IMBOT_TEST_ATTACK=long cargo test --release --test attack # each attack alone, with more of everything
//! ```
//!
//! The bots run in another process. This one is the portal, the people, and the attackers, who have
//! addresses of their own where the system allows it (127.0.0.0/8 on Linux). The table has a line
//! for each attack; attacks of one group run at the same time, and share its last three columns:
//!
//! - *answers*: what the attackers got. `closed` is a connection that the program has closed,
//!   `open` one that it has not, and a number is an HTTP status.
//! - *files*: the most open files of the program;
//! - *memory*: the most resident memory above that of the idle program;
//! - *worst answer*: the longest time from a person's message to the bot's answer.
//!
//! The test fails if the program ends, a message of a person is not answered, a connection stays
//! open although a bound applies to it, or the memory exceeds [`MEMORY_MAX`]. It asserts no times.

#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

mod attack;
mod flood;
mod measure;
mod people;
mod program;
#[expect(dead_code, reason = "this program uses a part of it")]
#[path = "../support/program.rs"]
mod support;

use std::process::{Command, ExitCode};
use std::time::Duration;

use attack::{Attack, Kind};
use flood::{Flood, Input};
use measure::Measured;
use people::People;
use program::Program;

/// Maximum memory of the program above that of the idle program, in bytes.
const MEMORY_MAX: u64 = 150 * 1024 * 1024;

/// Marks the process that has the raised limit of open files.
const RAISED: &str = "IMBOT_TEST_ATTACK_RAISED";

/// How much of everything.
#[derive(Clone, Copy, Debug)]
struct Scale {
    is_long: bool,
    /// Connections of an attack that needs many.
    connections: usize,
    /// Duration of a flood.
    flood: Duration,
    visitors: usize,
}

impl Scale {
    fn of_environment() -> Self {
        let is_long = std::env::var("IMBOT_TEST_ATTACK").is_ok_and(|value| value == "long");
        if is_long {
            Self {
                is_long,
                connections: 6_000,
                flood: Duration::from_secs(30),
                visitors: 1_500,
            }
        } else {
            Self {
                is_long,
                connections: 800,
                flood: Duration::from_secs(4),
                visitors: 60,
            }
        }
    }
}

fn main() -> ExitCode {
    if !support::is_meant("attack") {
        return ExitCode::SUCCESS;
    }
    if cfg!(unix) && std::env::var_os(RAISED).is_none() {
        return with_more_files();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let wrong = runtime
        .expect("a runtime")
        .block_on(run(Scale::of_environment()));
    support::verdict("attack", &wrong)
}

/// Runs this program again with the highest limit of open files that the system allows.
fn with_more_files() -> ExitCode {
    let script = "ulimit -n $(ulimit -H -n); exec \"$0\" \"$@\"";
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().expect("this program"))
        .args(std::env::args_os().skip(1))
        .env(RAISED, "1")
        .status();
    let code = status.expect("this program runs again").code();
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

async fn run(scale: Scale) -> Vec<String> {
    println!(
        "{:28} {:>6}  {:38} {:>6} {:>8} {:>12}",
        "attack", "count", "answers", "files", "memory", "worst answer"
    );
    // Two programs, which are attacked at the same time unless there is time.
    let (connections, widget) = (on_connections(scale), on_the_widget(scale));
    let (mut wrong, of_widget) = if scale.is_long {
        (connections.await, widget.await)
    } else {
        tokio::join!(connections, widget)
    };
    wrong.extend(of_widget);
    wrong
}

/// Attacks an application on a portal.
async fn on_connections(scale: Scale) -> Vec<String> {
    let mut wrong = Vec::new();
    let (program, people) = Program::on_portal().await;
    let many = scale.connections;
    let some = many / 4;
    let attacks = [
        Attack::new("silence after a byte", Kind::Silent, many),
        Attack::new("half heads", Kind::HalfHead, many),
        Attack::new("half bodies of 1 MB", Kind::HalfBody, some),
        Attack::new("endless headers", Kind::EndlessHeaders, some),
        Attack::new("HTTP/2 by prior knowledge", Kind::Http2, some),
    ];
    attack_in_groups(&attacks, scale, &program, &people, &mut wrong).await;
    for (name, input) in [
        ("forged events", Input::ForgedEvents),
        ("forged installations", Input::ForgedInstalls),
    ] {
        let flood = Flood::new(name, input, scale.flood);
        let measured = Measured::during(&program, &people, flood.run(program.listen));
        report(&measured.await, &program, &mut wrong);
    }
    program.report(&mut wrong);
    wrong
}

/// Attacks the widget, which the ready-made bots have on an emulated portal.
async fn on_the_widget(scale: Scale) -> Vec<String> {
    let mut wrong = Vec::new();
    let (program, people) = Program::with_emulator().await;
    let some = scale.connections / 8;
    let attacks = [
        Attack::new("clients that never read", Kind::NeverReads, some),
        Attack::new("clients that read slowly", Kind::ReadsSlowly, some),
    ];
    attack_in_groups(&attacks, scale, &program, &people, &mut wrong).await;
    let flood = Flood::new(
        "visitors of the widget",
        Input::Visitors(scale.visitors),
        scale.flood,
    );
    let measured = Measured::during(&program, &people, flood.run(program.listen));
    report(&measured.await, &program, &mut wrong);
    program.report(&mut wrong);
    wrong
}

/// Runs attacks all at once, or one at a time if there is time.
async fn attack_in_groups(
    attacks: &[Attack],
    scale: Scale,
    program: &Program,
    people: &People,
    wrong: &mut Vec<String>,
) {
    let at_once = if scale.is_long { 1 } else { attacks.len() };
    for group in attacks.chunks(at_once) {
        let measured = Measured::during(program, people, attack::all(group, program.listen));
        report(&measured.await, program, wrong);
    }
}

/// Prints what an attack has done, and adds what it must not do.
fn report(measured: &Measured, program: &Program, wrong: &mut Vec<String>) {
    measured.print();
    let names: Vec<&str> = measured
        .outcomes
        .iter()
        .map(|outcome| outcome.name)
        .collect();
    let names = names.join(", ");
    if !program.is_running() {
        wrong.push(format!("the program has ended during: {names}"));
    }
    if measured.answers.unanswered > 0 {
        let count = measured.answers.unanswered;
        wrong.push(format!(
            "{count} messages were not answered during: {names}"
        ));
    }
    if measured.memory.is_some_and(|memory| memory > MEMORY_MAX) {
        wrong.push(format!("too much memory during: {names}"));
    }
    for outcome in &measured.outcomes {
        if outcome.still_open() > 0 {
            let count = outcome.still_open();
            wrong.push(format!(
                "{}: {count} connections are still open",
                outcome.name
            ));
        }
    }
}
