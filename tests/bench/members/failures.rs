//! How long portals are not served when their process is killed, and when it stops.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::postgres::Cluster;
use super::program::STUCK;
use super::row;
use super::stage::{Accepted, Load, Shape, Stage};

const MEMBERS: usize = 3;
const ROUNDS: usize = 3;
/// Each portal has a client of its own.
const SHAPE: Shape = Shape {
    portals: 24,
    chats: 96,
};
const RATE: f64 = 500.0;
/// Time under load before a failure.
const BEFORE: Duration = Duration::from_secs(2);
/// Time under load from a kill on, and from a stop on.
const AFTER_KILL: Duration = Duration::from_secs(25);
const AFTER_STOP: Duration = Duration::from_secs(4);
/// Interval of messages in a chat in which a call is under way.
const AGAIN: Duration = Duration::from_millis(100);
/// Goals, in seconds.
const RESUME_MAX: f64 = 5.0;
const STUCK_MAX: f64 = 15.0;
const PAUSE_MAX: f64 = 0.2;

pub(crate) async fn run(cluster: &Cluster) {
    let mut stage = Stage::start(cluster, SHAPE, MEMBERS).await;
    let (mut resumed, mut unstuck) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        stage.restart(0, true).await;
        let (others, stuck) = kill(&mut stage).await;
        resumed.push(others);
        unstuck.push(stuck);
    }
    longest(
        "service resumes after a `kill -9` of the owner, the slowest portal, to 5 s",
        &resumed,
        RESUME_MAX,
    );
    longest(
        "the same for chats with a call under way, to 15 s",
        &unstuck,
        STUCK_MAX,
    );
    let (mut pauses, mut before) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        stage.restart(0, false).await;
        let (longest, usual) = stop(&mut stage).await;
        pauses.push(longest);
        before.push(usual);
    }
    let (pause, usual) = (max(&pauses), max(&before));
    row(
        "pause at a graceful stop: the slowest answer in its partitions, to 200 ms",
        &format!(
            "{:.0} ms in the worst of {ROUNDS} rounds; {:.0} ms in the 2 s before",
            pause * 1e3,
            usual * 1e3
        ),
        pause / PAUSE_MAX,
        "at most 1",
    );
}

fn longest(what: &str, seconds: &[f64], wanted: f64) {
    let longest = max(seconds);
    let measured = format!("{longest:.1} s in the worst of {ROUNDS} rounds");
    row(what, &measured, longest / wanted, "at most 1");
}

fn max(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(0.0, f64::max)
}

fn load(time: Duration) -> Load {
    Load {
        events: (RATE * time.as_secs_f64()) as u64,
        clients: SHAPE.portals,
        rate: Some(RATE),
        prefix: "probe",
    }
}

/// Kills the first process under load. Returns the seconds until all of its portals are served
/// again, and until all its chats are in which a call was under way.
async fn kill(stage: &mut Stage<'_>) -> (f64, f64) {
    let portals: Vec<u64> = (0..SHAPE.portals)
        .filter(|portal| stage.owns(0, *portal))
        .collect();
    let mut client = stage.client(1);
    let stuck = async |stage: &Stage<'_>, client: &mut _| {
        let mut all = Vec::new();
        for portal in &portals {
            let dialog = format!("{STUCK}{portal}");
            all.push(stage.post(client, *portal, &dialog).await);
        }
        all
    };
    let mut killed = Instant::now();
    let before = stage.load(load(BEFORE)).await;
    drop(before);
    for accepted in stuck(stage, &mut client).await {
        while stage.reports.answer(accepted.number).is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    }
    killed = killed.max(stage.kill(0));
    let end = killed + AFTER_KILL;
    let again = async {
        let mut all = Vec::new();
        while Instant::now() < end {
            all.extend(stuck(stage, &mut client).await);
            sleep(AGAIN).await;
        }
        all
    };
    let (load, stuck) = tokio::join!(stage.load(load(AFTER_KILL)), again);
    let slowest = |accepted: &[Accepted]| {
        let served = portals.iter().map(|portal| {
            let own = accepted.iter().filter(|event| event.portal == *portal);
            let answers = own.filter_map(|event| stage.reports.answer(event.number));
            let first = answers.min().expect("the portal is served again");
            (first - killed).as_secs_f64()
        });
        served.fold(0.0, f64::max)
    };
    (slowest(&load), slowest(&stuck))
}

/// Stops the first process under load. Returns the seconds of the slowest answer in its partitions
/// then, and before.
async fn stop(stage: &mut Stage<'_>) -> (f64, f64) {
    let before = stage.load(load(BEFORE)).await;
    let stopping = async {
        sleep(Duration::from_millis(500)).await;
        stage.stop(0)
    };
    let (after, _) = tokio::join!(stage.load(load(AFTER_STOP)), stopping);
    stage.until_ended(0).await;
    sleep(Duration::from_secs(1)).await; // the last answers
    let slowest = |accepted: &[Accepted]| {
        let own = accepted.iter().filter(|event| stage.owns(0, event.portal));
        let times = own.map(|event| {
            let answer = stage.reports.answer(event.number);
            let answer = answer.expect("an acknowledged message is answered");
            answer.saturating_duration_since(event.posted).as_secs_f64()
        });
        times.fold(0.0, f64::max)
    };
    (slowest(&after), slowest(&before))
}
