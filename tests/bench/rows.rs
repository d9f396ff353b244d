//! A bare loop that commits the same rows as a durable event, in groups, and does nothing else: the
//! lower bound for the store.
//!
//! Its statements are those of `src/store/sqlite`, without choosing, checking and sealing.

use std::path::Path;

use rusqlite::{Connection, ToSql, params};
use tokio::time::Instant;

/// Number of events in each stage of a group.
const PART: u64 = 50;
const BODY_BYTES: usize = 2_094 + 28;
const STATE_BYTES: usize = 200;
const CHATS: u64 = 10_000;
const AT: u64 = 1_795_000_000_000;
const CALL: &str = r#"{"Say":{"params":{"MESSAGE":"Hello there, how to set up the left menu?"},"answers":null,"remember":false}}"#;

/// Returns the events per second of a bare loop on the existing, empty store in this file.
pub(crate) fn events_per_second(store: &Path, events: u64) -> f64 {
    let rows = Rows::open(store);
    let begin = Instant::now();
    // Each group holds operations of all kinds, of different events, as in a real run.
    for first in (1..=events).step_by(PART as usize) {
        rows.group(first);
    }
    events as f64 / begin.elapsed().as_secs_f64()
}

struct Rows {
    connection: Connection,
    body: Vec<u8>,
    state: String,
}

impl Rows {
    fn open(store: &Path) -> Rows {
        let connection = Connection::open(store).unwrap();
        connection.set_prepared_statement_cache_capacity(128);
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000;
                 PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
            )
            .unwrap();
        Rows {
            connection,
            body: vec![7; BODY_BYTES],
            state: "x".repeat(STATE_BYTES),
        }
    }

    fn run(&self, sql: &str, params: &[&dyn ToSql]) {
        self.connection
            .prepare_cached(sql)
            .unwrap()
            .execute(params)
            .unwrap();
    }

    fn look(&self, sql: &str, param: impl ToSql) {
        let mut statement = self.connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query([param]).unwrap();
        if let Some(row) = rows.next().unwrap() {
            std::hint::black_box(row.get_ref(0).unwrap());
        }
    }

    /// One transaction: events appended, those before them begun, those before them committed, and
    /// so on.
    fn group(&self, first: u64) {
        let stage = |back: u64| {
            let first = first.saturating_sub(back * PART);
            (first.max(1)..first + PART).filter(move |_| first > 0)
        };
        self.run("BEGIN IMMEDIATE", &[]);
        for id in stage(0) {
            self.append(id);
        }
        for id in stage(1) {
            self.run(
                "INSERT INTO attempt (event, count) VALUES (?1, 1)",
                params![id],
            );
            self.look(
                "SELECT data FROM state WHERE conversation = ?1",
                conversation(id),
            );
        }
        for id in stage(2) {
            self.commit(id);
        }
        for id in stage(3) {
            self.look("SELECT call FROM call WHERE id = ?1", id << 16);
            self.run("INSERT INTO taken (call) VALUES (?1)", params![id << 16]);
        }
        for id in stage(4) {
            self.run("DELETE FROM call WHERE id = ?1", params![id << 16]);
            self.run("DELETE FROM taken WHERE call = ?1", params![id << 16]);
        }
        self.run("COMMIT", &[]);
    }

    fn append(&self, id: u64) {
        let occurrence = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let occurrence = [occurrence.to_be_bytes(), occurrence.to_le_bytes()].concat();
        self.run(
            "INSERT INTO seen (bucket, occurrence) VALUES (41550, ?1)",
            params![occurrence],
        );
        self.run(
            "INSERT INTO event (id, lane, at, body, part) VALUES (?1, ?2, ?3, ?1, 0)",
            params![id, conversation(id), AT],
        );
        self.run(
            "INSERT INTO body (id, uses, sealed) VALUES (?1, 1, ?2)",
            params![id, self.body],
        );
    }

    fn commit(&self, id: u64) {
        self.run("DELETE FROM event WHERE id = ?1", params![id]);
        self.run("DELETE FROM body WHERE id = ?1", params![id]);
        self.run("DELETE FROM attempt WHERE event = ?1", params![id]);
        self.run(
            "INSERT INTO state (conversation, version, at, data) VALUES (?1, 0, ?2, ?3)
             ON CONFLICT (conversation) DO UPDATE SET at = excluded.at, data = excluded.data",
            params![conversation(id), AT + id, self.state],
        );
        self.run(
            "INSERT INTO call (id, conversation, at, api, doubt, remember, call) VALUES (?1, ?2, ?3, 'V2', 'resend', 0, ?4)",
            params![id << 16, conversation(id), AT, CALL],
        );
    }
}

fn conversation(id: u64) -> String {
    let chat = id.wrapping_mul(7_919) % CHATS;
    format!("bac1cd5c8940947a75e0d71b1a84e348/567/chat{chat}")
}
