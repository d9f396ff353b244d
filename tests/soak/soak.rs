//! Many days in little time: the clock is paused and advanced, and one process follows another on
//! one store.
//!
//! A paused clock advances automatically when the runtime is idle, also while the store's threads
//! work. A blocked task prevents this, so the test advances the clock, when the engine is idle. A
//! process that ends without a stop drops all running work, as a killed process does.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use imbot::event::MemberId;
use imbot::store::{Clock, DeadId, Key, Limits, Operator, Portals, Sqlite, Status, Store, Time};
use imbot::{App, Config};
use tokio::time::Instant;

use crate::bots::{StateBot, UnreadableStateBot};
use crate::ledger::{CHATS, Ledger};
use crate::portal::{FakePortal, event, installation};
use crate::process::Process;
use crate::random::Random;

const SLOTS_PER_DAY: u64 = 24;

/// Number of slots in which the portal may repeat an event. Repeats are recognised for a day.
const REPEAT_SLOTS: u64 = 12;

/// Age limit of dead letters, in days.
const DEAD_DAYS: u64 = 3;

/// The store, and the state of the test.
pub(crate) struct Soak {
    file: PathBuf,
    key: Key,
    pub(crate) ledger: Arc<Ledger>,
    random: Random,
    now: Time,
    limits: Option<Limits>,
    /// Number of processes so far.
    processes: u32,
    /// The last dead letter that the operator has read.
    pub(crate) dead: Option<DeadId>,
    slot: u64,
    /// Bodies that the portal may repeat, with the slot of their first arrival.
    recent: Vec<(u64, Bytes)>,
}

impl Soak {
    pub(crate) fn new(file: PathBuf, seed: u64, limits: Option<Limits>) -> Self {
        Self {
            file,
            key: Key::random(),
            ledger: Arc::new(Ledger::new(seed)),
            random: Random::new(seed),
            now: Time(1_771_940_028_000),
            limits,
            processes: 0,
            dead: None,
            slot: 0,
            recent: Vec::new(),
        }
    }

    /// Runs this number of days, with this number of events in each, in one process after another.
    /// The last process is stopped properly.
    pub(crate) fn pass(&mut self, days: u64, events_per_day: u64) {
        let (mut slots, mut events) = (days * SLOTS_PER_DAY, days * events_per_day);
        while slots > 0 {
            let now = slots.min(6 + self.random.below(36));
            let sent = if now == slots {
                events
            } else {
                now * events_per_day / SLOTS_PER_DAY
            };
            self.run_process(now, sent, now == slots);
            (slots, events) = (slots - now, events - sent);
        }
    }

    /// Runs processes until nothing waits any more.
    pub(crate) fn finish(&mut self) -> Status {
        loop {
            self.run_process(SLOTS_PER_DAY, 0, true);
            let status = self.with_store(async |store, _| store.status().await.unwrap());
            if (status.events, status.calls, status.reminders) == (0, 0, 0) {
                return status;
            }
        }
    }

    /// Runs one process, from its start to a stop or a sudden end.
    fn run_process(&mut self, slots: u64, events: u64, is_last: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (end, blocked) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || blocked.recv());
        let stops = is_last || self.random.chance(50);
        let store = Arc::new(Sqlite::open(&self.file, &self.key).unwrap());
        let after = runtime.block_on(async {
            let start = Instant::now();
            let process = self.start(Arc::clone(&store), start).await;
            for slot in 0..slots {
                let (before, after) = (events * slot / slots, events * (slot + 1) / slots);
                self.send(&process, after - before).await;
                let is_killed = !stops && slot == slots - 1;
                if is_killed {
                    process.work(&self.ledger, self.random.below(4)).await;
                } else {
                    process.pass(&self.ledger).await;
                    self.handle_dead_letters(&process.store).await;
                }
            }
            if stops {
                assert!(process.engine.stop(Duration::from_secs(120)).await);
            }
            start.elapsed()
        });
        drop(end);
        drop(runtime);
        drop(Arc::into_inner(store).expect("nothing else uses the store"));
        self.now = self.now + after + Duration::from_secs(self.random.below(600));
        self.processes += 1;
    }

    async fn start(&self, store: Arc<Sqlite>, start: Instant) -> Process {
        store.install(installation()).await.unwrap();
        let (now, ledger) = (self.now, || Arc::clone(&self.ledger));
        let mut app = App::new()
            .bot(StateBot {
                ledger: ledger(),
                blocks: false,
            })
            .bot(StateBot {
                ledger: ledger(),
                blocks: true,
            })
            .bot(UnreadableStateBot {
                ledger: ledger(),
                version: self.processes,
            })
            .shared_store(Arc::clone(&store) as Arc<dyn Store>)
            .transport(FakePortal(ledger()))
            .clock(Clock::new(move || now + start.elapsed()));
        if let Some(limits) = self.limits {
            app = app.limits(limits);
        }
        let mut config = Config::default();
        config.client_id = Some("local.1".into());
        config.client_secret = Some("secret".to_owned().into());
        config.public_url = Some("https://bots.example.com/".into());
        config.dead_days = DEAD_DAYS;
        let engine = app.engine(&config).unwrap();
        engine.start().await.unwrap();
        engine.until_backlog_loaded().await;
        Process { engine, store }
    }

    /// Posts events, some of them twice.
    async fn send(&mut self, process: &Process, events: u64) {
        for _ in 0..events {
            let chat = self.random.place(CHATS);
            let body = event(&self.ledger, &mut self.random, chat);
            process.engine.accept(body.clone()).await.unwrap();
            if self.random.chance(5) {
                self.recent.push((self.slot, body));
            }
        }
        self.slot += 1;
        self.recent
            .retain(|(slot, _)| self.slot - slot < REPEAT_SLOTS);
        if events > 0 && !self.recent.is_empty() {
            let again = &self.recent[self.random.place(self.recent.len())].1;
            process.engine.accept(again.clone()).await.unwrap();
        }
    }

    /// Runs a function on the store while no process runs.
    pub(crate) fn with_store<T>(&self, run: impl AsyncFnOnce(&Sqlite, MemberId) -> T) -> T {
        let store = Sqlite::open(&self.file, &self.key).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(run(&store, installation().portal))
    }
}
