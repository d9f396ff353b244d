//! Logs that cannot be written: on a full disk, into a closed pipe, into a pipe that nobody reads.
//! The command line runs the bots, with its own log, at the level `trace`. They must answer as
//! always, and must not end.

use std::fs::OpenOptions;
use std::io::PipeReader;
use std::ops::ControlFlow;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;

use super::Plan;
use super::people::Stage;
use super::process::{POLL_INTERVAL, Process, Processes, Start};
use super::program::Variant;
use super::scenario::under_load;

/// Number of replies that people must see while the log cannot be written.
const REPLIES: usize = 100;

/// Maximum time until people see them.
const REPLIES_LIMIT: Duration = Duration::from_secs(120);

/// A log that cannot be written.
#[derive(Clone, Copy, Debug)]
enum BrokenLog {
    FullDisk,
    ClosedPipe,
    UnreadPipe,
}

impl BrokenLog {
    /// Returns standard error, and the end of a pipe that must stay open. `None` if this system has
    /// no such log.
    fn open(self) -> Option<(Stdio, Option<PipeReader>)> {
        if matches!(self, BrokenLog::FullDisk) {
            let full = OpenOptions::new().write(true).open("/dev/full").ok()?;
            return Some((full.into(), None));
        }
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let kept = matches!(self, BrokenLog::UnreadPipe).then_some(reader);
        Some((writer.into(), kept))
    }
}

/// Runs the bots with such logs. Returns what is wrong.
pub(crate) fn run(plan: Plan) -> Vec<String> {
    if plan.logs == 0 {
        return Vec::new();
    }
    let (mut wrong, mut processes_run) = (Vec::new(), 0);
    let found = under_load(Variant::CommandLine, plan.seed, async |processes, stage| {
        for _ in 0..plan.logs {
            use BrokenLog::{ClosedPipe, FullDisk, UnreadPipe};
            for log in [FullDisk, ClosedPipe, UnreadPipe] {
                let Some((stderr, _kept)) = log.open() else {
                    continue;
                };
                let fault = run_with(processes, stage, stderr).await;
                wrong.extend(fault.map(|fault| format!("logs: {log:?}: {fault}")));
                processes_run += 1;
            }
        }
        ControlFlow::Continue(())
    });
    println!("crash, logs: {processes_run} that could not be written; {found}");
    if found.is_wrong() {
        wrong.push("logs: a message is lost, doubled or out of order".to_owned());
    }
    wrong
}

/// Runs a process with this log until people have seen its replies, and kills it. Returns what is
/// wrong.
async fn run_with(processes: &Processes, stage: &Stage, stderr: Stdio) -> Option<String> {
    let mut start = Start::with_log(stderr);
    start.set("RUST_LOG", "trace");
    let mut process = processes.start(start).await;
    let fault = until_it_has_answered(&mut process, stage).await;
    process.kill();
    fault
}

async fn until_it_has_answered(process: &mut Process, stage: &Stage) -> Option<String> {
    let (before, end) = (stage.replies(), Instant::now() + REPLIES_LIMIT);
    while stage.replies() < before + REPLIES {
        if let Some(status) = process.ended_within(POLL_INTERVAL).await {
            return Some(format!("the process ended with {status}"));
        }
        if Instant::now() > end {
            return Some("the process does not answer".to_owned());
        }
    }
    None
}
