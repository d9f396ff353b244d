//! Three processes on one PostgreSQL store, and portals with people: processes are killed, stopped,
//! paused for longer than they may trust their ownership, cut off from the server in either
//! direction; the server is killed. At the end nothing may be lost, applied twice or out of order.
//!
//! In the controls each process takes all partitions for itself, without a lease. As long as the
//! server checks who owns them, no turn is applied twice and none out of order; without that check,
//! the test must find errors.

use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

use super::Plan;
use super::check::Findings;
use super::people::{Stage, free_address, start_portal};
use super::postgres::{self, Cluster, Schema};
use super::process::{POLL_INTERVAL, Process, Processes, Start};
use super::program::{AFTER_ANSWER, IN_HANDLER, Settings, Shared, Variant};
use super::proxy::Proxy;
use super::random::Random;
use super::relay::{self, Results};

/// Number of processes.
const MEMBERS: usize = 3;

/// Number of portals. Each belongs to one partition, and so to one process at a time.
const PORTALS: usize = 6;

/// Time for which a process is paused or cut off: longer than it may trust its ownership.
const TOO_LONG: Duration = Duration::from_secs(6);

/// Maximum time until a process aborts itself. It may own nothing, and so never reach the step.
const ABORT_LIMIT: Duration = Duration::from_secs(3);

/// Maximum time in which the processes answer what is left at the end.
const END_LIMIT: Duration = Duration::from_secs(300);

/// Time for which the control runs in which the server checks who owns a partition.
const CHECKED_TIME: Duration = Duration::from_secs(10);

/// Maximum time for which the control runs in which it does not.
const UNCHECKED_LIMIT: Duration = Duration::from_secs(120);

/// Runs the failures and the controls. Returns what is wrong.
pub(crate) fn run(plan: Plan) -> Vec<String> {
    if plan.members == 0 || cfg!(not(unix)) || !postgres::is_wanted() {
        return Vec::new();
    }
    let cluster: &Cluster = postgres::shared().expect("wanted");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let mut wrong = Vec::new();
    let found = runtime.block_on(fail_in_all_ways(cluster, plan));
    if found.iter().any(Findings::is_wrong) {
        wrong.push("members: a message is lost, doubled or out of order".to_owned());
    }
    let checked = runtime.block_on(without_lease(cluster, plan, true));
    if checked {
        wrong.push("members: without leases, the checks of the server do not suffice".to_owned());
    }
    let unchecked = runtime.block_on(without_lease(cluster, plan, false));
    if !unchecked {
        wrong.push("members: without the checks of the server, the control shows no error".into());
    }
    wrong
}

/// The processes, their portals and the server.
struct Members {
    stages: Vec<Stage>,
    members: Vec<Member>,
}

/// A process and its connection to the server.
struct Member {
    processes: Processes,
    proxy: Proxy,
    process: Option<Process>,
}

impl Member {
    async fn start(&mut self, start: Start) {
        self.process = Some(self.processes.start(start).await);
    }

    fn kill(&mut self) {
        self.process = None; // which kills it
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it runs")
    }
}

impl Members {
    /// Starts portals, installs the bots on them, and leaves all processes running.
    async fn set_up(schema: &Schema<'_>, variant: Variant) -> Self {
        let mut portals = Vec::new();
        for _ in 0..PORTALS {
            portals.push(start_portal().await);
        }
        let mut addresses = Vec::new();
        for _ in 0..MEMBERS {
            addresses.push(free_address().await);
        }
        let results = Results::default();
        let relay = relay::start(&addresses, &results).await;
        let mut settings = Vec::new();
        for address in addresses {
            let proxy = Proxy::start(schema.cluster.port()).await;
            let through_proxy = |url: &str| {
                let server = format!(":{}/", schema.cluster.port());
                url.replace(&server, &format!(":{}/", proxy.port()))
            };
            let shared = Shared {
                database: through_proxy(schema.url().expose_secret()),
                key: schema.key.to_base64().expose_secret().to_owned(),
                webhooks: portals.iter().map(|portal| portal.webhook_url()).collect(),
                hosts: portals
                    .iter()
                    .map(|portal| portal.address().to_string())
                    .collect(),
            };
            let own = Settings {
                address,
                relay: relay.clone(),
                portal: String::new(),
                id: String::new(),
                secret: String::new(),
                store: "none".into(),
                shared: Some(shared),
                variant,
            };
            settings.push((own, proxy));
        }
        let first = settings[0].0.clone();
        let stages = portals
            .into_iter()
            .map(|portal| Stage::new(portal, first.clone(), results.clone()))
            .collect();
        let members = settings.into_iter().map(|(settings, proxy)| Member {
            processes: Processes::new(settings),
            proxy,
            process: None,
        });
        let mut all = Self {
            stages,
            members: members.collect(),
        };
        all.members[0].start(quiet()).await;
        for stage in &all.stages {
            stage.until_registered().await;
            stage.create_groups();
        }
        for member in &mut all.members[1..] {
            member.start(quiet()).await;
        }
        all
    }

    fn replies(&self) -> usize {
        self.stages.iter().map(Stage::replies).sum()
    }

