//! Delivers events to their handlers: one queue per address, in order, once.
//!
//! A real portal passes its events to a central queue after it has answered. That queue never
//! repeats a delivery, ignores the answer, and delivers to a slow handler later. Here, an event
//! waits for the earlier ones to the same address. When [`QUEUE_MAX`] events wait for an address,
//! further ones are lost and the traffic log records it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::planned::PlannedEvents;
use super::post::Post;
use super::traffic_log::TrafficLog;
use super::transaction::Delivery;
use crate::event::form;

/// Maximum number of events that wait for one address.
const QUEUE_MAX: usize = 10_000;

/// The queue of one address: each event with the time it is due.
type Queue = mpsc::Sender<(Instant, Delivery)>;

/// Accepts deliveries and runs them in the background.
#[derive(Clone)]
pub(crate) struct Deliveries {
    queues: Arc<Mutex<HashMap<String, Queue>>>,
    post: Post,
    traffic: TrafficLog,
    delay: Duration,
    /// Pauses before further attempts; empty on the documented portal.
    redeliver: Arc<[Duration]>,
    stop: CancellationToken,
    tasks: TaskTracker,
    planned: Arc<Mutex<PlannedEvents>>,
}

impl Deliveries {
    pub(crate) fn new(
        post: Post,
        traffic: TrafficLog,
        delay: Duration,
        redeliver: Vec<Duration>,
        stop: CancellationToken,
    ) -> Self {
        Deliveries {
            queues: Arc::default(),
            post,
            traffic,
            delay,
            redeliver: redeliver.into(),
            stop,
            tasks: TaskTracker::new(),
            planned: Arc::default(),
        }
    }

    /// Returns the client that posts.
    pub(crate) fn post(&self) -> &Post {
        &self.post
    }

    /// Returns the plans for the next events, locked.
    pub(crate) fn planned(&self) -> MutexGuard<'_, PlannedEvents> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts an event and delivers it once, unless a test planned to lose, repeat or delay it.
    pub(crate) fn accept(&self, delivery: Delivery) {
        if take_one(&mut self.planned().lose) {
            return self.log_lost("lost: planned by a test", &delivery);
        }
        if take_one(&mut self.planned().repeat) {
            self.enqueue(delivery.duplicate());
        }
        let late = self.planned().late.pop_front();
        match late {
            Some(late) => {
                self.tasks.spawn(self.clone().enqueue_later(delivery, late));
            }
            None => self.enqueue(delivery),
        }
    }

    /// Adds a delivery to its queue after some time, behind those added meanwhile.
    async fn enqueue_later(self, delivery: Delivery, late: Duration) {
        if self.stop.run_until_cancelled(sleep(late)).await.is_some() {
            self.enqueue(delivery);
        }
    }

    /// Adds a delivery to the queue of its address; it is posted after the delay of the central
    /// queue.
    fn enqueue(&self, delivery: Delivery) {
        let queue = self.queue(&delivery.url);
        if let Err(refused) = queue.try_send((Instant::now() + self.delay, delivery)) {
            self.log_lost(
                "lost: the queue of this handler is full",
                &refused.into_inner().1,
            );
        }
    }

    fn log_lost(&self, why: &str, delivery: &Delivery) {
        self.traffic
            .event(delivery, "", &Err(why.to_owned()), Duration::ZERO);
    }

    /// Waits until the deliveries under way are done.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn queue(&self, url: &str) -> Queue {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let open = queues.entry(url.to_owned()).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(QUEUE_MAX);
            self.tasks.spawn(self.clone().run_queue(receiver));
            sender
        });
        open.clone()
    }

    /// Delivers one queue until the portal is stopped; events that wait then are lost, as on a real
    /// portal.
    async fn run_queue(self, mut queue: mpsc::Receiver<(Instant, Delivery)>) {
        while let Some(Some((due, delivery))) = self.stop.run_until_cancelled(queue.recv()).await {
            sleep_until(due).await;
            self.deliver(delivery).await;
        }
    }

    async fn deliver(&self, mut delivery: Delivery) {
        let mut pauses = self.redeliver.iter();
        while !self.attempt(&delivery).await {
            let Some(pause) = pauses.next() else { break };
            if self.stop.run_until_cancelled(sleep(*pause)).await.is_none() {
                break;
            }
        }
        if let Some(done) = delivery.done.take() {
            let _ = done.send(());
        }
    }

    /// Posts an event once and returns whether the handler accepted it.
    async fn attempt(&self, delivery: &Delivery) -> bool {
        let body = form::encode(&delivery.tree);
        let begun = Instant::now();
        let answer = self.post.send(&delivery.url, body.clone()).await;
        self.traffic
            .event(delivery, &body, &answer, begun.elapsed());
        answer.is_ok_and(|answer| answer.status < 400)
    }
}

/// Subtracts one from a count if it is not zero, and returns whether it did.
fn take_one(count: &mut usize) -> bool {
    let is_left = *count > 0;
    *count -= usize::from(is_left);
    is_left
}
