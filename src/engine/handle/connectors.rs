//! Connectors: what goes from lines to chats outside, and what comes back.
//!
//! Each chat outside has a lane of its own, both for what is carried out and for what is passed in. What a connector has
//! delivered is told to the portal by a call in the outbox, committed with the event's end; what cannot be delivered is tried
//! for about a day, since the messenger outside may be away, and later messages of that chat wait behind it.

use std::sync::{Arc, Weak};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::engine::accept::Addressed;
use crate::engine::keyed_queues::Next;
use crate::engine::{Engine, Job};
use crate::event::{
    Api, ConnectorEvent, Delivery, Event, Inbound, InboundKind, LineId, MemberId,
    payload::connector::Message,
};
use crate::handler::{
    AnyConnector, Channel, Channels, ConnectorGateway, Error, InboundReceipt, Joined, Receipt,
    Result, guarded,
};
use crate::portal::Portal;
use crate::store::{
    Call, CallId, Conversation, EventId, OrderingKey, Outcome, QueuedCall, Redelivery, Time,
    TurnCommit,
};

/// How often a connector is tried with one event before it rests among the dead letters. With the pauses between, which
/// grow to [`PAUSE_MAX`](crate::engine::PAUSE_MAX), that is about a day.
pub const OUTSIDE_ATTEMPTS_MAX: u32 = 300;

/// A connector of the application, and the lines that it is joined to.
pub(in crate::engine) struct JoinableConnector {
    pub(in crate::engine) connector: Arc<dyn AnyConnector>,
    joined: watch::Sender<Joined>,
}

impl JoinableConnector {
    pub(in crate::engine) fn new(connector: Arc<dyn AnyConnector>) -> JoinableConnector {
        JoinableConnector {
            connector,
            joined: watch::Sender::default(),
        }
    }

    fn id(&self) -> &str {
        self.connector.profile().id()
    }

    /// The portal may write an id in another case than the application did.
    fn is(&self, id: &str) -> bool {
        self.id().eq_ignore_ascii_case(id)
    }

    /// Notes that it is joined to a line, or not any more.
    pub(in crate::engine) fn note(&self, portal: &MemberId, line: LineId, is_joined: bool) {
        let key = (portal.clone(), line);
        self.joined.send_if_modified(|joined| {
            let place = joined.iter().position(|it| *it == key);
            match (place, is_joined) {
                (None, true) => joined.push(key),
                (Some(place), false) => drop(joined.swap_remove(place)),
                _ => return false,
            }
            true
        });
    }
}

/// The way in for what clients write.
struct EngineGateway(Weak<Engine>);

impl ConnectorGateway for EngineGateway {
    fn now(&self) -> Time {
        let engine = self.0.upgrade();
        engine.map_or(Time(0), |engine| engine.options.clock.now())
    }

    fn address(&self) -> Option<String> {
        self.0.upgrade()?.handler_url().map(str::to_owned)
    }

    fn portal(&self, portal: &MemberId) -> Option<Portal> {
        self.0.upgrade()?.portal(portal)
    }

    fn append(
        &self,
        portal: MemberId,
        act: Inbound,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>> {
        Box::pin(async move {
            let engine = self.0.upgrade();
            let engine = engine.ok_or_else(|| Error::failed("the program ends"))?;
            let delivery = Delivery::inbound(&act)?;
            let events = engine.address(&portal, &delivery, vec![Event::Inbound(Box::new(act))]);
            Ok(engine.append(portal, &delivery, events, None).await?)
        })
    }
}

impl Engine {
    /// Begins to run the connectors' own part beside.
    pub(in crate::engine) fn run_connectors(self: &Arc<Self>) {
        for JoinableConnector { connector, joined } in &self.connectors {
            let channels = Channels::new(
                self.door(),
                connector.profile().id().into(),
                joined.subscribe(),
            );
            let (connector, stopped) = (Arc::clone(connector), self.stopped.clone());
            self.tasks.spawn(async move {
                stopped.run_until_cancelled(connector.run(channels)).await;
            });
        }
    }

    fn door(self: &Arc<Self>) -> Arc<dyn ConnectorGateway> {
        Arc::new(EngineGateway(Arc::downgrade(self)))
    }

    /// A connector of the application, by its id.
    pub(in crate::engine) fn joinable(&self, id: &str) -> Option<&JoinableConnector> {
        self.connectors.iter().find(|joinable| joinable.is(id))
    }

