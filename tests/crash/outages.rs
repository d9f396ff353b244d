//! Outages: the portal answers every call with a redirect to a maintenance page while its chats
//! wait. In every second outage the process is killed as well. It prints how long the chats wait
//! after the portal is back.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Plan;
use super::people::{GROUPS, Stage};
use super::process::{POLL_INTERVAL, Process, Processes, Start};
use super::program::Variant;
use super::random::Random;
use super::scenario::under_load;

/// Number of chats.
const CHATS: usize = 2 * GROUPS;

/// Maximum number of calls of a process in an outage, without one for each second that it lasts:
/// one or two for each chat until the portal counts as away, and those of the set-up.
const CALLS_MAX: usize = 2 * CHATS + 10;

/// Number of planned redirects, which an outage does not use up.
const REDIRECTS: usize = 1_000_000;

/// Maximum time until all chats wait, and until all are answered.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs the outages. Returns what is wrong.
pub(crate) fn run(plan: Plan) -> Vec<String> {
    if plan.outages == 0 {
        return Vec::new();
    }
    let mut random = Random::new(plan.seed);
    let (mut wrong, mut waits) = (Vec::new(), Vec::new());
    let found = under_load(Variant::Plain, plan.seed, async |processes, stage| {
        let mut process = processes.start(Start::default()).await;
        for number in 1..=plan.outages {
            let answered = stage.replies();
            until(|| stage.replies() > answered + CHATS).await;
            let outage = Outage {
                time: Duration::from_millis(1_000 + random.below(2_000)),
                has_kill: number % 2 == 0,
            };
            match outage.pass(&mut process, processes, stage).await {
                Ok(more) => waits.extend(more),
                Err(fault) => wrong.push(format!("outages: {fault}")),
            }
        }
        process.kill();
        ControlFlow::Continue(())
    });
    waits.sort();
    let median = waits.get(waits.len() / 2).copied().unwrap_or_default();
    let longest = waits.last().copied().unwrap_or_default();
    println!(
        "crash, outages: {}, {} chats waited, after the portal was back {median:.1?} (median) and \
         {longest:.1?} (maximum); {found}",
        plan.outages,
        waits.len(),
    );
    if found.is_wrong() {
        wrong.push("outages: a message is lost, doubled or out of order".to_owned());
    }
    wrong
}

struct Outage {
    time: Duration,
    /// Whether the process is killed in the middle of it, and started again.
    has_kill: bool,
}

impl Outage {
    /// Makes the portal be away until all chats wait and the time has passed. Returns how long each
    /// waited after the portal was back.
    async fn pass(
        &self,
        process: &mut Process,
        processes: &Processes,
        stage: &Stage,
    ) -> Result<Vec<Duration>, String> {
        let last_entry = stage.last_entry();
        stage.portal.redirect(REDIRECTS, "/maintenance");
        let began = Instant::now();
        let do_all_wait = until(|| stage.waiting() == CHATS).await;
        sleep(self.time / 2).await;
        if self.has_kill {
            process.kill();
            *process = processes.start(Start::default()).await;
        }
        sleep(self.time / 2).await;
        let (calls, lasted) = (stage.redirects_after(last_entry), began.elapsed());
        stage.portal.calm();
        if !do_all_wait {
            return Err("not all chats wait".to_owned());
        }
        let processes_run = 1 + usize::from(self.has_kill);
        let most = processes_run * CALLS_MAX + lasted.as_secs() as usize;
        if calls > most {
            return Err(format!("{calls} calls in {lasted:.1?}, not {most} at most"));
        }
        println!("crash, outages: {calls} calls in an outage of {lasted:.1?}");
        waits_after_an_outage(stage).await
    }
}

/// Returns how long each chat waits for its next reply.
async fn waits_after_an_outage(stage: &Stage) -> Result<Vec<Duration>, String> {
    let (began, before) = (Instant::now(), stage.replies_of_chats());
    let mut waits: HashMap<String, Duration> = HashMap::new();
    until(|| {
        for (chat, replies) in stage.replies_of_chats() {
            if replies > before.get(&chat).copied().unwrap_or_default() {
                waits.entry(chat).or_insert_with(|| began.elapsed());
            }
        }
        waits.len() == CHATS
    })
    .await;
    if waits.len() < CHATS {
        return Err(format!("{} chats are not answered", CHATS - waits.len()));
    }
    Ok(waits.into_values().collect())
}

/// Waits until a condition is true. Returns false if that takes too long.
async fn until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + LIMIT;
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        sleep(5 * POLL_INTERVAL).await;
    }
    true
}
