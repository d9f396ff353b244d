//! Carries events to their handlers: one queue per address, in order, once.
//!
//! The portal hands its events to a central queue after it has answered, and that queue never repeats a delivery,
//! reads no answer, and gives a slow handler its events later. So does this: an event waits for the ones before it on
//! the same address, and when an address is [`QUEUE_MAX`] events behind, further ones are lost and the wire says so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::post::Post;
use super::wire::Wire;
use crate::event::form;

/// Events that may wait for one address.
const QUEUE_MAX: usize = 10_000;

/// The way in to one address: each event with the moment it is due.
type Queue = mpsc::Sender<(Instant, Delivery)>;

/// An event on its way to a handler.
pub(crate) struct Delivery {
    pub(crate) url: String,
    /// The application, as the wire log names it.
    pub(crate) app: Option<String>,
    /// The whole body, not yet encoded.
    pub(crate) tree: Value,
    /// Told when the handler has answered, or did not.
    pub(crate) done: Option<oneshot::Sender<()>>,
}

impl Delivery {
    /// The same once more; nobody waits for it.
    fn again(&self) -> Delivery {
        Delivery {
            url: self.url.clone(),
            app: self.app.clone(),
            tree: self.tree.clone(),
            done: None,
        }
    }
}

/// Takes deliveries and works them off in the background.
#[derive(Clone)]
pub(crate) struct Courier {
    queues: Arc<Mutex<HashMap<String, Queue>>>,
    post: Post,
    wire: Wire,
    delay: Duration,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// How many of the next events are to be lost, and how many to arrive twice: what a real queue does at times.
    pub(crate) lose: Arc<AtomicUsize>,
    pub(crate) repeat: Arc<AtomicUsize>,
}

impl Courier {
    pub(crate) fn new(post: Post, wire: Wire, delay: Duration, stop: CancellationToken) -> Self {
        Courier {
            queues: Arc::default(),
            post,
            wire,
            delay,
            stop,
            tasks: TaskTracker::new(),
            lose: Arc::default(),
            repeat: Arc::default(),
        }
    }

    /// Takes an event over from the portal, to be delivered once unless a test wants it lost or repeated.
    pub(crate) fn take(&self, delivery: Delivery) {
        if one_of(&self.lose) {
            return self.drop_with("lost on the way, as a test asked", &delivery);
        }
        if one_of(&self.repeat) {
            self.put(delivery.again());
        }
        self.put(delivery);
    }

    /// Puts a delivery in the queue of its address; it leaves after the delay of the central queue.
    fn put(&self, delivery: Delivery) {
        let queue = self.queue(&delivery.url);
        if let Err(refused) = queue.try_send((Instant::now() + self.delay, delivery)) {
            self.drop_with(
                "the queue of this handler is full: lost",
                &refused.into_inner().1,
            );
        }
    }

    fn drop_with(&self, why: &str, delivery: &Delivery) {
        self.wire
            .event(delivery, "", &Err(why.to_owned()), Duration::ZERO);
    }

    /// Waits until what is being delivered right now has been delivered.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn queue(&self, url: &str) -> Queue {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let open = queues.entry(url.to_owned()).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(QUEUE_MAX);
            self.tasks.spawn(self.clone().carry(receiver));
            sender
        });
        open.clone()
    }

    /// Works off one queue until the portal is stopped; what waits then is lost, as in a real one.
    async fn carry(self, mut queue: mpsc::Receiver<(Instant, Delivery)>) {
        while let Some(Some((due, delivery))) = self.stop.run_until_cancelled(queue.recv()).await {
            sleep_until(due).await;
            self.deliver(delivery).await;
        }
    }

    async fn deliver(&self, mut delivery: Delivery) {
        let body = form::encode(&delivery.tree);
        let begun = Instant::now();
        let answer = self.post.send(&delivery.url, body.clone()).await;
        self.wire.event(&delivery, &body, &answer, begun.elapsed());
        if let Some(done) = delivery.done.take() {
            let _ = done.send(());
        }
    }
}

/// Takes one off a count, if any is left.
fn one_of(count: &AtomicUsize) -> bool {
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        })
        .is_ok()
}