    /// A connector on a line.
    pub(in crate::engine) fn channel(
        self: &Arc<Self>,
        portal: &Portal,
        joinable: &JoinableConnector,
        line: LineId,
    ) -> Channel {
        Channel::new(self.door(), portal.clone(), joinable.id().into(), line)
    }

    /// Whose turn an event of connectors is. Those of connectors that are not in this program are nobody's.
    pub(in crate::engine) fn to_connectors(
        &self,
        portal: &MemberId,
        part: u16,
        event: &ConnectorEvent,
    ) -> Vec<Addressed> {
        let wanted =
            |joinable: &&JoinableConnector| event.connector().is_none_or(|id| joinable.is(id));
        let chat = event.outside_chat().unwrap_or_default();
        let of = |joinable: &JoinableConnector| Addressed {
            lane: OrderingKey::Chat(Conversation::outside(
                portal.clone(),
                joinable.id(),
                event.line(),
                chat,
            )),
            part,
            event: Some(Event::Connector(Box::new(event.clone()))),
        };
        let addressed: Vec<_> = self.connectors.iter().filter(wanted).map(of).collect();
        if let (Some(id), true) = (event.connector(), addressed.is_empty()) {
            tracing::debug!(%portal, connector = id, "an event of a connector that is not in this program");
        }
        addressed
    }

    /// The lane of a chat outside.
    pub(in crate::engine) fn outside(&self, portal: &MemberId, act: &Inbound) -> OrderingKey {
        let Inbound {
            connector,
            line,
            chat,
            ..
        } = act;
        OrderingKey::Chat(Conversation::outside(
            portal.clone(),
            connector,
            *line,
            chat,
        ))
    }

    /// A connector carries something outside, or hears what happened to it.
    pub(in crate::engine) async fn deliver_outbound(
        self: &Arc<Self>,
        lane: &OrderingKey,
        here: &Conversation,
        id: EventId,
        delivery: Delivery,
        event: ConnectorEvent,
    ) -> Next<Job> {
        let known = here.connector().and_then(|id| self.joinable(id));
        let Some(joinable) = known else {
            let error = "this program has no such connector any more".to_owned();
            return self.give_up(lane, id, error).await;
        };
        let Some(portal) = self.portal(&here.portal) else {
            let error = "the application was removed from the portal".to_owned();
            return self.give_up(lane, id, error).await;
        };
        let begun = match self.begin(lane, id, None, Vec::new).await {
            Ok(begun) => begun,
            Err(next) => return next,
        };
        let line = event.line();
        let channel = self.channel(&portal.with_key(here), joinable, line);
        let carried = self.run_connector(joinable, &channel, event);
        let carried = guarded(self.options.turn_timeout, carried).await;
        let call = |method: &str, params| {
            self.line_call(here, id, Redelivery::AtLeastOnce, method, params)
        };
        let (end, calls) = match carried {
            Ok(None) => (Outcome::Done, Vec::new()),
            Ok(Some((message, delivered))) => {
                let params =
                    delivery_status(joinable.id(), line, &message, &delivered, delivery.ts);
                let status = call("imconnector.send.status.delivery", params);
                (Outcome::Done, vec![status])
            }
            Err(error) if error.is_told() => {
                let told = error
                    .told()
                    .map_or_else(String::new, |told| told.text().to_owned());
                (self.end_of(lane, &Error::failed(told), false), Vec::new())
            }
            Err(error) if begun.attempt < OUTSIDE_ATTEMPTS_MAX => {
                return self.fail(lane, id, begun.attempt, &error).await;
            }
            Err(error) => {
                tracing::error!(portal = %here.portal, connector = joinable.id(), %line, "the connector has failed for good: the portal is told, and shows its error until somebody opens its settings");
                let params = on_line(joinable.id(), line);
                let failed = call("imconnector.set.error", params);
                (self.end_of(lane, &error, false), vec![failed])
            }
        };
        let turn = TurnCommit::done(id, self.options.clock.now());
        self.finish(
            lane,
            &TurnCommit {
                outcome: end,
                calls,
                ..turn
            },
            false,
        )
        .await
    }

