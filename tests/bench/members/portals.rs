//! CPU per event with ten thousand portals and a million conversations, next to ten portals.

use super::postgres::Cluster;
use super::stage::{Load, Shape, Stage};
use super::turns::LOAD;
use super::{median, row};

const ROUNDS: usize = 3;
const FEW: Shape = Shape {
    portals: 10,
    chats: 1_000,
};
const MANY: Shape = Shape {
    portals: 10_000,
    chats: 1_000_000,
};

pub(crate) async fn run(cluster: &Cluster) {
    let few = stage(cluster, FEW).await;
    let many = stage(cluster, MANY).await;
    let mut rounds = Vec::new();
    round(&few).await;
    round(&many).await;
    for _ in 0..ROUNDS {
        rounds.push((round(&many).await, round(&few).await));
    }
    type Both = (Cost, Cost);
    let one = |pick: fn(&Both) -> f64| median(rounds.iter().map(pick).collect());
    let micros = |cost: fn(&Both) -> f64| one(cost) * 1e6;
    row(
        "CPU per event of a process and of PostgreSQL, a million conversations on 10,000 portals to a thousand on ten",
        &format!(
            "{:.0} µs ({:.0} of the process; {:.0} events a second; {:.1} KB of WAL each), {:.0} µs on ten \
             ({:.0}; {:.0}; {:.1} KB)",
            micros(|both| both.0.all()),
            micros(|both| both.0.process),
            one(|both| both.0.rate),
            one(|both| both.0.wal) / 1_024.0,
            micros(|both| both.1.all()),
            micros(|both| both.1.process),
            one(|both| both.1.rate),
            one(|both| both.1.wal) / 1_024.0
        ),
        one(|(many, few)| many.all() / few.all()),
        "at most 1.3",
    );
}

/// The cost of an event, in seconds of CPU.
struct Cost {
    process: f64,
    server: f64,
    /// Events per second.
    rate: f64,
    /// Bytes of the server's log.
    wal: f64,
}

impl Cost {
    fn all(&self) -> f64 {
        self.process + self.server
    }
}

async fn round(stage: &Stage<'_>) -> Cost {
    let written = || {
        let bytes = stage.schema.sql("SELECT pg_current_wal_lsn() - '0/0'");
        bytes.parse::<f64>().unwrap()
    };
    let (before, begin) = (stage.cpu(), written());
    let rate = stage.events_per_second(LOAD).await;
    let after = stage.cpu();
    let [process, server] = [0, 1].map(|index| (after[index] - before[index]) / LOAD.events as f64);
    Cost {
        process,
        server,
        rate,
        wal: (written() - begin) / LOAD.events as f64,
    }
}

/// Starts a process on a store in which every conversation has a state.
async fn stage(cluster: &Cluster, shape: Shape) -> Stage<'_> {
    let stage = Stage::start(cluster, shape, 1).await;
    let first = Load { events: 1, ..LOAD };
    stage.events_per_second(first).await;
    // The state of the first message is that of all conversations.
    let Shape { portals, chats } = shape;
    let chats_max = chats - 1;
    stage.schema.sql(&format!(
        "SET synchronous_commit = off;
         INSERT INTO state (partition, conversation, version, at, data)
         SELECT portal.partition, portal.portal || '/567/chat' || chat, first.version, first.at,
                first.data
         FROM generate_series(0, {chats_max}) AS chat
         JOIN portal ON portal.portal = 'portal' || lpad((chat % {portals})::text, 5, '0'),
         (SELECT * FROM state) AS first
         ON CONFLICT DO NOTHING"
    ));
    cluster.sql(&format!("VACUUM ANALYZE {}.state", stage.schema.name));
    cluster.sql("CHECKPOINT");
    stage
}
