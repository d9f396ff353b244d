//! Carries events to their handlers: one queue per address, in order, once.
//!
//! The portal hands its events to a central queue after it has answered, and that queue never repeats a delivery,
//! reads no answer, and gives a slow handler its events later. So does this: an event waits for the ones before it on
//! the same address, and when an address is [`QUEUE_MAX`] events behind, further ones are lost and the wire says so.

use std::collections::HashMap;
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

/// Takes deliveries and works them off in the background.
#[derive(Clone)]
pub(crate) struct Courier {
    queues: Arc<Mutex<HashMap<String, Queue>>>,
    post: Post,
    wire: Wire,
    delay: Duration,
    stop: CancellationToken,
    tasks: TaskTracker,
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
        }
    }

    /// Puts a delivery in the queue of its address; it leaves after the delay of the central queue.
    pub(crate) fn take(&self, delivery: Delivery) {
        let queue = self.queue(&delivery.url);
        if let Err(refused) = queue.try_send((Instant::now() + self.delay, delivery)) {
            let (_, delivery) = refused.into_inner();
            self.wire.event(
                &delivery,
                "",
                &Err("the queue of this handler is full: lost".to_owned()),
                Duration::ZERO,
            );
        }
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
