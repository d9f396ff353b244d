//! A long life in little time: days pass on a paused clock, programs come and go, and the store stays.
//!
//! The runtime must not wind its clock by itself while the store's thread works, so a task that blocks is kept in it as
//! long as it runs; time goes on by hand when the engine rests. The end of a life without a stop drops everything that
//! was under way, as a killed process does.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use imbot::event::MemberId;
use imbot::store::{Clock, DeadId, Key, Limits, Operator, Portals, Sqlite, Status, Store, Time};
use imbot::{App, Config};
use tokio::time::Instant;

use crate::bots::{Clerk, Fickle};
use crate::ledger::{CHATS, Ledger};
use crate::portal::{Screen, event, installation};
use crate::random::Random;
use crate::visit::Stay;

const SLOTS_PER_DAY: u64 = 24;

/// For how many slots the portal may post an event again: repeats are known for a day.
const REPEATED: u64 = 12;

/// How many days dead letters are kept.
const DEAD_DAYS: u64 = 3;

/// A store and all who have to do with it.
pub(crate) struct Soak {
    file: PathBuf,
    key: Key,
    pub(crate) ledger: Arc<Ledger>,
    random: Random,
    now: Time,
    limits: Option<Limits>,
    lives: u32,
    /// Up to where the operator has read the dead letters.
    pub(crate) dead: Option<DeadId>,
    slot: u64,
    /// Bodies that the portal may post again, and when they came first.
    recent: Vec<(u64, Bytes)>,
}

impl Soak {
    pub(crate) fn new(file: PathBuf, seed: u64, limits: Option<Limits>) -> Soak {
        Soak {
            file,
            key: Key::random(),
            ledger: Arc::new(Ledger::new(seed)),
            random: Random::new(seed),
            now: Time(1_771_940_028_000),
            limits,
            lives: 0,
            dead: None,
            slot: 0,
            recent: Vec::new(),
        }
    }

    /// Lets so many days pass with so many events in each, one program after the other; the last one is stopped.
    pub(crate) fn pass(&mut self, days: u64, events_per_day: u64) {
        let (mut slots, mut events) = (days * SLOTS_PER_DAY, days * events_per_day);
        while slots > 0 {
            let stay = slots.min(6 + self.random.below(36));
            let sent = if stay == slots {
                events
            } else {
                stay * events_per_day / SLOTS_PER_DAY
            };
            self.live(stay, sent, stay == slots);
            (slots, events) = (slots - stay, events - sent);
        }
    }

    /// Lets a program run on until nothing waits any more.
    pub(crate) fn finish(&mut self) -> Status {
        loop {
            self.live(SLOTS_PER_DAY, 0, true);
            let status = self.with_store(async |store, _| store.status().await.unwrap());
            if (status.events, status.calls, status.reminders) == (0, 0, 0) {
                return status;
            }
        }
    }

    /// One program, from its start to a stop or a sudden end.
    fn live(&mut self, slots: u64, events: u64, is_last: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (end, parked) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || parked.recv());
        let stops = is_last || self.random.chance(50);
        let store = Arc::new(Sqlite::open(&self.file, &self.key).unwrap());
        let after = runtime.block_on(async {
            let start = Instant::now();
            let stay = self.begin(Arc::clone(&store), start).await;
            for slot in 0..slots {
                let (before, after) = (events * slot / slots, events * (slot + 1) / slots);
                self.send(&stay, after - before).await;
                let is_cut = !stops && slot == slots - 1;
                if is_cut {
                    stay.work(&self.ledger, self.random.below(4)).await;
                } else {
                    stay.pass(&self.ledger).await;
                    self.attend(&stay.store).await;
                }
            }
            if stops {
                assert!(stay.engine.stop(Duration::from_secs(120)).await);
            }
            start.elapsed()
        });
        drop(end);
        drop(runtime);
        drop(Arc::into_inner(store).expect("nobody has the store any more"));
        self.now = self.now + after + Duration::from_secs(self.random.below(600));
        self.lives += 1;
    }

    async fn begin(&self, store: Arc<Sqlite>, start: Instant) -> Stay {
        store.install(installation()).await.unwrap();
        let (now, ledger) = (self.now, || Arc::clone(&self.ledger));
        let mut app = App::new()
            .bot(Clerk {
                ledger: ledger(),
                is_strict: false,
            })
            .bot(Clerk {
                ledger: ledger(),
                is_strict: true,
            })
            .bot(Fickle {
                ledger: ledger(),
                version: self.lives,
            })
            .shared_store(Arc::clone(&store) as Arc<dyn Store>)
            .transport(Screen(ledger()))
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
        Stay { engine, store }
    }

    /// Events come, some of them twice.
    async fn send(&mut self, stay: &Stay, events: u64) {
        for _ in 0..events {
            let chat = self.random.place(CHATS);
            let body = event(&self.ledger, &mut self.random, chat);
            stay.engine.accept(body.clone()).await.unwrap();
            if self.random.chance(5) {
                self.recent.push((self.slot, body));
            }
        }
        self.slot += 1;
        self.recent.retain(|(slot, _)| self.slot - slot < REPEATED);
        if events > 0 && !self.recent.is_empty() {
            let again = &self.recent[self.random.place(self.recent.len())].1;
            stay.engine.accept(again.clone()).await.unwrap();
        }
    }

    /// Looks into the store while no program has it.
    pub(crate) fn with_store<T>(&self, look: impl AsyncFnOnce(&Sqlite, MemberId) -> T) -> T {
        let store = Sqlite::open(&self.file, &self.key).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(look(&store, installation().portal))
    }
}
