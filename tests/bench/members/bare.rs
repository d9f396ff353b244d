//! A bare loop that stores the same rows in groups, and does nothing else: the lower bound for the
//! store.
//!
//! Its statements are those of `src/store/postgres`, without choosing, checking and sealing.

use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use super::postgres::Schema;

/// Size of a body without its seal, and of a state, in bytes.
const BODY: usize = 2_094;
const STATE: usize = 200;
const CHATS: u64 = 10_000;
const MEASURED: Duration = Duration::from_secs(5);

/// Number of turns in each of the five stages of a group.
const PART: u64 = 50;

/// A statement with its parameters.
type Step = (Statement, Vec<Box<dyn ToSql + Sync + Send>>);

macro_rules! step {
    ($statement:expr $(, $param:expr)*) => {
        ($statement.clone(), vec![$(Box::new($param) as Box<dyn ToSql + Sync + Send>),*])
    };
}

/// Returns the turns per second of a loop in which a fifth of the turns is in each of the five
/// stages of a turn, and each transaction moves all of them on.
pub(crate) async fn turns_per_second(schema: &Schema<'_>) -> f64 {
    drop(schema.try_open().unwrap()); // makes the tables
    let url = schema.url();
    let (client, connection) = tokio_postgres::connect(url.expose_secret(), NoTls)
        .await
        .unwrap();
    tokio::spawn(async move { connection.await.unwrap() });
    let settings =
        "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";
    client.batch_execute(settings).await.unwrap();
    let statements = Statements::prepare(&client).await;
    let begin = Instant::now();
    let mut groups = 0;
    while begin.elapsed() < MEASURED {
        let mut steps = Vec::new();
        for stage in 0..5 {
            if let Some(group) = u64::checked_sub(groups, stage) {
                let numbers = group * PART..(group + 1) * PART;
                let events: Vec<i64> = numbers
                    .map(|number| i64::try_from(number * 256).unwrap())
                    .collect();
                statements.stage(stage, &events, &mut steps);
            }
        }
        run(&client, steps).await;
        groups += 1;
    }
    ((groups - 4) * PART) as f64 / begin.elapsed().as_secs_f64()
}

struct Statements(Vec<Statement>);