    /// Returns the findings of all portals.
    fn check(&self) -> Vec<Findings> {
        self.stages.iter().map(Stage::check).collect()
    }

    /// Waits until all acknowledged messages are answered. Returns the findings.
    async fn finish(&mut self) -> Vec<Findings> {
        let end = Instant::now() + END_LIMIT;
        while self.stages.iter().any(|stage| stage.unanswered() > 0) && Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_millis(500)).await; // for replies that should not come
        self.members.iter_mut().for_each(Member::kill);
        let found = self.check().into_iter();
        found.map(Findings::at_the_end).collect()
    }

    /// Writes messages on all portals while `run` runs.
    async fn under_load<T>(&mut self, seed: u64, run: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let load: Vec<_> = (1..)
            .zip(&self.stages)
            .map(|(number, stage)| stage.send_messages(seed.wrapping_add(number)))
            .collect();
        let result = run(self).await;
        for load in load {
            load.abort();
            let _ = load.await;
        }
        result
    }
}

/// Lets processes, server and connections fail under load. Returns the findings of each portal.
async fn fail_in_all_ways(cluster: &'static Cluster, plan: Plan) -> Vec<Findings> {
    let schema = cluster.schema();
    let mut members = Members::set_up(&schema, Variant::Shared).await;
    let mut random = Random::new(plan.seed);
    let mut counts = [0_u64; 6];
    members
        .under_load(plan.seed, async |members| {
            for number in 1..=plan.members {
                sleep(Duration::from_millis(50 + random.below(700))).await;
                let which = random.below(MEMBERS as u64) as usize;
                let member = &mut members.members[which];
                let kind = match random.below(20) {
                    0..=8 => 0,
                    9..=12 => 1,
                    13..=16 => 2,
                    17 => 3,
                    18 => 4,
                    _ => 5,
                };
                counts[kind] += 1;
                match kind {
                    0 => {
                        member.kill();
                        member.start(quiet()).await;
                    }
                    1 => {
                        member.process().signal("TERM");
                        let ended = member.process().ended_within(END_LIMIT).await;
                        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
                        member.start(quiet()).await;
                    }
                    2 => abort(member, &mut random).await,
                    3 => {
                        let stopped = tokio::task::spawn_blocking(|| cluster.crash());
                        stopped.await.expect("restarted");
                    }
                    4 => {
                        member.process().signal("STOP");
                        sleep(TOO_LONG).await;
                        member.process().signal("CONT");
                    }
                    _ => {
                        let direction = random.below(3);
                        member.proxy.swallow(direction != 1, direction != 0);
                        sleep(TOO_LONG).await;
                        member.proxy.swallow(false, false);
                    }
                }
                if number % 100 == 0 {
                    println!("crash, members: {number} of {}", plan.members);
                }
            }
        })
        .await;
    let [kills, stops, aborts, crashes, pauses, cuts] = counts;
    let found = members.finish().await;
    println!(
        "crash, members: {kills} kills, {stops} stops, {aborts} aborts, {crashes} crashes of the server, \
         {pauses} pauses, {cuts} cuts"
    );
    found.iter().for_each(|found| println!("    {found}"));
    found
}

/// Returns the start of a process without a log: it would be full of the failures of the server.
fn quiet() -> Start {
    Start::with_log(Stdio::null())
}

/// Restarts a process so that it aborts at a random step, waits for that, and starts it again.
async fn abort(member: &mut Member, random: &mut Random) {
    let mut start = quiet();
    let step = if random.chance(50) {
        IN_HANDLER
    } else {
        AFTER_ANSWER
    };
    start.set(step, &(1 + random.below(29)));
    member.kill();
    member.start(start).await;
    member.process().ended_within(ABORT_LIMIT).await;
    member.kill();
    member.start(quiet()).await;
}

/// Runs processes that each take all partitions for themselves, with or without the checks of the
/// server. Returns true if a turn was applied twice or out of order.
async fn without_lease(cluster: &'static Cluster, plan: Plan, is_checked: bool) -> bool {
    let schema = cluster.schema();
    let mut members = Members::set_up(&schema, Variant::Greedy).await;
    if !is_checked {
        schema.sql(
            "CREATE OR REPLACE FUNCTION fence(holder uuid, partitions smallint[], epochs bigint[]) RETURNS void
             LANGUAGE plpgsql AS $$ BEGIN
                 PERFORM pg_current_xact_id();
                 PERFORM set_config('imbot.fenced', 'on', true);
             END $$",
        );
    }
    let is_wrong = members
        .under_load(plan.seed, async |members| {
            let time = if is_checked {
                CHECKED_TIME
            } else {
                UNCHECKED_LIMIT
            };
            let end = Instant::now() + time;
            loop {
                sleep(POLL_INTERVAL * 50).await;
                let is_wrong = members.check().iter().any(Findings::is_wrong);
                if is_wrong || Instant::now() >= end {
                    return is_wrong;
                }
            }
        })
        .await;
    println!(
        "crash, members without leases: {} replies, {} by the server, {}",
        members.replies(),
        if is_checked { "checked" } else { "not checked" },
        if is_wrong { "wrong" } else { "right" }
    );
    is_wrong
}
