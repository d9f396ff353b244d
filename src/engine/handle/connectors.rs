//! Connectors: messages from open channels to outside chats, and from there back.
//!
//! Each outside chat has one queue of events and one of calls. That a message was delivered is
//! reported to the portal by a call in the outbox, committed together with the event's end. A
//! message that cannot be delivered is retried for about a day, since the messenger may be away,
//! and later messages of that chat wait behind it; after a permanent error it is not retried. If it
//! fails for good, the operators get a notice in their chat.

use std::sync::{Arc, Weak};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::attempt::LastEffects;
use super::{CurrentEvent, Unhandled};
use crate::engine::accept::RoutedEvent;
use crate::engine::keyed_queues::Next;
use crate::engine::{Engine, QueuedEvent};
use crate::event::{
    Api, BotId, ChatId, ConnectorEvent, Delivery, DialogId, Event, Inbound, InboundKind, LineId,
    MemberId, OutboundKind, UserId, payload::connector::Message,
};
use crate::handler::{
    AnyConnector, Channel, Channels, ConnectorGateway, Error, InboundReceipt, Joined, Language,
    Phrase, Receipt, Result, guarded,
};
use crate::portal::{BotClient, Portal};
use crate::store::{
    Call, CallId, Conversation, OrderingKey, Outcome, QueuedCall, Redelivery, Time, TurnCommit,
};

/// Number of attempts at one event of a connector before it becomes a dead letter. With the pauses
/// between them, which grow to [`PAUSE_MAX`](crate::engine::PAUSE_MAX), that is about a day.
pub const OUTSIDE_ATTEMPTS_MAX: u32 = 300;

/// A connector of the application.
pub(in crate::engine) struct ConnectorEntry {
    pub(in crate::engine) connector: Arc<dyn AnyConnector>,
    /// The lines that it is joined to; a channel, so that the connector's own part sees changes.
    joined: watch::Sender<Joined>,
}

impl ConnectorEntry {
    pub(in crate::engine) fn new(connector: Arc<dyn AnyConnector>) -> Self {
        ConnectorEntry {
            connector,
            joined: watch::Sender::default(),
        }
    }

    fn id(&self) -> &str {
        self.connector.profile().id()
    }

    /// Returns true if this is its id. The portal may write an id in another case than the
    /// application did.
    fn has_id(&self, id: &str) -> bool {
        self.id().eq_ignore_ascii_case(id)
    }

    /// Sets that it is joined to no line of these portals.
    pub(in crate::engine) fn leave(&self, is_left: impl Fn(&MemberId) -> bool) {
        self.joined.send_if_modified(|joined| {
            let before = joined.len();
            joined.retain(|(portal, _)| !is_left(portal));
            joined.len() < before
        });
    }

    /// Sets whether it is joined to a line.
    pub(in crate::engine) fn set_joined(&self, portal: &MemberId, line: LineId, is_joined: bool) {
        let key = (portal.clone(), line);
        self.joined.send_if_modified(|joined| {
            let index = joined.iter().position(|it| *it == key);
            match (index, is_joined) {
                (None, true) => joined.push(key),
                (Some(index), false) => {
                    let _ = joined.swap_remove(index);
                }
                _ => return false,
            }
            true
        });
    }
}

/// What connectors use of the engine. It does not keep the engine alive.
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
        inbound: Inbound,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>> {
        Box::pin(async move {
            let engine = self.0.upgrade();
            let engine = engine.ok_or_else(|| Error::failed("the program ends"))?;
            let delivery = Delivery::inbound(&inbound)?;
            let events = engine.route(&portal, &delivery, vec![Event::Inbound(Box::new(inbound))]);
            Ok(engine.append(portal, &delivery, events, None).await?)
        })
    }
}

impl Engine {
    /// Starts the connectors' own parts, in the background.
    pub(in crate::engine) fn run_connectors(self: &Arc<Self>) {
        for ConnectorEntry { connector, joined } in &self.connectors {
            let channels = Channels::new(
                self.gateway(),
                connector.profile().id().into(),
                joined.subscribe(),
            );
            let (connector, stopped) = (Arc::clone(connector), self.stopped.clone());
            self.tasks.spawn(self.watch.watch("connector", async move {
                stopped.run_until_cancelled(connector.run(channels)).await;
            }));
        }
    }

    fn gateway(self: &Arc<Self>) -> Arc<dyn ConnectorGateway> {
        Arc::new(EngineGateway(Arc::downgrade(self)))
    }

