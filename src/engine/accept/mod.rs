//! Accepting events: verify, decode, find the queue of each event, store, and only then
//! acknowledge.

pub(super) mod arrivals;
pub(super) mod charset;
pub(super) mod hook_tokens;
pub(super) mod install;
pub(super) mod install_queue;
pub(super) mod occurrence;
pub(super) mod payment;
pub(super) mod proof_limits;
pub(super) mod spare;
pub(super) mod unproven;
mod verify;

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use verify::ProvenBy;

use super::handle::attempt::LastEffects;
use super::{AcceptError, DECODED_MAX, Engine, QueuedEvent};
use crate::event::{AppEvent, Delivery, Event, Inbound, MemberId, UserId};
use crate::store::{
    Appended, Conversation, EventId, NewDelivery, NewEvent, OrderingKey, Outcome, TurnCommit,
};

/// How an event was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// It is stored.
    Stored,
    /// It is noted in memory and will be compared with what the portal reports: a payment, which
    /// carries no token. This is the answer for an unknown portal as well.
    Noted,
}

/// One event of a delivery, and its queue.
pub(super) struct RoutedEvent {
    pub(super) key: OrderingKey,
    /// Its index in the delivery.
    pub(super) part: u16,
    /// `None` if the delivery could not be decoded.
    pub(super) event: Option<Event>,
}

impl Engine {
    /// Accepts a posted event: a form, a JSON object or a query string. When it returns `Ok`, the
    /// event is stored; a payment is noted ([`Accepted`]).
    ///
    /// # Errors
    /// Nothing is stored then.
    /// - [`AcceptError::Malformed`] if the body cannot be read.
    /// - [`AcceptError::Unproven`] if it is not proven to be from a portal that the application is
    ///   installed on.
    /// - [`AcceptError::Full`] while too many installations are being proven.
    /// - [`AcceptError::Unreachable`] if an installation cannot be verified now.
    /// - [`AcceptError::Store`] if it cannot be stored.
    pub async fn accept(self: &Arc<Self>, body: Bytes) -> Result<(), AcceptError> {
        self.accept_for(body, UserId(0)).await
    }

    /// Accepts an event that was posted to the address of a binding for one user
    /// ([`App::hook_as`](crate::App::hook_as)): the number in the query `as_user` of that address;
    /// 0 if it has none.
    ///
    /// # Errors
    /// Those of [`accept`](Engine::accept).
    pub async fn accept_for(
        self: &Arc<Self>,
        body: Bytes,
        user: UserId,
    ) -> Result<(), AcceptError> {
        self.accept_from(body, user, None).await.map(|_| ())
    }

    /// Accepts an event like [`accept_for`](Engine::accept_for), which came from an address. Of
    /// many installations that wait to be proven, addresses take turns.
    ///
    /// # Errors
    /// Those of [`accept`](Engine::accept).
    pub async fn accept_from(
        self: &Arc<Self>,
        body: Bytes,
        user: UserId,
        from: Option<IpAddr>,
    ) -> Result<Accepted, AcceptError> {
        let accepted = self.accept_proven(body, user, from).await;
        accepted.inspect_err(|error| {
            if matches!(error, AcceptError::Unproven) {
                self.counts.unproven.add();
            }
        })
    }

