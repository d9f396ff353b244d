//! Turns: one event handled by one bot, then everything committed or nothing.
//!
//! An attempt is counted in the store before the handler runs, so that one that takes the process with it is counted,
//! too. A failure leaves nothing behind and is tried again after a pause, while its chat waits; after
//! [`Options::attempts`](super::Options::attempts) of them the event rests among the dead letters.

use std::sync::Arc;
use std::time::Duration;

use super::intake::decode;
use super::lanes::Next;
use super::retry::pause;
use super::{Engine, Job, lock};
use crate::event::{BotRef, Chat, ChatEvent, Delivery, Event, UserId, What};
use crate::handler::{AnyBot, Attempt, Error, Occasion, Outcome, Result, Scene};
use crate::portal::Portal;
use crate::store::{Begun, Content, Conversation, End, EventId, Failure, Lane, Reminder, Turn};

/// How long a lane waits for a store that cannot be read.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What a lane's event turns out to be.
enum Found {
    Delivered(Delivery, Event),
    Reminder(Reminder),
    /// It does not wait any more.
    Nothing,
}

impl Engine {
    /// Handles one event of a lane.
    pub(super) async fn handle(self: Arc<Self>, lane: Lane, job: Job) -> Next<Job> {
        let Job { id, fresh } = job;
        let found = match fresh {
            Some(fresh) => Ok(Found::Delivered(fresh.0, fresh.1)),
            None => self.find(id).await,
        };
        match (&lane, found) {
            (_, Ok(Found::Nothing)) => Next::Done,
            (_, Err(next)) => next,
            (Lane::Chat(here), Ok(Found::Delivered(delivery, Event::Chat(event)))) => {
                self.hear(&lane, here, id, delivery, event).await
            }
            (Lane::Chat(here), Ok(Found::Reminder(reminder))) => {
                self.remind(&lane, here, id, reminder).await
            }
            (Lane::Hook { hook, .. }, Ok(Found::Delivered(delivery, _))) => {
                self.run_hook(&lane, hook, id, delivery).await
            }
            (Lane::Application(_), Ok(Found::Delivered(delivery, event))) => {
                self.run_application(&lane, id, delivery, event).await
            }
            (_, Ok(_)) => {
                let error = "the stored event is of another kind than its lane".to_owned();
                self.give_up(&lane, id, error).await
            }
        }
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
            let delivery = Delivery::from_form(body).map_err(|error| error.to_string())?;
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
                self.bury(id, error, false).await;
                Ok(Found::Nothing)
            }
        }
    }

    /// A bot hears of what happened in a chat.
    async fn hear(
        &self,
        lane: &Lane,
        here: &Conversation,
        id: EventId,
        delivery: Delivery,
        event: Box<ChatEvent>,
    ) -> Next<Job> {
        let sender = event.sender().or_else(|| acting_user(&delivery));
        let ChatEvent {
            bot,
            chat,
            user,
            author,
            language,
            what,
            ..
        } = *event;
        let Some((any, bot)) = self.find_bot(here, bot) else {
            return self.skip(id).await;
        };
        // In groups and open channels the portal reports a bot's own edits and deletions to it.
        let is_echo = matches!(what, What::Edited(_) | What::Deleted(_))
            && author == Some(UserId::from(bot.id));
        if is_echo {
            return self.skip(id).await;
        }
        let Some(portal) = self.portal(&here.portal) else {
            let error = "the application was removed from the portal".to_owned();
            return self.give_up(lane, id, error).await;
        };
        let scene = |begun: &Begun, portal: Portal| Scene {
            id,
            now: self.options.clock.now(),
            attempt: begun.attempt,
            here: here.clone(),
            bot,
            chat,
            user,
            sender,
            language,
            delivery: Some(delivery),
            portal,
        };
        self.turn(lane, here, id, any, Occasion::Chat(what), |begun| {
            scene(begun, portal)
        })
        .await
    }

    /// A bot is reminded of what it asked for.
    async fn remind(
        &self,
        lane: &Lane,
        here: &Conversation,
        id: EventId,
        reminder: Reminder,
    ) -> Next<Job> {
        let bot = BotRef {
            id: here.bot,
            code: reminder.code.clone(),
        };
        let Some((any, bot)) = self.find_bot(here, Some(bot)) else {
            return self.skip(id).await;
        };
        let Some(portal) = self.portal(&here.portal) else {
            let error = "the application was removed from the portal".to_owned();
            return self.give_up(lane, id, error).await;
        };
        self.turn(lane, here, id, any, Occasion::Reminder(reminder), |begun| {
            Scene {
                id,
                now: self.options.clock.now(),
                attempt: begun.attempt,
                here: here.clone(),
                bot,
                chat: Chat::default(),
                user: None,
                sender: None,
                language: None,
                delivery: None,
                portal,
            }
        })
        .await
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
        lane: &Lane,
        here: &Conversation,
        id: EventId,
        any: &dyn AnyBot,
        occasion: Occasion,
        scene: impl FnOnce(&Begun) -> Scene,
    ) -> Next<Job> {
        let begun = match self.begin(lane, id, any.has_state().then_some(here)).await {
            Ok(begun) => begun,
            Err(next) => return next,
        };
        let attempt = Attempt {
            limit: self.options.turn_timeout,
            is_last: begun.attempt >= self.options.attempts,
        };
        let scene = scene(&begun);
        let at = scene.now;
        let Outcome {
            state,
            aside,
            calls,
            reminders,
            error,
        } = any.turn(scene, occasion, begun.state, attempt).await;
        let end = match error {
            None => End::Done,
            Some(error) if !attempt.is_last => {
                return self.fail(lane, id, begun.attempt, &error).await;
            }
            Some(error) => self.end_of(lane, &error, any.profile().is_waiting_for_the_operator()),
        };
        let is_blocked = matches!(end, End::Dead { blocks: true, .. });
        if let Some(why) = &aside {
            self.counts.anew.add();
            tracing::error!(conversation = %here, why, "the state cannot be read: it is kept aside, and the conversation begins anew");
        }
        let turn = Turn {
            event: id,
            at,
            end,
            state: any.has_state().then(|| (here.clone(), state)),
            aside,
            calls,
            reminders,
        };
        self.finish(lane, turn, is_blocked).await
    }

    /// Runs one attempt at something that has no state and says nothing.
    pub(super) async fn attempt(
        &self,
        lane: &Lane,
        id: EventId,
        run: impl AsyncFnOnce() -> Result,
    ) -> Next<Job> {
        let begun = match self.begin(lane, id, None).await {
            Ok(begun) => begun,
            Err(next) => return next,
        };
        let end = match run().await {
            Ok(()) => End::Done,
            Err(error) if begun.attempt < self.options.attempts => {
                return self.fail(lane, id, begun.attempt, &error).await;
            }
            Err(error) => self.end_of(lane, &error, false),
        };
        let turn = Turn::done(id, self.options.clock.now());
        self.finish(lane, Turn { end, ..turn }, false).await
    }

    /// Counts an attempt. One too many means that the process died in each of those before.
    async fn begin(
        &self,
        lane: &Lane,
        id: EventId,
        state: Option<&Conversation>,
    ) -> Result<Begun, Next<Job>> {
        match self.options.store.begin(id, state).await {
            Ok(Some(begun)) if begun.attempt > self.options.attempts => {
                let error = format!(
                    "the process ended during the last of {} attempts",
                    self.options.attempts
                );
                Err(self.give_up(lane, id, error).await)
            }
            Ok(Some(begun)) => Ok(begun),
            Ok(None) => Err(Next::Done),
            Err(error) => {
                tracing::error!(%lane, event = %id, %error, "a turn cannot begin, since the store fails");
                Err(Next::Again(Job::stored(id), STORE_PAUSE))
            }
        }
    }

    /// Notes a failure that is not the last.
    async fn fail(&self, lane: &Lane, id: EventId, attempt: u32, error: &Error) -> Next<Job> {
        let pause = pause(id.0, attempt);
        self.counts.failed.add();
        tracing::warn!(%lane, event = %id, attempt, %error, ?pause, "a turn failed, and is tried again");
        let failure = Failure {
            at: self.options.clock.now(),
            error: error.to_string(),
        };
        if let Err(error) = self.options.store.fail(id, failure).await {
            tracing::error!(%lane, event = %id, %error, "the failure is not noted");
        }
        Next::Again(Job::stored(id), pause)
    }

    /// The end of an event whose last attempt failed.
    fn end_of(&self, lane: &Lane, error: &Error, blocks: bool) -> End {
        self.counts.failed.add();
        self.counts.dead.add();
        tracing::error!(%lane, %error, blocks, "an event cannot be handled, and rests among the dead letters");
        let error = error.to_string();
        End::Dead { error, blocks }
    }

    /// Puts an event among the dead letters whose handler is not asked.
    pub(super) async fn give_up(&self, lane: &Lane, id: EventId, error: String) -> Next<Job> {
        tracing::error!(%lane, event = %id, error, "an event rests among the dead letters");
        self.bury(id, error, false).await;
        Next::Done
    }

    /// Ends an event that is nobody's business.
    async fn skip(&self, id: EventId) -> Next<Job> {
        self.commit(Turn::done(id, self.options.clock.now())).await;
        Next::Done
    }

    /// Commits a turn, and lets its lane go on or wait.
    async fn finish(&self, lane: &Lane, turn: Turn, blocks: bool) -> Next<Job> {
        let id = turn.event;
        if blocks {
            lock(&self.blocked).insert(lane.clone());
        }
        match self.commit(turn).await {
            false => Next::Again(Job::stored(id), STORE_PAUSE), // the program stops
            true if blocks => Next::Blocked,
            true => Next::Done,
        }
    }
}

/// Who the portal says acted, where the event itself does not.
fn acting_user(delivery: &Delivery) -> Option<UserId> {
    delivery.at(&["auth", "user_id"])?.number().ok().flatten()
}