    /// Returns the connector with this id.
    pub(super) fn connector(&self, id: &str) -> Option<&ConnectorEntry> {
        self.connectors.iter().find(|entry| entry.has_id(id))
    }

    /// Returns what a connector uses on a line.
    pub(super) fn channel(
        self: &Arc<Self>,
        portal: &Portal,
        entry: &ConnectorEntry,
        line: LineId,
    ) -> Channel {
        Channel::new(self.gateway(), portal.clone(), entry.id().into(), line)
    }

    /// Routes an event of connectors to the outside chat. Those of connectors that are not in this
    /// program are dropped.
    pub(in crate::engine) fn route_to_connectors(
        &self,
        portal: &MemberId,
        part: u16,
        event: &ConnectorEvent,
    ) -> Vec<RoutedEvent> {
        let wanted = |entry: &&ConnectorEntry| event.connector().is_none_or(|id| entry.has_id(id));
        let chat = event.outside_chat().unwrap_or_default();
        let route = |entry: &ConnectorEntry| RoutedEvent {
            key: OrderingKey::Chat(Conversation::outside(
                portal.clone(),
                entry.id(),
                event.line(),
                chat,
            )),
            part,
            event: Some(Event::Connector(Box::new(event.clone()))),
        };
        let routed: Vec<_> = self.connectors.iter().filter(wanted).map(route).collect();
        if let (Some(id), true) = (event.connector(), routed.is_empty()) {
            tracing::debug!(%portal, connector = id, "an event of a connector that is not in this program");
        }
        routed
    }

    /// Gives a connector a message for an outside chat, or an event about one.
    pub(super) async fn deliver_outbound(
        self: &Arc<Self>,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        delivery: Delivery,
        event: ConnectorEvent,
    ) -> Next<QueuedEvent> {
        let known = chat.connector().and_then(|id| self.connector(id));
        let Some(entry) = known else {
            let error = "this program has no such connector any more".to_owned();
            return self.end_unhandled(current, Unhandled::Failed(error)).await;
        };
        let portal = match self.portal_of(current) {
            Ok(portal) => portal,
            Err(why) => return self.end_unhandled(current, why).await,
        };
        let started = match self.begin(current, None, LastEffects::default).await {
            Ok(started) => started,
            Err(next) => return next,
        };
        let line = event.line();
        let channel = self.channel(&portal.with_key(chat), entry, line);
        let failing = UndeliveredMessage::of(&event);
        let outcome = self.run_connector(entry, &channel, event);
        let outcome = guarded(self.options.turn_timeout, outcome).await;
        let call = |index, method: &str, params| {
            let id = CallId {
                event: current.id,
                index,
            };
            self.line_call(chat, id, Redelivery::AtLeastOnce, method, params)
        };
        let (end, calls) = match outcome {
            Ok(None) => (Outcome::Done, Vec::new()),
            Ok(Some((message, receipt))) => {
                let params = delivery_status(entry.id(), line, &message, &receipt, delivery.ts);
                let status = call(0, "imconnector.send.status.delivery", params);
                (Outcome::Done, vec![status])
            }
            Err(error) if error.is_answer() || error.is_permanent() => {
                let answer = error.answer().map(|answer| answer.text().to_owned());
                let rejected = Phrase::MessageRejected.text(self.language_of(portal.id()));
                let reason = answer.as_deref().unwrap_or(rejected);
                let notice = self
                    .notify_operators(&portal, &delivery, failing, Some(reason))
                    .await;
                let notice = notice.map(|(method, params)| call(0, method, params));
                let error = answer.map_or(error, Error::failed);
                let end = self.dead_outcome(current, &error, false);
                (end, notice.into_iter().collect())
            }
            Err(error) if started.attempt < OUTSIDE_ATTEMPTS_MAX => {
                return self.fail(current, started.attempt, &error).await;
            }
            Err(error) => {
                tracing::error!(portal = %chat.portal, connector = entry.id(), %line, "the connector's last attempt failed: the portal shows its error until somebody opens its settings");
                let params = line_params(entry.id(), line);
                let mut calls = vec![call(0, "imconnector.set.error", params)];
                let notice = self
                    .notify_operators(&portal, &delivery, failing, None)
                    .await;
                calls.extend(notice.map(|(method, params)| call(1, method, params)));
                (self.dead_outcome(current, &error, false), calls)
            }
        };
        let turn = TurnCommit {
            outcome: end,
            calls,
            ..TurnCommit::done(current.id, self.options.clock.now())
        };
        self.finish(current, &turn, false).await
    }

