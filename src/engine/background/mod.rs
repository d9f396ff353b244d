//! Work in the background: reminders, the store's notices, sweeping, polling, offline events.

pub(super) mod backlog;
pub(super) mod offline_fetch;
pub(super) mod polling;
pub(super) mod rivals;
mod sweep;

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, MissedTickBehavior, sleep};

use super::send::QueuedSend;
use super::{Engine, QueuedEvent, webhooks};
use crate::store::{Access, Conversation, Notice, PAUSED, StoreError, StoreErrorKind, Time};
use crate::tasks::TaskFailed;

use sweep::Ages;
pub use sweep::SWEEP_INTERVAL;

/// Interval at which the store is asked for notices: what entered it from outside the engine.
pub const NOTICE_INTERVAL: Duration = Duration::from_secs(1);
/// Pause after the events of other processes could not be read.
const ARRIVALS_PAUSE: Duration = Duration::from_millis(250);
/// Number of reminders that are queued at a time.
const PAGE: usize = 1_000;

impl Engine {
    /// Loads the portals and starts to work: takes up the partitions of the store that this process
    /// owns, continues what an earlier process left there, in order, chat by chat, and watches
    /// reminders and the store. It returns when events can be accepted; the
    /// rest continues in the background.
    ///
    /// [`accept`](Engine::accept) calls it too, but only when the first event comes. Calling it
    /// again has no effect.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        let started = self.started.get_or_try_init(|| self.start_once());
        started.await.map(|_| ())
    }

    async fn start_once(self: &Arc<Self>) -> Result<(), StoreError> {
        self.load_portals().await?;
        let last_event = self.options.store.last_event().await?;
        let ages = Ages::new(self.options.clock.now(), last_event, Instant::now());
        let changes = self.options.store.join();
        self.run_endlessly("ownership", |engine| {
            Engine::follow_ownership(engine, changes)
        });
        self.run_connectors();
        let store = Arc::clone(&self.options.store);
        let watch = self.watch.clone();
        self.run_endlessly("store watch", |_| async move {
            let error = store.failed().await;
            watch.fail(TaskFailed::new("store", format!("has failed: {error}")));
        });
        self.run_endlessly("notices", watch_store);
        self.run_endlessly("sweep", |engine| sweep::sweep(engine, ages));
        self.run_endlessly("reminders", watch_reminders);
        Ok(())
    }

    /// Runs a task that may end only when the engine is stopped or dropped.
    fn run_endlessly<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        task: &'static str,
        run: impl FnOnce(Weak<Self>) -> F,
    ) {
        let (weak, stopped) = (Arc::downgrade(self), self.stopped.clone());
        let work = stopped
            .clone()
            .run_until_cancelled_owned(run(Weak::clone(&weak)));
        let may_end = move || stopped.is_cancelled() || weak.strong_count() == 0;
        let watched = self.watch.watch_endless(task, may_end, work.map(drop));
        tokio::spawn(watched);
    }

    /// Loads the portals and does nothing else: those that the application is installed on, and
    /// those whose inbound webhook is configured. [`start`](Engine::start) does the same first.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn load_portals(&self) -> Result<(), StoreError> {
        let store = &self.options.store;
        let stored = store.portals().await?;
        for webhook in webhooks::of_stored_portals(&self.options.webhooks, &stored) {
            match store.install(webhook.clone()).await {
                // The settings have it, so it can be used before there is room.
                Err(error) if error.kind() == StoreErrorKind::Full => {
                    tracing::error!(portal = %webhook.portal, %error, "the portal cannot be stored now");
                }
                stored => stored?,
            }
            self.add_portal(webhook).await;
        }
        for installation in stored {
            if matches!(installation.access, Access::Tokens(_)) {
                self.add_portal(installation).await;
            }
        }
        Ok(())
    }

    /// Queues the events that the store had to spool, if there are any: an event that arrives now
    /// comes behind them.
    ///
    /// The store empties its spool before it takes an event directly, so their notices are there.
    pub(super) async fn queue_spooled(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.backlog.has_spooled() {
            Box::pin(self.read_notices()).await?;
            self.backlog.spooled_is_queued();
        }
        Ok(())
    }

    /// Queues what entered the store from outside the engine, and follows what was changed there.
    /// When it returns, all of that is done, also what another task was reading.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn read_notices(self: &Arc<Self>) -> Result<(), StoreError> {
        let _reading = self.backlog.reading().await;
        let notices = self.options.store.notices().await?;
        self.apply_notices(notices).await
    }

    /// Queues what other processes have appended to the partitions of this one until now, so that
    /// an event that this process has appended comes behind it. Retries until it is read.
    ///
    /// Callers share a read that begins after they call.
    pub(super) async fn queue_arrivals(self: &Arc<Self>) {
        let begun = self.backlog.arrival_reads_begun();
        let _reading = self.backlog.reading().await;
        if self.backlog.has_read_arrivals_after(begun) {
            return;
        }
        loop {
            let number = self.backlog.begin_arrival_read();
            let read = async {
                self.apply_notices(self.options.store.arrivals().await?)
                    .await
            };
            let Err(error) = read.await else {
                return self.backlog.end_arrival_read(number);
            };
            tracing::warn!(%error, "the events of other processes cannot be read; retrying");
            let pause = self.stopped.run_until_cancelled(sleep(ARRIVALS_PAUSE));
            if pause.await.is_none() {
                return;
            }
        }
    }

    /// Queues what notices are about.
    async fn apply_notices(self: &Arc<Self>, notices: Vec<Notice>) -> Result<(), StoreError> {
        let store = &self.options.store;
        for notice in notices {
            match notice {
                Notice::Event(id, key) => self.queue_noticed(id, key),
                Notice::Call(id, to) if self.works_on(&to.portal) => {
                    self.outbox.push(to, QueuedSend::new(id));
                }
                Notice::Call(..) => {}     // the owner makes it
                Notice::Unblocked(_) => {} // found below
                Notice::Portal(portal) => self.read_portal(&portal).await?,
                Notice::Part(key) => self.on_part_changed(&key).await?,
            }
        }
        if !self.backlog.has_blocked() {
            return Ok(());
        }
        let still = store.blocked().await?;
        self.backlog.unblock_except(&still, |key| {
            tracing::info!(%key, "the queue continues");
            self.events.unblock(key);
        });
        Ok(())
    }

    /// Follows an operator's change of a part, if this process owns the portal.
    async fn on_part_changed(&self, key: &Conversation) -> Result<(), StoreError> {
        match key.as_part() {
            _ if !self.works_on(&key.portal) => Ok(()),
            Some((_, PAUSED)) => self.on_pause_changed(key).await,
            _ => self.on_broadcast_changed(key).await,
        }
    }

    /// Queues the reminders that are due. Returns the time until the next one.
    async fn queue_reminders(self: &Arc<Self>) -> Result<Option<Duration>, StoreError> {
        let store = &self.options.store;
        let now: Time = self.options.clock.now();
        loop {
            let due = store.due(now, PAGE).await?;
            if due.is_empty() {
                break;
            }
            for (id, key) in due {
                self.events.push(key, QueuedEvent::stored(id));
            }
        }
        Ok(store.next_due().await?.map(|due| due.since(now)))
    }
}

