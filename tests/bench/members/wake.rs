//! The time until a process handles an event that another one has accepted.

use std::time::Duration;

use tokio::time::sleep;

use super::postgres::Cluster;
use super::row;
use super::stage::{Load, Shape, Stage};
use super::turns::LOAD;
use super::waits::Waits;

const SHAPE: Shape = Shape {
    portals: 60,
    chats: 10_000,
};
const EVENTS: u64 = 400;
/// Pause before each event, in which the process that is woken rests. The pauses differ, so that
/// they have no common rhythm with the processes.
const PAUSE: Duration = Duration::from_micros(17_300);
/// Events a second, for the row with other load.
const RATE: f64 = 500.0;
/// Seconds that the other load may take at most.
const LOAD_SECONDS: u64 = 600;
const P50_MAX: f64 = 5e-3;

pub(crate) async fn run(cluster: &Cluster) {
    let stage = Stage::start(cluster, SHAPE, 2).await;
    turns(&stage).await;
    let (others, own) = (turns(&stage).await.0, turns(&stage).await.1);
    row(
        "wake-up of the process that owns the chat: acknowledgement by another one to the begin of the turn, p50 to 5 ms",
        &format!("p99 {others}, of the own process {own}"),
        others.median / P50_MAX,
        "at most 1",
    );
    let load = Load {
        events: RATE as u64 * LOAD_SECONDS,
        rate: Some(RATE),
        ..LOAD
    };
    let (others, own) = tokio::select! {
        waits = turns(&stage) => waits,
        _ = stage.load(load) => unreachable!("the load takes longer"),
    };
    row(
        &format!("the same with {RATE} other events a second"),
        &format!("p99 {others}, of the own process {own}"),
        others.median / P50_MAX,
        "at most 1",
    );
}

/// Returns the times from an acknowledgement to the begin of the turn: of events that another
/// process than the owner has accepted, and of events that the owner has accepted.
async fn turns(stage: &Stage<'_>) -> (Waits, Waits) {
    let mut waits = [Vec::new(), Vec::new()];
    for event in 0..EVENTS {
        sleep(PAUSE + Duration::from_micros(event * 7_919 % 10_000)).await;
        let portal = event % SHAPE.portals;
        let owner = usize::from(stage.owns(1, portal));
        let is_own = event / SHAPE.portals % 2 == 1;
        let first = if is_own { owner } else { 1 - owner };
        let mut client = stage.client(first);
        let dialog = format!("probe{portal}");
        let accepted = stage.post(&mut client, portal, &dialog).await;
        let begun = loop {
            match stage.reports.turn(accepted.number) {
                Some(begun) => break begun,
                None => sleep(Duration::from_millis(1)).await,
            }
        };
        let wait = begun.saturating_duration_since(accepted.accepted);
        waits[usize::from(is_own)].push(wait.as_secs_f64());
    }
    let [others, own] = waits;
    (Waits::of(others), Waits::of(own))
}
