//! The core behind the API, the page and REST: the world under its lock, and the outputs of each
//! transaction.
//!
//! The lock is held for the length of one transaction and never over an `.await`. Updates and
//! events are passed on while it is still held, so they leave in the order in which they were
//! caused.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast};

use super::delivery::Deliveries;
use super::limit::Limits;
use super::planned::{PlannedCalls, PlannedEvents};
use super::traffic_log::TrafficLog;
use super::transaction::Transaction;
use super::updates::Update;
use super::world::World;
use super::world::tokens::HOPS_MAX;

/// Completes a transaction before the lock is released.
pub(crate) type Finish = fn(&mut Transaction<'_>);

/// Everything a running emulator shares between its requests.
pub(crate) struct Portal {
    world: Mutex<World>,
    limits: Mutex<Limits>,
    planned: Mutex<PlannedCalls>,
    pub(crate) traffic: TrafficLog,
    pub(crate) feed: broadcast::Sender<Update>,
    deliveries: Deliveries,
    /// Called at the end of each transaction, so that `events` can add to it.
    finish: Finish,
    /// Notified when the next alarm of the world has changed.
    pub(crate) alarm: Notify,
    /// The certificate of the portal's authority, as PEM.
    pub(crate) authority: Option<String>,
}

impl Portal {
    pub(crate) fn new(
        world: World,
        limits: Limits,
        deliveries: Deliveries,
        traffic: TrafficLog,
        finish: Finish,
        authority: Option<String>,
    ) -> Self {
        let feed = traffic.feed();
        Portal {
            world: Mutex::new(world),
            limits: Mutex::new(limits),
            planned: Mutex::default(),
            traffic,
            feed,
            deliveries,
            finish,
            alarm: Notify::new(),
            authority,
        }
    }

    /// Returns the rate limits, locked.
    pub(crate) fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the plans for the next calls, locked.
    pub(crate) fn planned(&self) -> MutexGuard<'_, PlannedCalls> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the deliveries of events.
    pub(crate) fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// Reads the world.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&self.lock())
    }

    /// Runs a transaction of a user in the web chat, which starts a new chain of events.
    pub(crate) fn act<T>(&self, user: u64, work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
        self.transact(user, HOPS_MAX, work)
    }

    /// Runs a transaction and sends its updates and events.
    pub(crate) fn transact<T>(
        &self,
        user: u64,
        hops: u8,
        work: impl FnOnce(&mut Transaction<'_>) -> T,
    ) -> T {
        let mut world = self.lock();
        let alarm = world.lines.next_alarm();
        let mut tx = Transaction::new(&mut world, user, hops);
        let answer = work(&mut tx);
        (self.finish)(&mut tx);
        let Transaction {
            outgoing, updates, ..
        } = tx;
        for item in updates {
            self.publish(item);
        }
        for delivery in outgoing {
            self.deliveries.accept(delivery);
        }
        if world.lines.next_alarm() != alarm {
            self.alarm.notify_one();
        }
        answer
    }

    /// Publishes an update to the open pages, if there are any.
    pub(crate) fn publish(&self, updates: Update) {
        let _ = self.feed.send(updates);
    }

    /// Removes the plans for calls and events.
    pub(crate) fn calm(&self) {
        *self.planned() = PlannedCalls::default();
        *self.deliveries.planned() = PlannedEvents::default();
    }

    /// Replaces the world by a new one with the same settings.
    pub(crate) fn forget(&self) {
        self.calm();
        let mut world = self.lock();
        let (name, domain, language) = (
            world.name.clone(),
            world.domain.clone(),
            world.language.clone(),
        );
        let (bots_max, both_formats) = (world.bots_max, world.both_formats);
        let (is_secure, oauth_host) = (world.is_secure, world.oauth_host.clone());
        *world = World::new(name, domain, language);
        (world.is_secure, world.oauth_host) = (is_secure, oauth_host);
        (world.bots_max, world.both_formats) = (bots_max, both_formats);
        self.traffic.clear();
        self.publish(Update::Hello);
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