    /// Runs a connector on one event; tells what was delivered, where the portal wants to know.
    async fn run_connector(
        &self,
        joinable: &JoinableConnector,
        channel: &Channel,
        event: ConnectorEvent,
    ) -> Result<Option<(Message, Receipt)>> {
        let connector = &joinable.connector;
        match event {
            ConnectorEvent::Message { what, message, .. } => {
                let delivered = connector
                    .deliver_outbound(channel, what, message.clone())
                    .await?;
                Ok(delivered.map(|delivered| (message, delivered)))
            }
            ConnectorEvent::Session { change, .. } => {
                connector.session(channel, change).await?;
                Ok(None)
            }
            ConnectorEvent::Removed { line, .. } => {
                joinable.note(channel.portal().id(), line, false);
                connector.deactivated(channel).await?;
                Ok(None)
            }
        }
    }

    /// Passes on what a client did: the call is queued behind the earlier ones of the same chat.
    pub(in crate::engine) async fn queue_inbound(
        &self,
        here: &Conversation,
        id: EventId,
        act: Inbound,
    ) -> Next<Job> {
        let known = self.joinable(&act.connector);
        let redelivery = known.map_or(Redelivery::default(), |known| {
            known.connector.profile().redelivery_mode()
        });
        let mut params = on_line(&act.connector, act.line);
        params.insert("MESSAGES".to_owned(), json!([act.message]));
        let call = self.line_call(here, id, redelivery, act.what.method(), params);
        let turn = TurnCommit {
            calls: vec![call],
            ..TurnCommit::done(id, self.options.clock.now())
        };
        self.commit(&turn).await;
        Next::Done
    }

    /// Tells a connector that the portal took a client's message, or refused it for good.
    pub(in crate::engine) async fn report_receipt(
        self: &Arc<Self>,
        call: &QueuedCall,
        refused: Option<&str>,
    ) {
        let Some((line, passed)) = passed(call, refused) else {
            return;
        };
        let joinable = call.to.connector().and_then(|id| self.joinable(id));
        let (Some(joinable), Some(portal)) = (joinable, self.portal(&call.to.portal)) else {
            return;
        };
        let channel = self.channel(&portal, joinable, line);
        let told = joinable.connector.inbound_receipt(&channel, passed);
        if let Err(error) = guarded(self.options.turn_timeout, told).await {
            tracing::warn!(conversation = %call.to, %error, "a connector does not hear what became of a client's message");
        }
    }

    /// A call about a chat outside, to be queued by the turn of an event.
    fn line_call(
        &self,
        to: &Conversation,
        event: EventId,
        redelivery: Redelivery,
        method: &str,
        params: Map<String, Value>,
    ) -> Arc<QueuedCall> {
        Arc::new(QueuedCall {
            id: CallId { event, index: 0 },
            to: to.clone(),
            at: self.options.clock.now(),
            api: Api::V2,
            redelivery,
            call: Call::Rest {
                method: method.to_owned(),
                params,
            },
        })
    }
}

/// The parameters that every method of connectors has.
pub(in crate::engine) fn on_line(connector: &str, line: LineId) -> Map<String, Value> {
    Map::from_iter([
        ("CONNECTOR".to_owned(), connector.into()),
        ("LINE".to_owned(), json!(line)),
    ])
}

/// The client's message that a call passes on, if it is one, and the line.
fn passed(call: &QueuedCall, refused: Option<&str>) -> Option<(LineId, InboundReceipt)> {
    let Call::Rest { method, params } = &call.call else {
        return None;
    };
    let message = params
        .get("MESSAGES")
        .filter(|_| *method == InboundKind::Wrote.method())?;
    let id = |of: &str| Some(message[0][of]["id"].as_str()?.to_owned());
    let passed = InboundReceipt {
        chat: id("chat")?,
        message: id("message")?,
        refused: refused.map(str::to_owned),
    };
    let line = params.get("LINE").and_then(Value::as_u64)?;
    Some((LineId(line), passed))
}

/// What tells the portal that a message is delivered. Without it operators see it on its way for ever, and the portal never
/// tells of its edits and its deletion (server-behaviour, section 6.1).
fn delivery_status(
    connector: &str,
    line: LineId,
    message: &Message,
    delivered: &Receipt,
    date: Option<u64>,
) -> Map<String, Value> {
    let mut told = json!({ "id": delivered.ids });
    if let Some(date) = date {
        told["date"] = date.into();
    }
    let mut params = on_line(connector, line);
    let element = json!({
        "im": { "chat_id": message.chat, "message_id": message.id },
        "message": told,
        "chat": { "id": message.outside_chat },
    });
    params.insert("MESSAGES".to_owned(), json!([element]));
    params
}