/// Reads the store's notices when there may be some, and once a second; then also updates its
/// counts of arrivals.
async fn watch_store(engine: Weak<Engine>) {
    let mut interval = tokio::time::interval(NOTICE_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let store = match engine.upgrade() {
        Some(engine) => Arc::clone(&engine.options.store),
        None => return,
    };
    loop {
        let is_tick = tokio::select! {
            _ = interval.tick() => true,
            () = store.until_notices() => false,
        };
        let Some(engine) = engine.upgrade() else {
            return;
        };
        if let Err(error) = engine.read_notices().await {
            tracing::error!(%error, "the store's notices cannot be read");
            tokio::time::sleep(NOTICE_INTERVAL).await;
        }
        if is_tick && let Err(error) = engine.arrivals.flush(&*engine.options.store).await {
            tracing::warn!(%error, "arrivals cannot be counted now; retrying");
        }
    }
}

/// Queues reminders when they are due.
async fn watch_reminders(engine: Weak<Engine>) {
    /// Longest sleep, since the clock may be set meanwhile.
    const SLEEP_MAX: Duration = Duration::from_secs(60);
    loop {
        let Some(engine) = engine.upgrade() else {
            return;
        };
        let sleep = match engine.queue_reminders().await {
            Ok(next) => next.map_or(SLEEP_MAX, |next| next.min(SLEEP_MAX)),
            Err(error) => {
                tracing::error!(%error, "reminders cannot be read; retrying");
                NOTICE_INTERVAL
            }
        };
        let reminded = Arc::clone(&engine.reminders_changed);
        drop(engine); // an engine that nobody else holds may be dropped during the sleep
        let _ = tokio::time::timeout(sleep, reminded.notified()).await;
    }
}
