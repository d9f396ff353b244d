//! The durable store: events per second against a bare loop that commits the same rows, how long an acknowledgement
//! takes, how long a start, and what a million waiting events cost.

use std::fmt;
use std::fs::File;
use std::io::Write;
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
    let told = Command::new(program)
        .args(["backlog", &BACKLOG.to_string()])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let (bytes, measured) = told.trim().split_once(' ').unwrap();
    let ratio = bytes.parse::<f64>().unwrap() / BACKLOG_BYTES_MAX;
    row(
        "memory with a million events waiting, to 300 MB",
        measured,
        ratio,
        "at most 1",
    );
}

/// Events per second, accepted, turned and sent, against the bare loop, in turns. Answers with the first.
fn throughput() -> f64 {
    let rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let folder = tempfile::tempdir().unwrap();
            let store = folder.path().join("bare.db");
            drop(Sqlite::open(&store, &Key::random()).unwrap());
            let bare = rows::events_per_second(&store, EVENTS);
            let desk = Desk::new(folder.path());
            let begin = Instant::now();
            desk.runtime.block_on(async {
                load(&desk.engine, EVENTS, None).await;
                rest(&desk.engine).await;
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

/// What a caller waits at this many events a second, against one flush of a file beside: the 99th percentile of both, under
/// the same load. The load and its clients need most of two cores, so there a lone flush waits, too; how long one takes on
/// the quiet machine is told beside it.
fn acknowledgement(rate: f64) {
    let mut rounds: Vec<[Waits; 3]> = (0..ACKNOWLEDGED_ROUNDS)
        .map(|_| acknowledgements(rate))
        .collect();
    rounds.sort_by(|[waits, beside, _], [others, other, _]| {
        f64::total_cmp(&(waits.late / beside.late), &(others.late / other.late))
    });
    let [waits, beside, quiet] = &rounds[ACKNOWLEDGED_ROUNDS / 2];
    let measured = format!(
        "{waits} at {rate:.0} events a second, one flush beside {beside}, on the quiet machine {quiet}"
    );
    row(
        "acknowledgement under half load, 99 of 100, to one flush under the same load",
        &measured,
        waits.late / beside.late,
        "at most 3",
    );
}

/// One round: acknowledgements, flushes under the same load, flushes before it.
fn acknowledgements(rate: f64) -> [Waits; 3] {
    const FLUSHES: usize = 450;
    const PAUSE: Duration = Duration::from_millis(10);
    let folder = tempfile::tempdir().unwrap();
    let quiet = flushes(folder.path(), FLUSHES, Duration::ZERO);
    let desk = Desk::new(folder.path());
    let (waits, beside) = desk.runtime.block_on(async {
        let file = folder.path().to_owned();
        let beside = std::thread::spawn(move || flushes(&file, FLUSHES, PAUSE));
        let waits = load(&desk.engine, (rate * 5.0) as u64, Some(rate)).await;
        rest(&desk.engine).await;
        (waits, beside.join().unwrap())
    });
    [waits, beside, quiet].map(Waits::of)
}

/// How long many waited, in seconds: half of them, and 99 of 100, no longer than this.
struct Waits {
    middle: f64,
    late: f64,
}

impl Waits {
    fn of(mut waits: Vec<f64>) -> Waits {
        waits.sort_by(f64::total_cmp);
        Waits {
            middle: waits[waits.len() / 2],
            late: waits[waits.len() * 99 / 100],
        }
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Waits { middle, late } = self;
        write!(f, "{:.2} ms (median {:.2} ms)", late * 1e3, middle * 1e3)
    }
}

/// Seconds that each of many flushes takes, with a pause between them.
fn flushes(folder: &Path, times: usize, pause: Duration) -> Vec<f64> {
    let mut file = File::create(folder.join("flush")).unwrap();
    let flush = |_| {
        std::thread::sleep(pause);
        let begin = Instant::now();
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        begin.elapsed().as_secs_f64()
    };
    (0..times).map(flush).collect()
}

/// From the start of the program to the end of the first turn, with 100,000 events waiting.
fn start() {
    const WAITING: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(folder.path());
    desk.runtime.block_on(async {
        desk.engine.stop(Duration::ZERO).await; // takes in, and handles nothing
        load(&desk.engine, WAITING, None).await;
    });
    desk.close();
    let begin = Instant::now();
    let desk = Desk::new(folder.path());
    let took = desk.runtime.block_on(async {
        desk.engine.start().await.unwrap();
        let waiting = async || desk.engine.store().status().await.unwrap().events;
        while waiting().await == WAITING {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        begin.elapsed().as_secs_f64()
    });
    let measured = format!("{:.0} ms with {WAITING} events waiting", took * 1e3);
    row(
        "start until the first turn is done, to a second",
        &measured,
        took,
        "at most 1",
    );
}

/// In a process of its own: takes in events while all handlers stand still, prints the memory, then lets them go and
/// looks whether they are handled in order.
pub(crate) fn backlog(events: u64) {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let handled = Arc::new(AtomicU64::new(0));
    let desk = Desk::with(
        folder.path(),
        Gated {
            gate: Arc::clone(&gate),
            handled: Arc::clone(&handled),
        },
    );
    desk.runtime.block_on(async {
        load(&desk.engine, events, None).await;
        let bytes = memory::resident();
        gate.add_permits(Semaphore::MAX_PERMITS);
        let begin = Instant::now();
        rest(&desk.engine).await;
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
struct Desk {
    engine: Arc<Engine>,
    runtime: Runtime,
}

impl Desk {
    fn new(folder: &Path) -> Desk {
        Desk::with(folder, Echo)
    }

    fn with<S: imbot::State>(folder: &Path, bot: impl Bot<S>) -> Desk {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let file = folder.join("store.db");
        let key = Key::of(&file, folder.join("key")).unwrap();
        let store = Arc::new(Sqlite::open(&file, &key).unwrap());
        let engine = runtime.block_on(engine_on(store, bot));
        Desk { engine, runtime }
    }

    fn close(self) {
        self.runtime
            .block_on(async { self.engine.store().close().await.unwrap() });
    }
}

/// Waits at a gate, and checks the order of its chat.
struct Gated {
    gate: Arc<Semaphore>,
    handled: Arc<AtomicU64>,
}

impl Bot<u64> for Gated {
    fn profile(&self) -> Profile {
        Profile::new("BOT1", "Gated")
    }

    async fn message(&self, cx: &mut Context<u64>, message: Message) -> Result {
        self.gate.acquire().await?.forget();
        assert!(message.id.0 > cx.state, "out of order");
        cx.state = message.id.0;
        self.handled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Has events taken in by many clients at once, at most so many a second, and tells how many seconds each waited.
async fn load(engine: &Arc<Engine>, events: u64, rate: Option<f64>) -> Vec<f64> {
    let event = Arc::new(Template::short());
    let begin = Instant::now();
    let clients = (0..CLIENTS).map(|client| {
        let (engine, event) = (Arc::clone(engine), Arc::clone(&event));
        tokio::spawn(async move {
            let mut waits = Vec::new();
            // A client has chats of its own, so that the order in a chat is the order of the numbers.
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
async fn rest(engine: &Engine) {
    while engine.waiting() != (0, 0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
