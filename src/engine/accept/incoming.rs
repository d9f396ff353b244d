//! Events that this process has stored on a store of several processes, and that are not in their
//! queues yet.
//!
//! Before such an event may be handled, what other processes stored before it has to be in the
//! queues. Reading that takes a round trip to the store, which no sender waits for: the event is
//! acknowledged when it is stored, and all events that wait share a read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::RoutedEvent;
use crate::engine::{Engine, lock};
use crate::event::Delivery;
use crate::store::EventId;

/// Events that wait for a read of what other processes have stored.
#[derive(Default)]
pub(in crate::engine) struct Incoming(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    events: BTreeMap<EventId, IncomingEvent>,
    /// Number of events that have waited so far.
    count: u64,
    /// Whether a task reads and queues.
    is_read: bool,
}

/// A stored event.
pub(super) struct IncomingEvent {
    pub(super) event: RoutedEvent,
    pub(super) delivery: Delivery,
    /// Its place among those that have waited.
    number: u64,
}

impl Incoming {
    /// Returns how many events wait.
    pub(in crate::engine) fn len(&self) -> usize {
        lock(&self.0).events.len()
    }

    /// Adds an event. Returns true if a task has to be started.
    fn add(&self, id: EventId, event: RoutedEvent, delivery: Delivery) -> bool {
        let mut waiting = lock(&self.0);
        waiting.count += 1;
        let number = waiting.count;
        let event = IncomingEvent {
            event,
            delivery,
            number,
        };
        waiting.events.insert(id, event);
        !std::mem::replace(&mut waiting.is_read, true)
    }

    /// Returns the number of the last event that waits. `None` if none does: then the task ends.
    fn last(&self) -> Option<u64> {
        let mut waiting = lock(&self.0);
        waiting.is_read = !waiting.events.is_empty();
        waiting.is_read.then_some(waiting.count)
    }

    /// Takes the events that `is_taken`, in their order.
    fn take(
        &self,
        is_taken: impl Fn(EventId, &IncomingEvent) -> bool,
    ) -> BTreeMap<EventId, IncomingEvent> {
        let events = &mut lock(&self.0).events;
        let all = std::mem::take(events).into_iter();
        let (taken, left) = all.partition(|(id, event)| is_taken(*id, event));
        *events = left;
        taken
    }
}

impl Engine {
    /// Queues a stored event once everything that other processes stored before it is queued.
    pub(super) fn queue_behind_arrivals(
        self: &Arc<Self>,
        id: EventId,
        event: RoutedEvent,
        delivery: &Delivery,
    ) {
        if self.incoming.add(id, event, delivery.clone()) {
            let engine = Arc::clone(self);
            self.tasks
                .spawn(self.watch.watch("incoming events", async move {
                    while let Some(last) = engine.incoming.last() {
                        let read = engine.queue_arrivals();
                        if engine.stopped.run_until_cancelled(read).await.is_none() {
                            return; // the next process reads them from the store
                        }
                        let stored_before = engine.incoming.take(|_, event| event.number <= last);
                        engine.queue_all(stored_before);
                    }
                }));
        }
    }

    /// Queues the events of this process that were stored before one of another process. That one
    /// was read after all of them were stored, and so was everything before it.
    pub(in crate::engine) fn queue_incoming_before(self: &Arc<Self>, id: EventId) {
        let stored_before = self.incoming.take(|own, _| own < id);
        self.queue_all(stored_before);
    }

    fn queue_all(self: &Arc<Self>, events: BTreeMap<EventId, IncomingEvent>) {
        for (id, stored) in events {
            self.queue(id, stored.event, &stored.delivery);
        }
    }
}
