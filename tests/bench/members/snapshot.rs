//! A snapshot that is held open: rows that are dead cannot be removed, and the backlog must not
//! grow.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};
use tokio_postgres::NoTls;

use super::postgres::Cluster;
use super::row;
use super::stage::{Accepted, Load, Stage};
use super::turns::{LOAD, SHAPE};
use super::waits::Waits;

const RATE: f64 = 500.0;
const GLANCE: Duration = Duration::from_millis(100);

/// Holds a snapshot open for this time under load.
pub(crate) async fn run(cluster: &Cluster, time: Duration) {
    let stage = Stage::start(cluster, SHAPE, 2).await;
    let load = |time: Duration| Load {
        events: (RATE * time.as_secs_f64()) as u64,
        rate: Some(RATE),
        ..LOAD
    };
    stage.events_per_second(load(Duration::from_secs(5))).await;
    let cpu_of = async |load: Load| {
        let before = stage.cpu();
        let accepted = stage.load(load).await;
        let after = stage.cpu();
        let cpu = (after[0] + after[1] - before[0] - before[1]) / load.events as f64;
        (accepted, cpu * 1e6)
    };
    let tenth = load(time / 10);
    let (_, usual) = cpu_of(tenth).await;

    let url = stage.schema.url();
    let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls)
        .await
        .unwrap();
    tokio::spawn(async move { connection.await.unwrap() });
    let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM event";
    client.batch_execute(hold).await.unwrap();
    let end = Instant::now() + time;
    let watching = async {
        let mut longest = 0;
        while Instant::now() < end {
            longest = longest.max(stage.figures().await.waiting);
            sleep(GLANCE).await;
        }
        longest
    };
    let loading = async {
        let first = load(time - time / 10);
        stage.load(first).await;
        cpu_of(tenth).await
    };
    let (waiting, (last, at_the_end)) = tokio::join!(watching, loading);
    let dead = stage
        .schema
        .sql("SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE schemaname = current_schema()");
    drop(client);
    let waits = Waits::of(last.iter().map(Accepted::wait).collect());
    row(
        &format!(
            "largest backlog with a snapshot held for {} s at {RATE} events a second, to one second of events",
            time.as_secs()
        ),
        &format!(
            "{waiting} events and calls; {dead} rows are dead at the end; then {at_the_end:.0} µs of CPU per event, \
             before it {usual:.0} µs; acknowledgement p99 {waits}"
        ),
        waiting as f64 / RATE,
        "at most 1",
    );
}
