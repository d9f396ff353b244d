//! What runs beside the turns: taking up what an earlier life left, reminders, news from the store, and sweeping.

pub(super) mod offline_fetch;
pub(super) mod polling;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::send::QueuedSend;
use super::{Engine, Job, lock};
use crate::store::{Access, Installation, Notice, StoreError, Time};

/// How often the store is asked whether something came into it from outside.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often what is too old is removed.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// How many rows are read at a time.
const PAGE: usize = 1_000;

impl Engine {
    /// Learns the portals and begins to work: takes up what an earlier process left, in order, chat by chat, and keeps
    /// an eye on reminders and the store. It returns as soon as events can be taken in; the rest goes on beside.
    ///
    /// [`accept`](Engine::accept) does so by itself, but only when the first event comes. Starting twice is starting once.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        let started = self.started.get_or_try_init(|| self.begin_to_work());
        started.await.map(|_| ())
    }

    async fn begin_to_work(self: &Arc<Self>) -> Result<(), StoreError> {
        self.know_portals().await?;
        for lane in self.options.store.blocked().await? {
            self.events.block(lane.clone());
            lock(&self.blocked).insert(lane);
        }
        self.in_background(async |engine| match engine.take_up().await {
            Ok(()) => {}
            Err(error) => {
                tracing::error!(%error, "what an earlier process left cannot be read; start again")
            }
        });
        self.run_connectors();
        let weak = Arc::downgrade(self);
        let stopped = self.stopped.clone();
        tokio::spawn(async move {
            let work =
                async { tokio::join!(look(weak.clone()), sweep(weak.clone()), remind(weak)) };
            stopped.run_until_cancelled(work).await;
        });
        Ok(())
    }

    /// Learns the portals, as [`start`](Engine::start) does, and begins no work: those that the application is installed on,
    /// and those whose inbound webhook is configured.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn know_portals(&self) -> Result<(), StoreError> {
        let store = &self.options.store;
        let stored = store.portals().await?;
        for mut webhook in self.options.webhooks.iter().cloned() {
            let before = stored.iter().find(|known| known.portal == webhook.portal);
            if let Some(Installation {
                application_token,
                access: Access::Webhook(before),
                ..
            }) = before
                && let Access::Webhook(now) = &mut webhook.access
            {
                // A new webhook for the portal: our bots are known by what they were registered with.
                now.bot_token = before.bot_token.clone();
                webhook.application_token = application_token.clone();
            }
            store.install(webhook.clone()).await?;
            self.know(webhook).await;
        }
        for installation in stored {
            if matches!(installation.access, Access::Tokens(_)) {
                self.know(installation).await;
            }
        }
        Ok(())
    }

    fn in_background<F>(self: &Arc<Self>, work: impl FnOnce(Arc<Engine>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(work(Arc::clone(self)));
    }

    /// Takes up what an earlier process left. Events that come meanwhile are held back, so that those before them in
    /// their chat come first.
    async fn take_up(self: &Arc<Self>) -> Result<(), StoreError> {
        let store = &self.options.store;
        let mut last = None;
        loop {
            let calls = store.unsent(last, PAGE).await?;
            let Some((id, _)) = calls.last() else { break };
            last = Some(*id);
            for (id, to) in calls {
                self.outbox.push(to, QueuedSend::new(id));
            }
        }
        let mut last = None;
        loop {
            let events = store.waiting(last, PAGE).await?;
            let Some((id, _)) = events.last() else { break };
            last = Some(*id);
            for (id, lane) in events {
                self.events.push(lane, Job::stored(id));
            }
        }
        let mut held = lock(&self.held);
        for (id, lane) in held.take().into_iter().flatten() {
            if last.is_none_or(|last| id > last) {
                self.events.push(lane, Job::stored(id));
            }
        }
        self.taken_up.cancel();
        Ok(())
    }

    /// Waits until what the store had to spool is in its lanes, if it had to: what comes now belongs behind it.
    ///
    /// An event that the store takes in at once comes after its spool was emptied, so the word about that is there.
    pub(super) async fn catch_up(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.has_spooled.load(Ordering::Acquire) {
            Box::pin(self.look()).await?;
            self.has_spooled.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Takes over what has come into the store from outside; one at a time, so that afterwards it is in its lanes.
    async fn look(self: &Arc<Self>) -> Result<(), StoreError> {
        let _one = self.looking.lock().await;
        let store = &self.options.store;
        for news in store.notices().await? {
            match news {
                Notice::Event(id, lane) => {
                    self.events
                        .insert(lane, Job::stored(id), |other| other.id < id);
                }
                Notice::Call(id, to) => self.outbox.push(to, QueuedSend::new(id)),
                Notice::Unblocked(_) => {} // seen below
            }
        }
        if lock(&self.blocked).is_empty() {
            return Ok(());
        }
        let still = store.blocked().await?;
        lock(&self.blocked).retain(|lane| {
            let is_blocked = still.contains(lane);
            if !is_blocked {
                tracing::info!(%lane, "the lane goes on");
                self.events.open(lane);
            }
            is_blocked
        });
        Ok(())
    }

    /// Hands out the reminders that are due, and tells how long it is until the next.
    async fn hand_out(self: &Arc<Self>) -> Result<Option<Duration>, StoreError> {
        let store = &self.options.store;
        let now: Time = self.options.clock.now();
        loop {
            let due = store.due(now, PAGE).await?;
            if due.is_empty() {
                break;
            }
            for (id, lane) in due {
                self.events.push(lane, Job::stored(id));
            }
        }
        Ok(store.next_due().await?.map(|due| due.since(now)))
    }
}

async fn look(engine: Weak<Engine>) {
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let Some(engine) = engine.upgrade() else {
            return;
        };
        if let Err(error) = engine.look().await {
            tracing::error!(%error, "the store cannot be asked for news");
        }
        if let Err(error) = engine.add_up_arrivals().await {
            tracing::warn!(%error, "what has arrived is counted later");
        }
    }
}

async fn sweep(engine: Weak<Engine>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(engine) = engine.upgrade() else {
            return;
        };
        let (now, limits) = (engine.options.clock.now(), engine.options.limits);
        match engine.options.store.sweep(now, limits).await {
            Ok(swept) => tracing::debug!(?swept, "swept"),
            Err(error) => tracing::error!(%error, "the store cannot be swept"),
        }
    }
}

async fn remind(engine: Weak<Engine>) {
    /// The longest sleep: the clock may be set meanwhile.
    const SLEEP_MAX: Duration = Duration::from_secs(60);
    loop {
        let Some(here) = engine.upgrade() else {
            return;
        };
        let sleep = match here.hand_out().await {
            Ok(next) => next.map_or(SLEEP_MAX, |next| next.min(SLEEP_MAX)),
            Err(error) => {
                tracing::error!(%error, "reminders cannot be read");
                LOOK_INTERVAL
            }
        };
        let reminded = Arc::clone(&here.reminded);
        drop(here); // while this waits, an engine that nobody needs any more may end
        drop(tokio::time::timeout(sleep, reminded.notified()).await);
    }
}