    /// Runs a connector on one event. Returns what was delivered, if the portal expects a report.
    async fn run_connector(
        &self,
        entry: &ConnectorEntry,
        channel: &Channel,
        event: ConnectorEvent,
    ) -> Result<Option<(Message, Receipt)>> {
        let connector = &entry.connector;
        match event {
            ConnectorEvent::Message { kind, message, .. } => {
                let receipt = connector
                    .deliver_outbound(channel, kind, message.clone())
                    .await?;
                Ok(receipt.map(|receipt| (message, receipt)))
            }
            ConnectorEvent::Session { change, .. } => {
                connector.session(channel, change).await?;
                Ok(None)
            }
            ConnectorEvent::Removed { line, .. } => {
                entry.set_joined(channel.portal().id(), line, false);
                connector.deactivated(channel).await?;
                Ok(None)
            }
        }
    }

    /// Writes in an operators' chat that a message did not reach the client, so that nobody waits
    /// for the answer. The client does not see it. Returns the call that remains to be made, if
    /// somebody waits for the message.
    ///
    /// Only members may write in the chat. A bot of this program writes for itself; an operator is
    /// shown the notice with the event's own authorisation, which is the operator's. If that has
    /// expired, the installation's remains, whose user may not be a member.
    async fn notify_operators(
        &self,
        portal: &Portal,
        delivery: &Delivery,
        failing: Option<UndeliveredMessage>,
        reason: Option<&str>,
    ) -> Option<(&'static str, Map<String, Value>)> {
        let failing = failing?;
        let language = self.language_of(portal.id());
        let away = Phrase::MessengerAway.text(language);
        let text = Phrase::NotDelivered.with(language, &[reason.unwrap_or(away)]);
        let dialog = format!("chat{}", failing.chat);
        let author = BotId(failing.author.map_or(0, |author| author.0));
        if let Some(bot) = self.registry.bot(portal.id(), author)
            && let Some(known) = self.bot(&bot.code)
        {
            return Some(bot_notice(known.profile().on_api(), author, &dialog, &text));
        }
        // `SKIP_CONNECTOR`: a connector may want system messages.
        let params =
            json!({ "DIALOG_ID": dialog, "MESSAGE": text, "SYSTEM": "Y", "SKIP_CONNECTOR": "Y" });
        let token = delivery.auth().ok().and_then(|auth| auth.access_token);
        if let Some(token) = token {
            let author = BotClient::new(portal.with_token(token), author, Api::V1);
            let call = Call::Rest {
                method: NOTICE.into(),
                params: Arc::new(object(params.clone())),
            };
            let dialog = DialogId::new(dialog);
            let written = self.options.transport.send(&author, &dialog, call, None);
            match written.await {
                Ok(_) => return None,
                Err(error) => {
                    tracing::debug!(portal = %portal.id(), %error, "the notice is written with the installation's tokens");
                }
            }
        }
        Some((NOTICE, object(params)))
    }

    /// Returns the language for sentences to a portal's people; English if the portal has not said
    /// its own.
    pub(super) fn language_of(&self, portal: &MemberId) -> Language {
        Language::of(self.registry.language(portal).as_deref())
    }

    /// Queues the call that passes a client's message to the portal, behind the earlier ones of the
    /// same chat.
    pub(super) async fn queue_inbound(
        &self,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        inbound: Inbound,
    ) -> Next<QueuedEvent> {
        let known = self.connector(&inbound.connector);
        let redelivery = known.map_or(Redelivery::default(), |known| {
            known.connector.profile().redelivery_mode()
        });
        let mut params = line_params(&inbound.connector, inbound.line);
        params.insert("MESSAGES".to_owned(), json!([inbound.message]));
        let id = CallId {
            event: current.id,
            index: 0,
        };
        let call = self.line_call(chat, id, redelivery, inbound.kind.method(), params);
        let turn = TurnCommit {
            calls: vec![call],
            ..TurnCommit::done(current.id, self.options.clock.now())
        };
        self.commit(&turn).await;
        Next::Done
    }

    /// Reports to a connector that the portal took a client's message, or refused it for good.
    pub(in crate::engine) async fn report_receipt(
        self: &Arc<Self>,
        call: &QueuedCall,
        refused: Option<&str>,
    ) {
        let Some((line, receipt)) = receipt_of(call, refused) else {
            return;
        };
        let entry = call.to.connector().and_then(|id| self.connector(id));
        let (Some(entry), Some(portal)) = (entry, self.portal(&call.to.portal)) else {
            return;
        };
        let channel = self.channel(&portal, entry, line);
        let report = entry.connector.inbound_receipt(&channel, receipt);
        if let Err(error) = guarded(self.options.turn_timeout, report).await {
            tracing::warn!(conversation = %call.to, %error, "a connector failed on the receipt of a client's message");
        }
    }

