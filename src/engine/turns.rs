//! Turns: one event handled by one bot, then everything committed or nothing; and hooks, which see the rest.

use std::sync::Arc;

use super::Engine;
use crate::event::{AppEvent, BotRef, ChatEvent, Delivery, Event, UserId, What};
use crate::handler::{AnyBot, HookEvent, Outcome, Pattern, Scene, guarded};
use crate::portal::Portal;
use crate::store::{Conversation, EventId, StateChange, Turn};

/// An event in a chat's lane.
#[derive(Debug)]
pub(super) struct ChatJob {
    id: EventId,
    delivery: Delivery,
    portal: Portal,
    event: Box<ChatEvent>,
}

/// An event in a hook's lane.
#[derive(Debug)]
pub(super) struct HookJob {
    id: EventId,
    event: HookEvent,
}

impl Engine {
    /// Puts an event into the lanes of those that it is for.
    pub(super) fn dispatch(
        self: &Arc<Self>,
        id: EventId,
        portal: &Portal,
        delivery: &Delivery,
        event: Event,
    ) {
        match event {
            Event::Chat(mut event) => match event.bot.take() {
                Some(bot) => self.dispatch_chat(id, portal, delivery, bot, event),
                None => self.dispatch_hooks(id, portal, delivery, None),
            },
            Event::Removed(bot) => self.dispatch_removed(id, portal.clone(), bot),
            Event::App(event) => self.dispatch_hooks(id, portal, delivery, Some(event)),
            Event::Other => self.dispatch_hooks(id, portal, delivery, None),
        }
    }

    fn dispatch_chat(
        self: &Arc<Self>,
        id: EventId,
        portal: &Portal,
        delivery: &Delivery,
        bot: BotRef,
        mut event: Box<ChatEvent>,
    ) {
        let key = Conversation {
            portal: portal.id().clone(),
            bot: bot.id,
            dialog: event.dialog.clone(),
        };
        event.bot = Some(bot);
        let job = ChatJob {
            id,
            delivery: delivery.clone(),
            portal: portal.clone(),
            event,
        };
        self.chats.push(key, job);
    }

    fn dispatch_removed(self: &Arc<Self>, id: EventId, portal: Portal, bot: BotRef) {
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            tracing::info!(portal = %portal.id(), bot = bot.code, "the bot was removed from the portal");
            if let Some(any) = engine.bot(&bot.code)
                && let Err(error) = guarded(engine.options.turn_timeout, any.removed(bot.clone())).await
            {
                tracing::error!(portal = %portal.id(), bot = bot.code, %error, "`removed` failed");
            }
            engine.commit(Turn { event: id, state: None, calls: Vec::new() }).await;
        });
    }

    /// Every hook that wants the event gets it in a lane of its own.
    fn dispatch_hooks(
        self: &Arc<Self>,
        id: EventId,
        portal: &Portal,
        delivery: &Delivery,
        own: Option<AppEvent>,
    ) {
        let wanted = |(_, (pattern, _)): &(usize, &(_, _))| {
            let pattern: &Pattern = pattern;
            pattern.matches(&delivery.name, delivery.category)
        };
        let event = HookEvent::new(delivery.clone(), portal.clone());
        let hooks: Vec<usize> = self
            .hooks
            .iter()
            .enumerate()
            .filter(wanted)
            .map(|(index, _)| index)
            .collect();
        for index in &hooks {
            let job = HookJob {
                id,
                event: event.clone(),
            };
            self.hooked.push((portal.id().clone(), *index), job);
        }
        if hooks.is_empty() || own.is_some() {
            let (engine, portal) = (Arc::clone(self), portal.clone());
            self.tasks.spawn(async move {
                if let Some(own) = own {
                    engine.live(&portal, &own).await;
                }
                engine
                    .commit(Turn {
                        event: id,
                        state: None,
                        calls: Vec::new(),
                    })
                    .await;
            });
        }
    }

    /// Runs one hook on one event.
    pub(super) async fn run_hook(self: Arc<Self>, hook: usize, job: HookJob) {
        let name = job.event.name.clone();
        let run = self.hooks[hook].1.event(job.event);
        if let Err(error) = guarded(self.options.turn_timeout, run).await {
            tracing::error!(event = %name, %error, "a hook failed");
        }
        self.commit(Turn {
            event: job.id,
            state: None,
            calls: Vec::new(),
        })
        .await;
    }

    /// Runs one turn.
    pub(super) async fn turn(self: Arc<Self>, key: Conversation, job: ChatJob) {
        let _running = self.turns.acquire().await; // never closed
        let id = job.id;
        let turn = match self.find_bot(&job) {
            Some((any, bot)) => self.handle(any, bot, key, job).await,
            None => Some(Turn {
                event: id,
                state: None,
                calls: Vec::new(),
            }),
        };
        if let Some(turn) = turn {
            self.commit(turn).await;
        }
    }

    /// The bot of this code. A program has a handful, so looking through them is as quick as anything.
    fn bot(&self, code: &str) -> Option<&Arc<dyn AnyBot>> {
        self.bots.iter().find(|bot| bot.profile().code() == code)
    }

    /// The bot that an event is for, unless it is told of what it did itself.
    fn find_bot(&self, job: &ChatJob) -> Option<(&dyn AnyBot, BotRef)> {
        let bot = job.event.bot.clone()?;
        let Some(any) = self.bot(&bot.code) else {
            tracing::warn!(portal = %job.portal.id(), bot = bot.code, "an event for a bot that is not in this program");
            return None;
        };
        // In groups and open channels the portal reports a bot's own edits and deletions to it.
        let is_echo = matches!(job.event.what, What::Edited(_) | What::Deleted(_))
            && job.event.author == Some(UserId::from(bot.id));
        (!is_echo).then_some((any.as_ref(), bot))
    }

    async fn handle(
        &self,
        any: &dyn AnyBot,
        bot: BotRef,
        key: Conversation,
        job: ChatJob,
    ) -> Option<Turn> {
        let state = if any.has_state() {
            self.options.store.state(&key).await
        } else {
            Ok(None)
        };
        let state = match state {
            Ok(state) => state,
            Err(error) => {
                tracing::error!(portal = %key.portal, bot = bot.code, chat.id = %key.dialog, %error, "the state cannot be read");
                return None;
            }
        };
        let ChatJob {
            id,
            delivery,
            portal,
            event,
        } = job;
        let name = delivery.name.clone();
        let sender = event.sender().or_else(|| acting_user(&delivery));
        let scene = Scene {
            id,
            delivery,
            event,
            bot: bot.clone(),
            sender,
            portal,
        };
        let Outcome {
            state,
            calls,
            error,
        } = any.turn(scene, state, self.options.turn_timeout).await;
        if let Some(error) = error {
            tracing::error!(portal = %key.portal, bot = bot.code, chat.id = %key.dialog, event = %name, %error, "the turn failed");
        }
        let state = (state != StateChange::Keep).then_some((key, state));
        Some(Turn {
            event: id,
            state,
            calls,
        })
    }

    /// Ends a turn, then hands its calls to the sender.
    async fn commit(self: &Arc<Self>, turn: Turn) {
        let calls = turn.calls.clone();
        if let Err(error) = self.options.store.commit(turn).await {
            tracing::error!(%error, "a turn is not committed; its event runs again after a restart");
            return;
        }
        for call in calls {
            self.outbox.push(call.to.clone(), call);
        }
    }
}

/// Who the portal says acted, where the event itself does not.
fn acting_user(delivery: &Delivery) -> Option<UserId> {
    delivery.at(&["auth", "user_id"])?.number().ok().flatten()
}
