//! Events that end an answer which grows at this moment in their chat: they are looked at when they
//! are queued, since their own turns come after that answer.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::accept::decode;
use crate::event::{Delivery, Event};
use crate::handler::TurnServices;
use crate::store::{Content, Conversation, EventId, OrderingKey};

impl Engine {
    /// Looks at an event that is queued. `None` for one that was read from the store only now.
    pub(in crate::engine) fn note_queued(
        self: &Arc<Self>,
        key: &OrderingKey,
        id: EventId,
        event: Option<&Event>,
    ) {
        let (OrderingKey::Chat(chat), Some(services)) = (key, self.services.get()) else {
            return;
        };
        if !services.answers.is_in(chat) {
            return;
        }
        if let Some(event) = event {
            return self.interrupt(services, chat, id, event);
        }
        let (engine, chat) = (Arc::clone(self), chat.clone());
        self.tasks.spawn(self.watch.watch("interrupts", async move {
            if let (Some(event), Some(services)) = (engine.stored(id).await, engine.services.get())
            {
                engine.interrupt(services, &chat, id, &event);
            }
        }));
    }

    fn interrupt(&self, services: &TurnServices, chat: &Conversation, id: EventId, event: &Event) {
        let now = self.options.clock.now();
        services
            .answers
            .on_event(&services.signer, chat, id, event, now);
    }

    /// Returns a waiting event, if it can be read. One that cannot is handled later all the same.
    async fn stored(&self, id: EventId) -> Option<Event> {
        let event = self.options.store.event(id).await.ok()??;
        let Content::Delivered { body, part } = event.content else {
            return None;
        };
        let delivery = Delivery::from_body(body).ok()?;
        let mut events = decode(&delivery).ok()?;
        (usize::from(part) < events.len()).then(|| events.swap_remove(usize::from(part)))
    }
}