impl Statements {
    async fn prepare(client: &Client) -> Self {
        let mut prepared = Vec::new();
        for sql in [
            "INSERT INTO seen (slot, occurrence, bucket)
             SELECT 0, occurrence, 0 FROM unnest($1::uuid[]) AS own (occurrence)",
            "INSERT INTO event (partition, id, ordering_key, at, body, part)
             SELECT 0, id, key, 1795000000000, body, 0
             FROM unnest($1::bigint[], $2::text[], $3::uuid[]) AS own (id, key, body)",
            "INSERT INTO body (partition, id, uses, sealed)
             SELECT 0, id, 1, sealed FROM unnest($1::uuid[], $2::bytea[]) AS own (id, sealed)",
            "UPDATE event SET attempts = attempts + 1 FROM unnest($1::bigint[]) AS own (id)
             WHERE event.partition = 0 AND event.id = own.id RETURNING event.id, event.attempts",
            "SELECT conversation, version, data FROM unnest($1::text[]) AS own (conversation)
             JOIN state USING (conversation) WHERE partition = 0",
            "DELETE FROM event USING unnest($1::bigint[]) AS own (id)
             WHERE event.partition = 0 AND event.id = own.id",
            "DELETE FROM body USING unnest($1::uuid[]) AS own (id)
             WHERE body.partition = 0 AND body.id = own.id",
            "INSERT INTO state (partition, conversation, version, at, data)
             SELECT 0, conversation, 1, 1795000000000, data
             FROM unnest($1::text[], $2::bytea[]) AS own (conversation, data)
             ON CONFLICT (partition, conversation) DO UPDATE
             SET version = excluded.version, at = excluded.at, data = excluded.data",
            "INSERT INTO call (partition, event, place, conversation, at, api, redelivery, remember,
                               call)
             SELECT 0, event, 0, conversation, 1795000000000, 'V2', 'skip', true, call
             FROM unnest($1::bigint[], $2::text[], $3::text[]) AS own (event, conversation, call)",
            "INSERT INTO taken (partition, event, place, attempt, in_doubt)
             SELECT 0, event, 0, attempt, false
             FROM unnest($1::bigint[], $2::uuid[]) AS own (event, attempt)",
            "SELECT call.* FROM unnest($1::bigint[]) AS own (event)
             JOIN call USING (event) WHERE partition = 0 AND place = 0",
            "DELETE FROM call USING unnest($1::bigint[]) AS own (event)
             WHERE call.partition = 0 AND call.event = own.event AND call.place = 0",
            "DELETE FROM taken USING unnest($1::bigint[]) AS own (event)
             WHERE taken.partition = 0 AND taken.event = own.event AND taken.place = 0",
        ] {
            prepared.push(client.prepare(sql).await.unwrap());
        }
        Self(prepared)
    }

    fn stage(&self, stage: u64, events: &[i64], steps: &mut Vec<Step>) {
        const CALL: &str = r#"{"Say":{"params":{"MESSAGE":"Hello there, how to set up the menu?"},"answers":null,"remember":true}}"#;
        let Self(all) = self;
        let ids = || events.to_vec();
        let uuids = |salt: u64| -> Vec<Uuid> {
            let of = |id: &i64| Uuid::from_u64_pair(id.unsigned_abs().wrapping_mul(salt), 1);
            events.iter().map(of).collect()
        };
        let chats = || -> Vec<String> {
            let of = |id: &i64| format!("portal/7/chat{}", id.unsigned_abs() / 256 % CHATS);
            events.iter().map(of).collect()
        };
        let same = |bytes: usize| vec![vec![7_u8; bytes]; events.len()];
        const SALT: u64 = 0x9e37_79b9_7f4a_7c15;
        match stage {
            0 => {
                steps.push(step!(all[0], uuids(SALT)));
                steps.push(step!(all[1], ids(), chats(), uuids(1)));
                steps.push(step!(all[2], uuids(1), same(BODY + 41)));
            }
            1 => {
                steps.push(step!(all[3], ids()));
                steps.push(step!(all[4], chats()));
            }
            2 => {
                steps.push(step!(all[5], ids()));
                steps.push(step!(all[6], uuids(1)));
                steps.push(step!(all[7], chats(), same(STATE)));
                steps.push(step!(all[8], ids(), chats(), vec![CALL; events.len()]));
            }
            3 => {
                steps.push(step!(all[9], ids(), uuids(SALT)));
                steps.push(step!(all[10], ids()));
            }
            _ => {
                steps.push(step!(all[11], ids()));
                steps.push(step!(all[12], ids()));
            }
        }
    }
}

/// Runs a transaction, sent in one go.
async fn run(client: &Client, steps: Vec<Step>) {
    let params: Vec<Vec<&(dyn ToSql + Sync)>> = steps
        .iter()
        .map(|(_, params)| params.iter().map(|param| &**param as _).collect())
        .collect();
    let mut begin = Box::pin(client.batch_execute("BEGIN"));
    let begun = poll!(&mut begin); // the first poll sends it
    let mut running = Vec::new();
    for ((statement, _), params) in steps.iter().zip(&params) {
        let mut query = Box::pin(client.query(statement, params));
        let polled = poll!(&mut query);
        running.push((query, polled));
    }
    let mut commit = Box::pin(client.batch_execute("COMMIT"));
    let committed = poll!(&mut commit);
    if begun.is_pending() {
        begin.await.unwrap();
    }
    for (query, polled) in running {
        match polled {
            Poll::Ready(rows) => rows.unwrap(),
            Poll::Pending => query.await.unwrap(),
        };
    }
    if committed.is_pending() {
        commit.await.unwrap();
    }
}