    async fn accept_proven(
        self: &Arc<Self>,
        body: Bytes,
        user: UserId,
        from: Option<IpAddr>,
    ) -> Result<Accepted, AcceptError> {
        let mut delivery = Delivery::from_posted(body)?;
        if !self.started.initialized() {
            Box::pin(self.start()).await?;
        }
        if matches!(delivery.name.as_ref(), "ONAPPINSTALL" | "ONAPPUPDATE") {
            let delivery = unproven::copy(&delivery)?;
            let installed = Box::pin(self.accept_install(&delivery, from));
            return installed.await.map(|()| Accepted::Stored);
        }
        if delivery.name == payment::NAME && delivery.proof().1.is_empty() {
            let delivery = unproven::copy(&delivery)?;
            return self.note_payment(delivery).map(|()| Accepted::Noted);
        }
        let proven = match self.verify(&delivery) {
            Some(proven) => proven,
            None => Box::pin(self.verify_with_store(&delivery)).await?,
        };
        if proven.by == ProvenBy::ApplicationToken {
            delivery.bound_for = Some(user); // bindings of outgoing webhooks are for nobody
        }
        let portal = proven.portal;
        let admitted = self.admit(portal, &delivery).await;
        admitted.inspect_err(|error| {
            self.counts.refused.add();
            self.health.note_loss();
            tracing::error!(event = ?delivery.name, %error, "AN EVENT IS LOST: it cannot be stored, and the portal does not send it again");
        })?;
        Ok(Accepted::Stored)
    }

    /// Accepts an event that is proven to be from this portal. When it returns `Ok`, the event is
    /// stored.
    ///
    /// An event that cannot be decoded is stored too, as a dead letter: a later version of this
    /// program may decode it.
    pub(super) async fn admit(
        self: &Arc<Self>,
        portal: MemberId,
        delivery: &Delivery,
    ) -> Result<(), AcceptError> {
        let (events, undecodable) = match decode(delivery) {
            Ok(events) => {
                self.charsets.check(&portal, delivery, &events);
                (self.route(&portal, delivery, events), None)
            }
            Err(error) => {
                tracing::error!(%portal, event = ?delivery.name, error, "an event cannot be decoded");
                let undecoded = RoutedEvent {
                    key: OrderingKey::Application(portal.clone()),
                    part: 0,
                    event: None,
                };
                (vec![undecoded], Some(error))
            }
        };
        self.append(portal, delivery, events, undecodable).await?;
        self.arrivals
            .count(delivery.name.clone(), self.options.clock.now());
        Ok(())
    }

    /// Stores a delivery and queues its events; if it is `undecodable`, makes them dead letters.
    /// Returns true if any of them is new.
    pub(super) async fn append(
        self: &Arc<Self>,
        portal: MemberId,
        delivery: &Delivery,
        events: Vec<RoutedEvent>,
        undecodable: Option<String>,
    ) -> Result<bool, AcceptError> {
        if events.is_empty() {
            return Ok(false); // nothing in this program handles it
        }
        let new = NewDelivery {
            body: delivery.body(),
            at: self.options.clock.now(),
            events: events
                .iter()
                .map(|RoutedEvent { key, part, event }| NewEvent {
                    occurrence: occurrence::of(key, delivery, event.as_ref()),
                    key: key.clone(),
                    part: *part,
                })
                .collect(),
            portal,
        };
        let partition = self.options.store.partition(&new.portal);
        let is_shared = self.options.store.send_limit().is_some();
        let ids = match self.options.store.append(new).await? {
            Appended::Now(ids) => ids,
            Appended::Later => {
                self.backlog.note_spooled();
                return Ok(true); // repeats are found when it enters the inbox
            }
        };
        if let Err(error) = self.queue_spooled().await {
            tracing::error!(%error, "spooled events are handled later than they should be");
        }
        let is_any_new = ids.iter().any(Option::is_some);
        if is_any_new && is_shared && self.owned.works_on(partition) {
            Box::pin(self.queue_arrivals()).await;
        }
        if let Some(error) = undecodable {
            Box::pin(self.dead_letter_all(ids, &error)).await;
            return Ok(is_any_new);
        }
        for (event, id) in events.into_iter().zip(ids) {
            match id {
                Some(id) => self.queue(id, event, delivery),
                None => {
                    tracing::debug!(key = %event.key, event = ?delivery.name, "a repeat is dropped")
                }
            }
        }
        Ok(is_any_new)
    }

