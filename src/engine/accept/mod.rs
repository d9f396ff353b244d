//! Taking events in: verified, decoded as far as whose turn they are, written down, and only then acknowledged.

pub(super) mod arrivals;
pub(super) mod hook_tokens;
pub(super) mod install;
pub(super) mod occurrence;
pub(super) mod payment;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use dashmap::mapref::one::Ref;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::{Engine, FRESH_MAX, Job, Known, Refused, lock};
use crate::event::{AppEvent, Delivery, Event, MemberId};
use crate::store::{
    Appended, Conversation, EventId, NewDelivery, NewEvent, OrderingKey, Outcome, QueuedCall,
    TurnCommit,
};

/// One event of a delivery, and whose turn it is.
pub(super) struct Addressed {
    pub(super) lane: OrderingKey,
    pub(super) part: u16,
    /// Nothing where the delivery could not be decoded.
    pub(super) event: Option<Event>,
}

impl Engine {
    /// Takes a posted event in: the body of a form POST, or a query string. When it returns `Ok`, the event is written
    /// down.
    ///
    /// # Errors
    /// See [`Refused`]. Nothing has happened then.
    pub async fn accept(self: &Arc<Self>, body: Bytes) -> Result<(), Refused> {
        let delivery = Delivery::from_form(body)?;
        if !self.started.initialized() {
            Box::pin(self.start()).await?;
        }
        if matches!(delivery.name.as_ref(), "ONAPPINSTALL" | "ONAPPUPDATE") {
            return Box::pin(self.claim(&delivery)).await;
        }
        if delivery.name == payment::NAME && delivery.proof().1.is_empty() {
            return Box::pin(self.accept_payment(delivery)).await;
        }
        let proven = self.verify(&delivery);
        let proven = proven.or_else(|| self.verify_outgoing(&delivery));
        let portal = proven.ok_or(Refused::Unproven)?;
        self.admit(portal, &delivery).await.inspect_err(|error| {
            self.counts.refused.add();
            tracing::error!(event = %delivery.name, %error, "AN EVENT IS LOST: it can be written down nowhere, and the portal does not send it again");
        })
    }

    /// Takes in an event that is certainly of this portal. When it returns `Ok`, it is written down.
    ///
    /// One that cannot be decoded is written down all the same, and rests among the dead letters: a later version of this
    /// program may understand it.
    pub(super) async fn admit(
        self: &Arc<Self>,
        portal: MemberId,
        delivery: &Delivery,
    ) -> Result<(), Refused> {
        let (events, wrong) = match decode(delivery) {
            Ok(events) => (self.address(&portal, delivery, events), None),
            Err(wrong) => {
                tracing::error!(%portal, event = %delivery.name, error = wrong, "an event cannot be decoded");
                let unknown = Addressed {
                    lane: OrderingKey::Application(portal.clone()),
                    part: 0,
                    event: None,
                };
                (vec![unknown], Some(wrong))
            }
        };
        self.append(portal, delivery, events, wrong).await?;
        self.count_arrival(delivery.name.clone());
        Ok(())
    }

    /// Writes a delivery down and dispatches its events. Says whether any of them is new.
    pub(super) async fn append(
        self: &Arc<Self>,
        portal: MemberId,
        delivery: &Delivery,
        events: Vec<Addressed>,
        wrong: Option<String>,
    ) -> Result<bool, Refused> {
        if events.is_empty() {
            return Ok(false); // nobody wants it
        }
        let new = NewDelivery {
            body: delivery.body(),
            at: self.options.clock.now(),
            events: events
                .iter()
                .map(|Addressed { lane, part, event }| NewEvent {
                    occurrence: occurrence::key(lane, delivery, event.as_ref()),
                    key: lane.clone(),
                    part: *part,
                })
                .collect(),
            portal,
        };
        let ids = match self.options.store.append(new).await? {
            Appended::Now(ids) => ids,
            Appended::Later => {
                self.has_spooled.store(true, Ordering::Release);
                return Ok(true); // as far as anybody knows
            }
        };
        if let Err(error) = self.catch_up().await {
            tracing::error!(%error, "what was spooled comes later than it should");
        }
        let is_any_new = ids.iter().any(Option::is_some);
        if let Some(wrong) = wrong {
            Box::pin(self.bury_all(ids, &wrong)).await;
            return Ok(is_any_new);
        }
        for (event, id) in events.into_iter().zip(ids) {
            match id {
                Some(id) => self.dispatch(id, event, delivery),
                None => {
                    tracing::debug!(lane = %event.lane, event = %delivery.name, "a repeat is dropped")
                }
            }
        }
        Ok(is_any_new)
    }

