//! Stops: the process is stopped (SIGSTOP) under load and continued later, as by a debugger, a
//! suspended machine or a frozen container.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::sleep;

use super::Plan;
use super::process::Start;
use super::program::Variant;
use super::scenario::under_load;

/// Time for which the process runs before and after it is stopped.
const RUN_TIME: Duration = Duration::from_millis(500);

/// Runs the stops. Returns what is wrong.
pub(crate) fn run(plan: Plan) -> Vec<String> {
    if plan.stops == 0 || cfg!(not(unix)) {
        return Vec::new();
    }
    let time = Duration::from_secs(plan.stop_seconds);
    let mut wrong = Vec::new();
    let found = under_load(Variant::Plain, plan.seed, async |processes, _| {
        let mut process = processes.start(Start::default()).await;
        for _ in 0..plan.stops {
            sleep(RUN_TIME).await;
            process.signal("STOP");
            sleep(time).await;
            process.signal("CONT");
            sleep(RUN_TIME).await;
            if let Some(status) = process.ended_within(Duration::ZERO).await {
                wrong.push(format!("stops: the process ended with {status}"));
                break;
            }
        }
        process.kill();
        ControlFlow::Continue(())
    });
    println!("crash, stops: {} for {time:?}; {found}", plan.stops);
    if found.is_wrong() {
        wrong.push("stops: a message is lost, doubled or out of order".to_owned());
    }
    wrong
}
