//! Handles one queued event: a bot's turn, a hook, a connector, or what happens to the application.
//! A turn is committed whole or not at all.

pub(super) mod attempt;
pub(super) mod connector_settings;
pub(super) mod connectors;
pub(super) mod hooks;
pub(super) mod interrupts;
pub(super) mod repeats;
pub(super) mod requests;
pub(super) mod sessions;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;

use super::accept::decode;
use super::broadcasts::{JOB, Record};
use super::keyed_queues::Next;
use super::part_rows::put;
use super::retry::announces_delay;
use super::send::QueuedSend;
use super::{APPLICATION_REMOVED, Engine, QueuedEvent, pauses};
use crate::event::{BotRef, ChatEvent, ChatEventKind, Delivery, Event, SessionChange, UserId};
use crate::handler::{
    AnyBot, Attempt, EARLY_CALLS_MAX, EventContext, Profile, Trigger, TurnResult, hand_to_operator,
};
use crate::portal::{Portal, Urgency};
use crate::store::{
    Call, Content, Conversation, EventId, NewReminder, OrderingKey, Outcome, QueuedCall, Reminder,
    ReminderChange, StateChange, StoreError, StoredState, Time, TurnCommit,
};
use attempt::{LastEffects, STORE_PAUSE};
use repeats::repeat;
use sessions::unknown_bots;

/// The event that a worker handles.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct CurrentEvent<'q> {
    /// Its id in the store.
    id: EventId,
    /// Its queue, which waits for it.
    key: &'q OrderingKey,
}

impl CurrentEvent<'_> {
    pub(in crate::engine) fn id(&self) -> EventId {
        self.id
    }
}

/// Why an event ends without its handler.
enum Unhandled {
    /// Nothing in this program handles it: it is done.
    Skipped,
    /// Its portal is gone.
    ApplicationRemoved,
    /// The store cannot be read: it is retried.
    Store(StoreError),
    /// It should have been handled: it becomes a dead letter with this error.
    Failed(String),
}

/// The future that handles an event of some kind.
type HandleFuture<'a> = Pin<Box<dyn Future<Output = Next<QueuedEvent>> + Send + 'a>>;

/// What a queued event is.
enum Loaded {
    Delivered(Delivery, Event),
    Reminder(Reminder),
    /// It does not wait any more.
    Gone,
}

impl Engine {
    /// Handles one event of a queue, if this process owns its portal, and until it does not any
    /// more.
    pub(super) async fn handle(
        self: Arc<Self>,
        key: OrderingKey,
        queued: QueuedEvent,
    ) -> Next<QueuedEvent> {
        let partition = self.options.store.partition(key.portal());
        match self.owned.enter(partition) {
            Some(running) if !running.is_known => {
                let loaded = self.owned.until_loaded();
                let later = QueuedEvent::stored(queued.id);
                Next::Later(Box::pin(loaded.map(|()| later)))
            }
            Some(running) => {
                let handled = running.run(self.handle_owned(&key, queued)).await;
                handled.unwrap_or(Next::Done) // the queue is removed
            }
            None => Next::Retry(QueuedEvent::stored(queued.id), STORE_PAUSE),
        }
    }

