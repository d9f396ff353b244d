//! Durable turns per second with one, two and three processes, next to a bare loop that stores the
//! same rows; and the time of an acknowledgement.

use std::time::Duration;

use super::postgres::Cluster;
use super::stage::{Accepted, Load, Shape, Stage};
use super::waits::{Waits, flushes};
use super::{bare, median, row};

const ROUNDS: usize = 3;
pub(crate) const SHAPE: Shape = Shape {
    portals: 60,
    chats: 10_000,
};
pub(crate) const LOAD: Load = Load {
    events: 20_000,
    clients: 256,
    rate: None,
    prefix: "chat",
};
/// Number of events before what is measured: connections and plans are made.
const WARM: u64 = 2_000;
/// Length of a round of acknowledgements, in seconds.
const ACKNOWLEDGED: f64 = 5.0;
/// Number of flushes in a round, and the pause between two.
const FLUSHES: usize = 400;
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn run(cluster: &Cluster) {
    for members in 1..=3 {
        let rate = throughput(cluster, members).await;
        if members == 2 {
            acknowledgement(cluster, rate / 2.0).await;
        }
    }
}

/// Measures turns per second, accepted over HTTP, handled and answered, alternately with the bare
/// loop. Returns the first.
async fn throughput(cluster: &Cluster, members: usize) -> f64 {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let bare = bare::turns_per_second(&cluster.schema()).await;
        let stage = Stage::start(cluster, SHAPE, members).await;
        let warm = Load {
            events: WARM,
            ..LOAD
        };
        stage.events_per_second(warm).await;
        rounds.push((stage.events_per_second(LOAD).await, bare));
    }
    let one = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
    let (own, bare) = (one(|round| round.0), one(|round| round.1));
    let processes = if members == 1 { "process" } else { "processes" };
    row(
        &format!(
            "durable turns over HTTP, {members} {processes} on PostgreSQL, to a bare loop that commits the same rows"
        ),
        &format!("{own:.0} turns a second, bare loop {bare:.0}"),
        one(|(own, bare)| own / bare),
        "at least 0.6",
    );
    own
}

/// Compares the time of an acknowledgement at this many events a second with the time of one flush
/// of another file under the same load, both at the 99th percentile.
async fn acknowledgement(cluster: &Cluster, rate: f64) {
    let stage = Stage::start(cluster, SHAPE, 2).await;
    let load = Load {
        events: (rate * ACKNOWLEDGED) as u64,
        rate: Some(rate),
        ..LOAD
    };
    stage.events_per_second(load).await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let flushing = tokio::task::spawn_blocking(move || flushes(folder.path(), FLUSHES, PAUSE));
        let accepted = stage.load(load).await;
        let waits = Waits::of(accepted.iter().map(Accepted::wait).collect());
        rounds.push((waits, Waits::of(flushing.await.unwrap())));
    }
    rounds.sort_by(|(waits, flush), (others, other)| {
        f64::total_cmp(&(waits.p99 / flush.p99), &(others.p99 / other.p99))
    });
    let (waits, flush) = &rounds[ROUNDS / 2];
    row(
        "p99 of an acknowledgement under half load, 2 processes on PostgreSQL, to p99 of one flush under the same load",
        &format!("{waits} at {rate:.0} events a second, one flush under this load {flush}"),
        waits.p99 / flush.p99,
        "at most 3",
    );
}