    /// A call about an outside chat, for the commit of an event's turn.
    fn line_call(
        &self,
        to: &Conversation,
        id: CallId,
        redelivery: Redelivery,
        method: &str,
        params: Map<String, Value>,
    ) -> Arc<QueuedCall> {
        Arc::new(QueuedCall {
            id,
            to: to.clone(),
            at: self.options.clock.now(),
            api: Api::V2,
            redelivery,
            call: Call::Rest {
                method: method.into(),
                params: params.into(),
            },
        })
    }
}

/// The method that writes a notice for operators.
const NOTICE: &str = "im.message.add";

/// A message that may turn out to be undeliverable.
#[derive(Clone, Copy, Debug)]
struct UndeliveredMessage {
    /// The operators' chat.
    chat: ChatId,
    /// The author of a new message; of an edited or deleted one it is not known.
    author: Option<UserId>,
}

impl UndeliveredMessage {
    /// Returns the message of an event, unless it is one that nobody waits for: a system message,
    /// which the notice itself may be.
    fn of(event: &ConnectorEvent) -> Option<Self> {
        let ConnectorEvent::Message { kind, message, .. } = event else {
            return None;
        };
        let author = message.user.filter(|user| user.0 > 0);
        let is_awaited = author.is_some() || *kind != OutboundKind::Send;
        is_awaited.then_some(UndeliveredMessage {
            chat: message.chat,
            author,
        })
    }
}

/// Returns the call with which a bot writes a notice that the client does not see.
fn bot_notice(
    api: Api,
    bot: BotId,
    dialog: &str,
    text: &str,
) -> (&'static str, Map<String, Value>) {
    match api {
        Api::V1 => {
            let params = json!({
                "BOT_ID": bot, "DIALOG_ID": dialog, "MESSAGE": text,
                "SYSTEM": "Y", "SKIP_CONNECTOR": "Y",
            });
            ("imbot.message.add", object(params))
        }
        Api::V2 => {
            let fields = json!({ "message": text, "system": true, "skipConnector": true });
            let params = json!({ "botId": bot, "dialogId": dialog, "fields": fields });
            ("imbot.v2.Chat.Message.send", object(params))
        }
    }
}

fn object(params: Value) -> Map<String, Value> {
    match params {
        Value::Object(params) => params,
        _ => Map::new(),
    }
}

/// Returns the parameters that every method of connectors has.
fn line_params(connector: &str, line: LineId) -> Map<String, Value> {
    Map::from_iter([
        ("CONNECTOR".to_owned(), connector.into()),
        ("LINE".to_owned(), json!(line)),
    ])
}

/// Returns the line and the receipt of a client's message, if the call passes one to the portal.
fn receipt_of(call: &QueuedCall, refused: Option<&str>) -> Option<(LineId, InboundReceipt)> {
    let Call::Rest { method, params } = &call.call else {
        return None;
    };
    let message = params
        .get("MESSAGES")
        .filter(|_| **method == *InboundKind::Wrote.method())?;
    let id = |of: &str| Some(message[0][of]["id"].as_str()?.to_owned());
    let receipt = InboundReceipt {
        chat: id("chat")?,
        message: id("message")?,
        refused: refused.map(str::to_owned),
    };
    let line = params.get("LINE").and_then(Value::as_u64)?;
    Some((LineId(line), receipt))
}

/// Returns the parameters that report a message as delivered. Without the report, operators see it
/// as not delivered, and the portal sends no events for its edits and its deletion
/// (protocol/server-behaviour.md 6.1).
fn delivery_status(
    connector: &str,
    line: LineId,
    message: &Message,
    receipt: &Receipt,
    date: Option<u64>,
) -> Map<String, Value> {
    let mut status = json!({ "id": receipt.ids });
    if let Some(date) = date {
        status["date"] = date.into();
    }
    let mut params = line_params(connector, line);
    let element = json!({
        "im": { "chat_id": message.chat, "message_id": message.id },
        "message": status,
        "chat": { "id": message.outside_chat },
    });
    params.insert("MESSAGES".to_owned(), json!([element]));
    params
}