    async fn handle_owned(
        self: &Arc<Self>,
        key: &OrderingKey,
        queued: QueuedEvent,
    ) -> Next<QueuedEvent> {
        let QueuedEvent { id, decoded } = queued;
        let loaded = match decoded {
            Some(decoded) => Ok(Loaded::Delivered(decoded.0, decoded.1)),
            None => Box::pin(self.load(id)).await,
        };
        let current = CurrentEvent { id, key };
        let handled: HandleFuture<'_> = match (key, loaded) {
            (OrderingKey::Chat(key), Ok(Loaded::Gone)) => {
                self.broadcasts.forget_running(key);
                return Next::Done;
            }
            (_, Ok(Loaded::Gone)) => return Next::Done,
            (_, Err(next)) => return next,
            (OrderingKey::Chat(chat), Ok(Loaded::Delivered(delivery, Event::Chat(event)))) => {
                Box::pin(self.on_chat_event(current, chat, delivery, event))
            }
            (OrderingKey::Chat(key), Ok(Loaded::Reminder(_))) if key.broadcast().is_some() => {
                Box::pin(self.run_broadcast(current, key, None))
            }
            (OrderingKey::Chat(chat), Ok(Loaded::Reminder(reminder))) => {
                Box::pin(self.on_reminder(current, chat, reminder))
            }
            (OrderingKey::Chat(chat), Ok(Loaded::Delivered(delivery, Event::Session(change)))) => {
                Box::pin(self.on_session_event(current, chat, delivery, *change))
            }
            (OrderingKey::Chat(chat), Ok(Loaded::Delivered(delivery, Event::Connector(event)))) => {
                Box::pin(self.deliver_outbound(current, chat, delivery, *event))
            }
            (OrderingKey::Chat(chat), Ok(Loaded::Delivered(_, Event::Inbound(inbound)))) => {
                Box::pin(self.queue_inbound(current, chat, *inbound))
            }
            (OrderingKey::Chat(chat), Ok(Loaded::Delivered(_, Event::Request(request)))) => {
                Box::pin(self.on_request(current, chat, *request))
            }
            (OrderingKey::Hook { hook, .. }, Ok(Loaded::Delivered(delivery, _))) => {
                Box::pin(self.run_hook(current, hook, delivery))
            }
            (OrderingKey::Application(_), Ok(Loaded::Delivered(delivery, event))) => {
                Box::pin(self.run_application(current, delivery, event))
            }
            (_, Ok(_)) => {
                let error = "the stored event is of another kind than its queue".to_owned();
                Box::pin(self.end_unhandled(current, Unhandled::Failed(error)))
            }
        };
        handled.await
    }

    /// Reads an event from the store.
    async fn load(&self, id: EventId) -> Result<Loaded, Next<QueuedEvent>> {
        let content = match self.options.store.event(id).await {
            Ok(Some(event)) => event.content,
            Ok(None) => return Ok(Loaded::Gone),
            Err(error) => {
                tracing::error!(event = %id, %error, "an event cannot be read from the store; retrying");
                return Err(Next::Retry(QueuedEvent::stored(id), STORE_PAUSE));
            }
        };
        let (body, part) = match content {
            Content::Delivered { body, part } => (body, part),
            Content::Reminder(reminder) => return Ok(Loaded::Reminder(reminder)),
        };
        let read = || {
            let delivery = Delivery::from_body(body).map_err(|error| error.to_string())?;
            let mut events = decode(&delivery)?;
            if events.len() <= part as usize {
                return Err("the stored event has fewer parts than when it came".to_owned());
            }
            Ok((delivery, events.swap_remove(part as usize)))
        };
        match read() {
            Ok((delivery, event)) => Ok(Loaded::Delivered(delivery, event)),
            Err(error) => {
                tracing::error!(event = %id, error, "a stored event cannot be decoded");
                self.dead_letter_event(id, error, LastEffects::default())
                    .await;
                Ok(Loaded::Gone)
            }
        }
    }

    /// Runs a bot's turn for an event of a chat.
    async fn on_chat_event(
        &self,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        delivery: Delivery,
        mut event: Box<ChatEvent>,
    ) -> Next<QueuedEvent> {
        // In groups and open channels the portal reports a bot's own edits and deletions to it.
        let services = self.services.get();
        if services.is_some_and(|services| services.answers.take_used(current.id)) {
            return Box::pin(self.end_unhandled(current, Unhandled::Skipped)).await;
        }
        let is_change = matches!(
            event.kind,
            ChatEventKind::Edited(_) | ChatEventKind::Deleted(_)
        );
        let is_echo = is_change && event.author == Some(UserId::from(chat.bot));
        if is_echo {
            return Box::pin(self.end_unhandled(current, Unhandled::Skipped)).await;
        }
        let (bot, context) = match self.prepare(current, chat, event.bot.take()).await {
            Ok(prepared) => prepared,
            Err(why) => return Box::pin(self.end_unhandled(current, why)).await,
        };
        let sender = event.sender();
        if let Some(language) = &event.language {
            self.registry.set_language(&chat.portal, language);
        }
        let context = EventContext {
            chat: event.chat,
            user: event.user,
            sender,
            language: event.language,
            delivery: Some(delivery),
            ..context
        };
        let trigger = Box::new(Trigger::Chat(event.kind));
        self.turn(current, bot, trigger, Box::new(context)).await
    }

    /// Runs a bot's turn for a reminder that it has set.
    async fn on_reminder(
        &self,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        reminder: Reminder,
    ) -> Next<QueuedEvent> {
        let bot = BotRef {
            id: chat.bot,
            code: reminder.code.clone(),
        };
        let (bot, context) = match self.prepare(current, chat, Some(bot)).await {
            Ok(prepared) => prepared,
            Err(why) => {
                let ended = self.end_unhandled_reminder(current, why, &reminder);
                return Box::pin(ended).await;
            }
        };
        let context = EventContext {
            language: self.registry.language(&chat.portal),
            sender: reminder.person,
            ..context
        };
        let trigger = Box::new(Trigger::Reminder(reminder));
        self.turn(current, bot, trigger, Box::new(context)).await
    }

    /// Runs a bot's turn for the start or the end of a session in its chat of an open channel.
    async fn on_session_event(
        &self,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        delivery: Delivery,
        change: SessionChange,
    ) -> Next<QueuedEvent> {
        let Some(bot) = self.registry.bot(&chat.portal, chat.bot) else {
            // The event is from before a restart. The bot's id is known once the portal is
            // reconciled, so this attempt fails and is retried.
            return self.attempt(current, async || Err(unknown_bots())).await;
        };
        let (bot, context) = match self.prepare(current, chat, Some(bot)).await {
            Ok(prepared) => prepared,
            Err(why) => return Box::pin(self.end_unhandled(current, why)).await,
        };
        let context = EventContext {
            language: self.registry.language(&chat.portal),
            delivery: Some(delivery),
            ..context
        };
        let trigger = Box::new(Trigger::Session(change));
        self.turn(current, bot, trigger, Box::new(context)).await
    }

    /// Returns the bot of a chat's event, and the context of its turn.
    async fn prepare(
        &self,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        bot: Option<BotRef>,
    ) -> Result<(&dyn AnyBot, EventContext), Unhandled> {
        let bot = bot.ok_or(Unhandled::Skipped)?;
        let Some(found) = self.bot(&bot.code) else {
            tracing::warn!(portal = %chat.portal, bot = bot.code, "an event for a bot that is not in this program");
            return Err(Unhandled::Skipped);
        };
        let portal = self.portal_of(current)?.with_key(chat);
        let services = match self.services.get() {
            Some(services) => Arc::clone(services),
            None => Box::pin(self.services()).await.map_err(Unhandled::Store)?,
        };
        let context = EventContext {
            broadcasts: Some(self.broadcasts.names().clone()),
            is_paused: self.is_paused(chat),
            ..EventContext::new(current.id, chat.clone(), bot, portal, services)
        };
        Ok((found.as_ref(), context))
    }

    /// Returns the client of an event's portal.
    fn portal_of(&self, current: CurrentEvent<'_>) -> Result<Portal, Unhandled> {
        let portal = self.portal(current.key.portal());
        portal.ok_or(Unhandled::ApplicationRemoved)
    }

    /// Ends an event without its handler.
    async fn end_unhandled(&self, current: CurrentEvent<'_>, why: Unhandled) -> Next<QueuedEvent> {
        let CurrentEvent { id, key } = current;
        let error = match why {
            Unhandled::Skipped => {
                let done = TurnCommit::done(id, self.options.clock.now());
                self.commit(&done).await;
                return Next::Done;
            }
            Unhandled::Store(error) => {
                tracing::error!(%key, event = %id, %error, "a turn cannot start, because the store fails; retrying");
                return Next::Retry(QueuedEvent::stored(id), STORE_PAUSE);
            }
            Unhandled::ApplicationRemoved => APPLICATION_REMOVED.to_owned(),
            Unhandled::Failed(error) => error,
        };
        tracing::error!(%key, event = %id, error, "an event is a dead letter");
        self.dead_letter_event(id, error, LastEffects::default())
            .await;
        Next::Done
    }

    /// Queues the notice of a failed attempt, which is not part of the turn that is committed
    /// later. Without it the user only hears less, so an error is logged.
    async fn queue_early(&self, calls: Vec<Arc<QueuedCall>>) {
        let early = |(index, call)| {
            let mut call: QueuedCall = Arc::unwrap_or_clone(call);
            call.id.index = index;
            Arc::new(call)
        };
        let messages = calls.into_iter();
        let messages = messages.filter(|call| matches!(call.call, Call::Say { .. }));
        let calls: Vec<_> = (0..EARLY_CALLS_MAX).zip(messages).map(early).collect();
        if let Err(error) = self.options.store.queue(calls.clone()).await {
            tracing::error!(%error, "the notice of a delay cannot be stored");
            return;
        }
        for call in calls {
            self.outbox.push(call.to.clone(), QueuedSend::new(call.id));
        }
    }

    /// Runs a bot's handler, or twice if a test wants so.
    #[cfg(feature = "testing")]
    async fn run(
        &self,
        bot: &dyn AnyBot,
        context: Box<EventContext>,
        trigger: Box<Trigger>,
        state: Option<StoredState>,
        attempt: Attempt<'_>,
    ) -> TurnResult {
        let _running = self.options.seams.handler();
        if self.options.seams.runs_twice() {
            let first = bot.turn(context.clone(), trigger.clone(), state.clone(), attempt);
            drop(first.await);
        }
        bot.turn(context, trigger, state, attempt).await
    }

    /// Runs a bot's handler.
    #[cfg(not(feature = "testing"))]
    fn run<'b>(
        &self,
        bot: &'b dyn AnyBot,
        context: Box<EventContext>,
        trigger: Box<Trigger>,
        state: Option<StoredState>,
        attempt: Attempt<'b>,
    ) -> impl Future<Output = TurnResult> + Send + use<'b> {
        bot.turn(context, trigger, state, attempt)
    }

    /// Returns the parts that a turn changes besides those of its handler: that the chat is known,
    /// that the bot pauses there, and the broadcasts that begin.
    fn own_parts(
        &self,
        current: CurrentEvent<'_>,
        profile: &Profile,
        pause: Option<Option<Time>>,
        reminders: &[ReminderChange],
        now: Time,
    ) -> Vec<(Conversation, StateChange)> {
        let OrderingKey::Chat(chat) = current.key else {
            return Vec::new();
        };
        let is_kept = profile.is_keeping_conversations();
        let known = is_kept.then(|| self.known_chats.part(chat, now)).flatten();
        let paused = pause.map(|until| pauses::part(chat, until));
        let begun = sets(reminders).filter(|new| new.to.broadcast().is_some());
        let begun = begun.filter_map(|new| {
            let record = Record::new(new.reminder.read().ok()?, now);
            Some((new.to.part(JOB), put(&record)))
        });
        known.into_iter().chain(paused).chain(begun).collect()
    }

    /// Runs one attempt at a bot's turn.
    async fn turn(
        &self,
        current: CurrentEvent<'_>,
        bot: &dyn AnyBot,
        trigger: Box<Trigger>,
        mut context: Box<EventContext>,
    ) -> Next<QueuedEvent> {
        if context.is_paused
            && let Some(next) = Box::pin(self.on_paused(current, bot, &trigger, &context)).await
        {
            return next;
        }
        context.person = person_of(bot.profile(), &context);
        let chat = bot.has_state().then(|| match context.person {
            Some(person) => context.conversation.of_person(person),
            None => context.conversation.clone(),
        });
        let at = self.options.clock.now();
        context.now = at;
        let repeat = repeat(&trigger, at);
        let last_effects = || LastEffects {
            calls: hand_to_operator(bot.profile(), &context),
            reminders: repeat.iter().cloned().collect(),
        };
        let started = match self.begin(current, chat.as_ref(), last_effects).await {
            Ok(started) => started,
            Err(next) => return next,
        };
        let own_limit = bot.profile().own_turn_timeout();
        let attempt = Attempt {
            limit: own_limit.unwrap_or(self.options.turn_timeout),
            is_last: started.attempt >= self.options.attempts,
            announces_delay: announces_delay(started.attempt),
            middleware: &self.middleware,
        };
        context.attempt = started.attempt;
        let entity = context.chat.entity.as_ref();
        let urgency = if entity.is_some_and(|entity| entity.kind == "LINES") {
            Urgency::Visitor
        } else {
            Urgency::Answer
        };
        let TurnResult {
            state,
            mut parts,
            is_refused_press,
            unreadable_state,
            calls,
            mut reminders,
            is_without_bot,
            pause,
            error,
        } = self
            .run(bot, context, trigger, started.state, attempt)
            .await;
        if is_refused_press {
            self.counts.refused_presses.add();
        }
        let commits = |key: &Conversation| sets(&reminders).any(|new| new.to == *key);
        self.broadcasts.names().release(current.id, commits);
        let end = match error {
            None => Outcome::Done,
            Some(error) if !attempt.is_last && !error.is_permanent() => {
                if !calls.is_empty() {
                    Box::pin(self.queue_early(calls)).await;
                }
                return Box::pin(self.fail(current, started.attempt, &error)).await;
            }
            Some(error) => self.dead_outcome(current, &error, bot.profile().blocks_on_failure()),
        };
        if is_without_bot {
            self.counts.without_bot.add();
        }
        let is_blocked = matches!(end, Outcome::Dead { blocks: true, .. });
        if let Some(why) = &unreadable_state {
            self.counts.state_resets.add();
            tracing::error!(conversation = %current.key, why, "the state cannot be read: it is quarantined, and the conversation starts from the default");
        }
        // First, so that the turn can cancel it.
        reminders.splice(..0, repeat);
        parts.extend(self.own_parts(current, bot.profile(), pause, &reminders, at));
        let turn = TurnCommit {
            event: current.id,
            at,
            outcome: end,
            state: chat.map(|chat| (chat, state)),
            parts,
            quarantine: unreadable_state,
            calls,
            reminders,
        };
        self.finish_for(current, &turn, is_blocked, urgency).await
    }
}

/// Returns the reminders that are set.
fn sets(changes: &[ReminderChange]) -> impl Iterator<Item = &NewReminder> {
    changes.iter().filter_map(|change| match change {
        ReminderChange::Set(new) => Some(new),
        ReminderChange::Cancel(_) | ReminderChange::Repeat(_) => None,
    })
}

/// Returns the person whose own state a turn has. In a private chat it is the state of the chat.
fn person_of(profile: &Profile, context: &EventContext) -> Option<UserId> {
    let sender = context.sender.filter(|_| profile.is_state_per_person())?;
    let is_private = context.conversation.dialog.as_str() == sender.to_string();
    (!is_private).then_some(sender)
}
