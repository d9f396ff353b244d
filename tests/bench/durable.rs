//! The durable store: events per second against a bare loop that commits the same rows, the time of
//! an acknowledgement, the time of a start, and the memory of a million waiting events.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use imbot::engine::Engine;
use imbot::prelude::*;
use imbot::store::{Key, Sqlite};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::event::Template;
use super::server::{Echo, engine_on};
use super::waits::{Waits, flushes};
use super::{median, memory, row, rows};

const ROUNDS: usize = 5;
const ACKNOWLEDGED_ROUNDS: usize = 5;
const EVENTS: u64 = 40_000;
const CLIENTS: u64 = 256;
const CHATS: u64 = 10_000;
const BACKLOG: u64 = 1_000_000;
const BACKLOG_BYTES_MAX: f64 = 300.0 * 1_024.0 * 1_024.0;

pub(crate) fn run() {
    let rate = throughput();
    acknowledgement(rate / 2.0);
    start();
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["backlog", &BACKLOG.to_string()])
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (bytes, measured) = output.trim().split_once(' ').unwrap();
    let ratio = bytes.parse::<f64>().unwrap() / BACKLOG_BYTES_MAX;
    row(
        "memory with a million events waiting, to 300 MB",
        measured,
        ratio,
        "at most 1",
    );
}

/// Measures events per second, accepted, handled and sent, alternately with the bare loop. Returns
/// the first.
fn throughput() -> f64 {
    let rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let folder = tempfile::tempdir().unwrap();
            let store = folder.path().join("bare.db");
            drop(Sqlite::open(&store, &Key::random()).unwrap());
            let bare = rows::events_per_second(&store, EVENTS);
            let program = Program::new(folder.path());
            let begin = Instant::now();
            program.runtime.block_on(async {
                load(&program.engine, EVENTS, None).await;
                until_idle(&program.engine).await;
            });
            (EVENTS as f64 / begin.elapsed().as_secs_f64(), bare)
        })
        .collect();
    let one = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
    let measured = format!(
        "{:.0} events a second, bare loop {:.0}",
        one(|r| r.0),
        one(|r| r.1)
    );
    let ratio = median(rounds.iter().map(|(ours, bare)| ours / bare).collect());
    row(
        "durable events, to a bare loop that commits the same rows",
        &measured,
        ratio,
        "at least 0.6",
    );
    one(|round| round.0)
}

/// Compares the time of an acknowledgement at this many events a second with the time of one flush
/// of another file under the same load, both at the 99th percentile. The load and its clients need
/// most of two cores, so a lone flush waits as well; the row also shows it on the quiet machine.
fn acknowledgement(rate: f64) {
    let mut rounds: Vec<[Waits; 3]> = (0..ACKNOWLEDGED_ROUNDS)
        .map(|_| acknowledgements(rate))
        .collect();
    rounds.sort_by(|[waits, loaded, _], [others, other, _]| {
        f64::total_cmp(&(waits.p99 / loaded.p99), &(others.p99 / other.p99))
    });
    let [waits, loaded, quiet] = &rounds[ACKNOWLEDGED_ROUNDS / 2];
    let measured = format!(
        "{waits} at {rate:.0} events a second, one flush under this load {loaded}, on the quiet machine {quiet}"
    );
    row(
        "p99 of an acknowledgement under half load, to p99 of one flush under the same load",
        &measured,
        waits.p99 / loaded.p99,
        "at most 3",
    );
}

/// One round: acknowledgements, flushes under the same load, flushes before it.
fn acknowledgements(rate: f64) -> [Waits; 3] {
    const FLUSHES: usize = 450;
    const PAUSE: Duration = Duration::from_millis(10);
    let folder = tempfile::tempdir().unwrap();
    let quiet = flushes(folder.path(), FLUSHES, Duration::ZERO);
    let program = Program::new(folder.path());
    let (waits, loaded) = program.runtime.block_on(async {
        let file = folder.path().to_owned();
        let loaded = std::thread::spawn(move || flushes(&file, FLUSHES, PAUSE));
        let waits = load(&program.engine, (rate * 5.0) as u64, Some(rate)).await;
        until_idle(&program.engine).await;
        (waits, loaded.join().unwrap())
    });
    [waits, loaded, quiet].map(Waits::of)
}