    /// Puts an event into its lane, or aside while an earlier life's are still being taken up.
    fn dispatch(self: &Arc<Self>, id: EventId, event: Addressed, delivery: &Delivery) {
        let Addressed { lane, event, .. } = event;
        if let Some(held) = &mut *lock(&self.held) {
            return held.push((id, lane));
        }
        let fresh = event
            .filter(|_| self.events.waiting() < FRESH_MAX)
            .map(|event| Box::new((delivery.clone(), event)));
        self.events.push(lane, Job { id, fresh });
    }

    /// Puts what could not be decoded among the dead letters.
    async fn bury_all(&self, ids: Vec<Option<EventId>>, wrong: &str) {
        for id in ids.into_iter().flatten() {
            self.dead_letter_event(id, wrong.to_owned(), Vec::new())
                .await;
        }
    }

    /// Puts an event among the dead letters, and queues what is left to do about it.
    pub(super) async fn dead_letter_event(
        &self,
        event: EventId,
        error: String,
        calls: Vec<Arc<QueuedCall>>,
    ) {
        self.counts.dead.add();
        let blocks = false;
        let turn = TurnCommit {
            outcome: Outcome::Dead { error, blocks },
            calls,
            ..TurnCommit::done(event, self.options.clock.now())
        };
        self.commit(&turn).await;
    }

    /// The portal that an event proves to be from.
    fn verify(&self, delivery: &Delivery) -> Option<MemberId> {
        let (member_id, token) = delivery.proof();
        self.proven(&member_id, &delivery.domain(), &token)
    }

    /// The portal that this token proves, in constant time. An unknown portal takes the same way as a wrong token.
    ///
    /// A portal that is reached by an inbound webhook is known by its host; others by what their installation proved.
    pub(super) fn proven(&self, member_id: &str, host: &str, token: &str) -> Option<MemberId> {
        const NOBODY: &str = "00000000000000000000000000000000";
        let known = self.claimed(member_id, host);
        let expected = known
            .as_ref()
            .map_or(NOBODY, |known| known.application_token.expose_secret());
        let is_same = bool::from(expected.as_bytes().ct_eq(token.as_bytes()));
        known
            .filter(|_| is_same)
            .map(|known| known.portal.id().clone())
    }

    /// The portal that is claimed, by its id or its host.
    pub(super) fn claimed(&self, member_id: &str, host: &str) -> Option<Ref<'_, MemberId, Known>> {
        let known = self.portals.get(member_id);
        known.or_else(|| self.portals.get(host))
    }

    /// Whose turn each event of a delivery is: a bot's in its chat, every hook's that wants it, or the application's own.
    pub(super) fn address(
        &self,
        portal: &MemberId,
        delivery: &Delivery,
        events: Vec<Event>,
    ) -> Vec<Addressed> {
        let mut addressed = Vec::with_capacity(events.len());
        for (part, event) in events.into_iter().enumerate() {
            let part = part as u16;
            let lane = match &event {
                Event::Chat(chat) => chat.bot.as_ref().map(|bot| {
                    OrderingKey::Chat(Conversation {
                        portal: portal.clone(),
                        bot: bot.id,
                        dialog: chat.dialog.clone(),
                    })
                }),
                Event::Removed(_) => Some(OrderingKey::Application(portal.clone())),
                Event::Session(change) => {
                    addressed.extend(self.on_line(portal, part, change));
                    continue;
                }
                Event::Connector(event) => {
                    addressed.extend(self.to_connectors(portal, part, event));
                    continue;
                }
                Event::Inbound(act) => Some(self.outside(portal, act)),
                Event::App(_) | Event::Other => None,
            };
            if let Some(lane) = lane {
                let event = Some(event);
                addressed.push(Addressed { lane, part, event });
                continue;
            }
            addressed.extend(self.hooks_for(delivery).map(|hook| Addressed {
                lane: hook.lane(portal),
                part,
                event: Some(Event::Other),
            }));
            if matches!(event, Event::App(AppEvent::Uninstalled { .. })) {
                // Behind the hooks, which may still want to know the portal.
                let lane = OrderingKey::Application(portal.clone());
                let event = Some(event);
                addressed.push(Addressed { lane, part, event });
            }
        }
        addressed
    }
}

/// Decodes what is in a delivery. A decoder that panics is no reason to lose an event.
pub(super) fn decode(delivery: &Delivery) -> Result<Vec<Event>, String> {
    match catch_unwind(AssertUnwindSafe(|| delivery.events())) {
        Ok(events) => events.map_err(|error| error.to_string()),
        Err(_) => Err("the decoder panicked".to_owned()),
    }
}