    /// Puts an event into its queue, or defers it while what an earlier process left is being read.
    /// Leaves it to the process that owns its portal, if that is another one.
    fn queue(self: &Arc<Self>, id: EventId, event: RoutedEvent, delivery: &Delivery) {
        let RoutedEvent { key, event, .. } = event;
        let partition = self.options.store.partition(key.portal());
        let Some(key) = self.owned.defer(partition, id, key) else {
            return;
        };
        self.note_queued(&key, id, event.as_ref());
        let decoded = event
            .filter(|_| self.events.waiting() < DECODED_MAX)
            .map(|event| Box::new((delivery.clone(), event)));
        self.events.push(key, QueuedEvent { id, decoded });
    }

    /// Makes events that could not be decoded dead letters.
    async fn dead_letter_all(&self, ids: Vec<Option<EventId>>, error: &str) {
        for id in ids.into_iter().flatten() {
            self.dead_letter_event(id, error.to_owned(), LastEffects::default())
                .await;
        }
    }

    /// Makes an event a dead letter, with what remains to be done.
    pub(super) async fn dead_letter_event(&self, event: EventId, error: String, last: LastEffects) {
        self.counts.dead.add();
        let blocks = false;
        let turn = TurnCommit {
            outcome: Outcome::Dead { error, blocks },
            calls: last.calls,
            reminders: last.reminders,
            ..TurnCommit::done(event, self.options.clock.now())
        };
        self.commit(&turn).await;
    }

    /// Finds the queue of each event of a delivery: a bot's chat, each hook that matches, or the
    /// application.
    pub(super) fn route(
        &self,
        portal: &MemberId,
        delivery: &Delivery,
        events: Vec<Event>,
    ) -> Vec<RoutedEvent> {
        let mut routed = Vec::with_capacity(events.len());
        for (part, event) in events.into_iter().enumerate() {
            let part = part as u16;
            let key = match &event {
                Event::Chat(chat) => chat.bot.as_ref().map(|bot| {
                    OrderingKey::Chat(Conversation {
                        portal: portal.clone(),
                        bot: bot.id,
                        dialog: chat.dialog.clone(),
                    })
                }),
                // The hooks get an uninstallation once it is proven.
                Event::Removed(_) | Event::App(AppEvent::Uninstalled { .. }) => {
                    Some(OrderingKey::Application(portal.clone()))
                }
                Event::Session(change) => {
                    routed.extend(self.route_session(portal, part, change));
                    continue;
                }
                Event::Connector(event) => {
                    routed.extend(self.route_to_connectors(portal, part, event));
                    continue;
                }
                Event::Inbound(inbound) => Some(outside_key(portal, inbound)),
                Event::Request(request) => Some(OrderingKey::Chat(Conversation {
                    portal: portal.clone(),
                    bot: request.bot.id,
                    dialog: request.dialog.clone(),
                })),
                Event::App(_) | Event::Other => None,
            };
            if let Some(key) = key {
                let event = Some(event);
                routed.push(RoutedEvent { key, part, event });
                continue;
            }
            routed.extend(self.hooks_for(delivery).map(|(name, _)| RoutedEvent {
                key: hook_key(portal, name),
                part,
                event: Some(Event::Other),
            }));
        }
        routed
    }
}

/// Returns the events in a delivery. A decoder that panics is an error like others, so that
/// the event is not lost.
pub(super) fn decode(delivery: &Delivery) -> Result<Vec<Event>, String> {
    match catch_unwind(AssertUnwindSafe(|| delivery.events())) {
        Ok(events) => events.map_err(|error| error.to_string()),
        Err(_) => Err("the decoder panicked".to_owned()),
    }
}

/// Returns the queue of the outside chat that a client wrote in.
fn outside_key(portal: &MemberId, inbound: &Inbound) -> OrderingKey {
    OrderingKey::Chat(Conversation::outside(
        portal.clone(),
        &inbound.connector,
        inbound.line,
        &inbound.chat,
    ))
}

/// Returns the queue of a hook on a portal.
fn hook_key(portal: &MemberId, name: &Arc<str>) -> OrderingKey {
    OrderingKey::Hook {
        portal: portal.clone(),
        hook: Arc::clone(name),
    }
}