/// Measures the start of the program to the end of the first turn, with 100,000 events waiting.
fn start() {
    const WAITING: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(folder.path());
    program.runtime.block_on(async {
        program.engine.stop(Duration::ZERO).await; // accepts events and handles none
        load(&program.engine, WAITING, None).await;
    });
    program.close();
    let begin = Instant::now();
    let program = Program::new(folder.path());
    let took = program.runtime.block_on(async {
        program.engine.start().await.unwrap();
        let waiting = async || program.engine.store().status().await.unwrap().events;
        while waiting().await == WAITING {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        begin.elapsed().as_secs_f64()
    });
    let measured = format!("{:.0} ms with {WAITING} events waiting", took * 1e3);
    row(
        "start until the first turn is done, to 1 s",
        &measured,
        took,
        "at most 1",
    );
}

/// In a process of its own: accepts events while all handlers are blocked, prints the memory, then
/// releases the handlers and checks the order.
pub(crate) fn backlog(events: u64) {
    let folder = tempfile::tempdir().unwrap();
    let permits = Arc::new(Semaphore::new(0));
    let handled = Arc::new(AtomicU64::new(0));
    let program = Program::with(
        folder.path(),
        Blocked {
            permits: Arc::clone(&permits),
            handled: Arc::clone(&handled),
        },
    );
    program.runtime.block_on(async {
        load(&program.engine, events, None).await;
        let bytes = memory::resident();
        permits.add_permits(Semaphore::MAX_PERMITS);
        let begin = Instant::now();
        until_idle(&program.engine).await;
        assert_eq!(
            handled.load(Ordering::Relaxed),
            events,
            "all handled, each once"
        );
        println!(
            "{bytes} {:.0} MB with {events} waiting, then drained in order in {:.0} s",
            bytes / 1_024.0 / 1_024.0,
            begin.elapsed().as_secs_f64()
        );
    });
}

/// An engine on a durable store.
struct Program {
    engine: Arc<Engine>,
    runtime: Runtime,
}

impl Program {
    fn new(folder: &Path) -> Program {
        Program::with(folder, Echo)
    }

    fn with<S: imbot::State>(folder: &Path, bot: impl Bot<S>) -> Program {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let file = folder.join("store.db");
        let key = Key::of(&file, folder.join("key")).unwrap();
        let store = Arc::new(Sqlite::open(&file, &key).unwrap());
        let engine = runtime.block_on(engine_on(store, bot));
        Program { engine, runtime }
    }

    fn close(self) {
        self.runtime
            .block_on(async { self.engine.store().close().await.unwrap() });
    }
}

/// Waits for a permit, and checks the order of its chat.
struct Blocked {
    permits: Arc<Semaphore>,
    handled: Arc<AtomicU64>,
}

impl Bot<u64> for Blocked {
    fn profile(&self) -> Profile {
        Profile::new("BOT1", "Blocked")
    }

    async fn message(&self, cx: &mut Context<u64>, message: Message) -> Result {
        self.permits.acquire().await?.forget();
        assert!(message.id.0 > cx.state, "out of order");
        cx.state = message.id.0;
        self.handled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Posts events from many clients at once, at the given rate a second, and returns the seconds each
/// waited.
async fn load(engine: &Arc<Engine>, events: u64, rate: Option<f64>) -> Vec<f64> {
    let event = Arc::new(Template::short());
    let begin = Instant::now();
    let clients = (0..CLIENTS).map(|client| {
        let (engine, event) = (Arc::clone(engine), Arc::clone(&event));
        tokio::spawn(async move {
            let mut waits = Vec::new();
            // A client has chats of its own, so that the order in a chat is the order of the
            // numbers.
            for number in (client + 1..=events).step_by(CLIENTS as usize) {
                if let Some(rate) = rate {
                    tokio::time::sleep_until(begin + Duration::from_secs_f64(number as f64 / rate))
                        .await;
                }
                let chat = client + CLIENTS * (number / CLIENTS % (CHATS / CLIENTS));
                let body = event.body(&format!("chat{chat}"), number);
                let asked = Instant::now();
                engine.accept(Bytes::from(body)).await.unwrap();
                waits.push(asked.elapsed().as_secs_f64());
            }
            waits
        })
    });
    let mut waits = Vec::with_capacity(events as usize);
    for client in clients.collect::<Vec<_>>() {
        waits.extend(client.await.unwrap());
    }
    waits
}

/// Waits until everything is handled and sent.
async fn until_idle(engine: &Engine) {
    while engine.waiting() != (0, 0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
