//! Turns: one event handled by one bot, then everything committed or nothing.

pub(super) mod attempt;
pub(super) mod connector_settings;
pub(super) mod connectors;
pub(super) mod hooks;
pub(super) mod sessions;

use std::pin::Pin;
use std::sync::Arc;

use super::accept::decode;
use super::keyed_queues::Next;
use super::{Engine, Job};
use crate::event::{BotRef, ChatEvent, ChatEventKind, Delivery, Event, SessionChange, UserId};
use crate::handler::{AnyBot, Attempt, EventContext, Result, Trigger, TurnResult, to_people};
use crate::store::{Content, Conversation, EventId, OrderingKey, Outcome, Reminder, TurnCommit};
use attempt::STORE_PAUSE;
use sessions::unknown_bots;

/// What is made of an event, on its way.
type Handling<'a> = Pin<Box<dyn Future<Output = Next<Job>> + Send + 'a>>;

/// What a lane's event turns out to be.
enum Found {
    Delivered(Delivery, Event),
    Reminder(Reminder),
    /// It does not wait any more.
    Nothing,
}

impl Engine {
    /// Handles one event of a lane.
    pub(super) async fn handle(self: Arc<Self>, lane: OrderingKey, job: Job) -> Next<Job> {
        let Job { id, fresh } = job;
        let found = match fresh {
            Some(fresh) => Ok(Found::Delivered(fresh.0, fresh.1)),
            None => Box::pin(self.find(id)).await,
        };
        let handling: Handling<'_> = match (&lane, found) {
            (_, Ok(Found::Nothing)) => return Next::Done,
            (_, Err(next)) => return next,
            (OrderingKey::Chat(here), Ok(Found::Delivered(delivery, Event::Chat(event)))) => {
                Box::pin(self.on_chat_event(&lane, here, id, delivery, event))
            }
            (OrderingKey::Chat(here), Ok(Found::Reminder(reminder))) => {
                Box::pin(self.remind(&lane, here, id, reminder))
            }
            (OrderingKey::Chat(here), Ok(Found::Delivered(delivery, Event::Session(change)))) => {
                Box::pin(self.on_session_event(&lane, here, id, delivery, *change))
            }
            (OrderingKey::Chat(here), Ok(Found::Delivered(delivery, Event::Connector(event)))) => {
                Box::pin(self.deliver_outbound(&lane, here, id, delivery, *event))
            }
            (OrderingKey::Chat(here), Ok(Found::Delivered(_, Event::Inbound(act)))) => {
                Box::pin(self.queue_inbound(here, id, *act))
            }
            (OrderingKey::Hook { hook, .. }, Ok(Found::Delivered(delivery, _))) => {
                Box::pin(self.run_hook(&lane, hook, id, delivery))
            }
            (OrderingKey::Application(_), Ok(Found::Delivered(delivery, event))) => {
                Box::pin(self.run_application(&lane, id, delivery, event))
            }
            (_, Ok(_)) => {
                let error = "the stored event is of another kind than its lane".to_owned();
                Box::pin(self.give_up(&lane, id, error))
            }
        };
        handling.await
    }

    /// Reads an event back.
    async fn find(&self, id: EventId) -> Result<Found, Next<Job>> {
        let content = match self.options.store.event(id).await {
            Ok(Some(event)) => event.content,
            Ok(None) => return Ok(Found::Nothing),
            Err(error) => {
                tracing::error!(event = %id, %error, "an event cannot be read from the store");
                return Err(Next::Again(Job::stored(id), STORE_PAUSE));
            }
        };
        let (body, part) = match content {
            Content::Delivered { body, part } => (body, part),
            Content::Reminder(reminder) => return Ok(Found::Reminder(reminder)),
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
            Ok((delivery, event)) => Ok(Found::Delivered(delivery, event)),
            Err(error) => {
                tracing::error!(event = %id, error, "a stored event cannot be decoded");
                self.dead_letter_event(id, error, Vec::new()).await;
                Ok(Found::Nothing)
            }
        }
    }

    /// A bot hears of what happened in a chat.
    async fn on_chat_event(
        &self,
        lane: &OrderingKey,
        here: &Conversation,
        id: EventId,
        delivery: Delivery,
        mut event: Box<ChatEvent>,
    ) -> Next<Job> {
        let Some((any, bot)) = self.find_bot(here, event.bot.take()) else {
            return Box::pin(self.skip(id)).await;
        };
        // In groups and open channels the portal reports a bot's own edits and deletions to it.
        let is_echo = matches!(
            event.what,
            ChatEventKind::Edited(_) | ChatEventKind::Deleted(_)
        ) && event.author == Some(UserId::from(bot.id));
        if is_echo {
            return Box::pin(self.skip(id)).await;
        }
        let Some(portal) = self.portal(&here.portal) else {
            let error = "the application was removed from the portal".to_owned();
            return Box::pin(self.give_up(lane, id, error)).await;
        };
        let sender = event.sender();
        let context = EventContext {
            chat: event.chat,
            user: event.user,
            sender,
            language: event.language,
            delivery: Some(delivery),
            ..EventContext::new(id, here.clone(), bot, portal.with_key(here))
        };
        let occasion = Box::new(Trigger::Chat(event.what));
        self.turn(lane, any, occasion, Box::new(context)).await
    }

    /// A bot is reminded of what it asked for.
    async fn remind(
        &self,
        lane: &OrderingKey,
        here: &Conversation,
        id: EventId,
        reminder: Reminder,
    ) -> Next<Job> {
        let bot = BotRef {
            id: here.bot,
            code: reminder.code.clone(),
        };
        let Some((any, bot)) = self.find_bot(here, Some(bot)) else {
            return Box::pin(self.skip(id)).await;
        };
        let Some(portal) = self.portal(&here.portal) else {
            let error = "the application was removed from the portal".to_owned();
            return Box::pin(self.give_up(lane, id, error)).await;
        };
        let context = EventContext::new(id, here.clone(), bot, portal.with_key(here));
        let occasion = Box::new(Trigger::Reminder(reminder));
        self.turn(lane, any, occasion, Box::new(context)).await
    }

    /// A bot hears that a session began or ended in a chat of an open channel.
    async fn on_session_event(
        &self,
        lane: &OrderingKey,
        here: &Conversation,
        id: EventId,
        delivery: Delivery,
        change: SessionChange,
    ) -> Next<Job> {
        let Some(bot) = self.registered_bot(here) else {
            // An earlier life's: which bot this is will be known when the portal is in step again.
            return self.attempt(lane, id, async || Err(unknown_bots())).await;
        };
        let Some((any, bot)) = self.find_bot(here, Some(bot)) else {
            return Box::pin(self.skip(id)).await;
        };
        let Some(portal) = self.portal(&here.portal) else {
            let error = "the application was removed from the portal".to_owned();
            return Box::pin(self.give_up(lane, id, error)).await;
        };
        let context = EventContext {
            delivery: Some(delivery),
            ..EventContext::new(id, here.clone(), bot, portal.with_key(here))
        };
        let occasion = Box::new(Trigger::Session(change));
        self.turn(lane, any, occasion, Box::new(context)).await
    }

    fn find_bot(&self, here: &Conversation, bot: Option<BotRef>) -> Option<(&dyn AnyBot, BotRef)> {
        let bot = bot?;
        match self.bot(&bot.code) {
            Some(any) => Some((any.as_ref(), bot)),
            None => {
                tracing::warn!(portal = %here.portal, bot = bot.code, "an event for a bot that is not in this program");
                None
            }
        }
    }

    /// Runs one attempt at a bot's turn.
    async fn turn(
        &self,
        lane: &OrderingKey,
        any: &dyn AnyBot,
        occasion: Box<Trigger>,
        mut context: Box<EventContext>,
    ) -> Next<Job> {
        let id = context.id;
        let here = any.has_state().then(|| context.here.clone());
        let at = self.options.clock.now();
        context.now = at;
        let to_people = || to_people(any.profile(), &context);
        let begun = match self.begin(lane, id, here.as_ref(), to_people).await {
            Ok(begun) => begun,
            Err(next) => return next,
        };
        let attempt = Attempt {
            limit: self.options.turn_timeout,
            is_last: begun.attempt >= self.options.attempts,
        };
        context.attempt = begun.attempt;
        let TurnResult {
            state,
            aside,
            calls,
            reminders,
            error,
        } = any.turn(context, occasion, begun.state, attempt).await;
        let end = match error {
            None => Outcome::Done,
            Some(error) if !attempt.is_last => {
                return Box::pin(self.fail(lane, id, begun.attempt, &error)).await;
            }
            Some(error) => self.end_of(lane, &error, any.profile().is_waiting_for_the_operator()),
        };
        let is_blocked = matches!(end, Outcome::Dead { blocks: true, .. });
        if let Some(why) = &aside {
            self.counts.anew.add();
            tracing::error!(conversation = %lane, why, "the state cannot be read: it is kept aside, and the conversation begins anew");
        }
        let turn = TurnCommit {
            event: id,
            at,
            outcome: end,
            state: here.map(|here| (here, state)),
            quarantine: aside,
            calls,
            reminders,
        };
        self.finish(lane, &turn, is_blocked).await
    }
}
