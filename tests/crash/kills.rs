//! Kills: the process is killed (`kill -9`) after a random time, or aborts at a random moment: in a
//! handler, or between the portal's answer and our mark.

use std::ops::ControlFlow;
use std::time::Duration;

use super::Plan;
use super::check::Findings;
use super::process::{Processes, Start};
use super::program::{AFTER_ANSWER, IN_HANDLER, Variant};
use super::random::Random;
use super::scenario::under_load;

/// Runs the kills, and a control that must fail. Returns what is wrong.
pub(crate) fn run(plan: Plan) -> Vec<String> {
    if plan.kills == 0 {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    let found = kill_processes(plan, Variant::Plain);
    if found.is_wrong() {
        wrong.push("kills: a message is lost, doubled or out of order".to_owned());
    }
    // The control: with a separate state this test must find errors.
    let control = kill_processes(plan, Variant::SeparateState);
    if !control.is_wrong() {
        wrong.push("kills: the control with a separate state shows no error".to_owned());
    }
    wrong
}

fn kill_processes(plan: Plan, variant: Variant) -> Findings {
    let mut random = Random::new(plan.seed);
    let (mut kills, mut aborts) = (0, 0);
    let found = under_load(variant, plan.seed, async |processes, stage| {
        while kills < plan.kills {
            aborts += u64::from(runs_until_abort(processes, &mut random).await);
            kills += 1;
            if kills % 100 == 0 {
                println!("crash, kills: {kills} of {}", plan.kills);
            }
            let found = stage.check();
            if variant == Variant::SeparateState && found.is_wrong() {
                return ControlFlow::Break(found);
            }
        }
        ControlFlow::Continue(())
    });
    let control = match variant {
        Variant::SeparateState => " with a separate state",
        _ => "",
    };
    println!("crash, kills{control}: {kills}, {aborts} of them aborts; {found}");
    found
}

/// Runs a process until its death. Returns true if it aborted itself.
async fn runs_until_abort(processes: &Processes, random: &mut Random) -> bool {
    let mut start = Start::default();
    match random.below(5) {
        0 => start.set(IN_HANDLER, &(1 + random.below(29))),
        1 => start.set(AFTER_ANSWER, &(1 + random.below(29))),
        _ => {}
    }
    let mut process = processes.start(start).await;
    let time = Duration::from_millis(10 + random.below(240));
    let has_ended = process.ended_within(time).await.is_some();
    process.kill();
    has_ended
}
