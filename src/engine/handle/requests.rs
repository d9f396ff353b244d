//! What the program asks of a chat from outside of a turn: from an endpoint, a hook, a schedule.
//!
//! A request is an event in the chat's queue. So it is durable once it is accepted, is ordered with
//! what people say, and a second one with the same key is dropped as a repeat.

use std::sync::Arc;

use super::{CurrentEvent, Unhandled};
use crate::engine::keyed_queues::Next;
use crate::engine::outcomes::Watched;
use crate::engine::{AcceptError, Engine, QueuedEvent};
use crate::event::{Api, BotRef, Delivery, Event, MemberId, Request, RequestKind};
use crate::handler::{EventContext, RequestError, Trigger};
use crate::store::{Conversation, Reminder, ReminderId};

impl Engine {
    /// Accepts a request. Returns where its outcome comes, or `None` if it is a repeat.
    ///
    /// # Errors
    /// It cannot be stored.
    pub(crate) async fn request(
        self: &Arc<Self>,
        portal: &MemberId,
        request: Request,
    ) -> Result<Option<Watched>, AcceptError> {
        let chat = Conversation {
            portal: portal.clone(),
            bot: request.bot.id,
            dialog: request.dialog.clone(),
        };
        let delivery = Delivery::request(&request)?;
        let is_ours = self.works_on(portal);
        let watched = self.outcomes.watch(chat, &request.key, is_ours);
        let events = self.route(portal, &delivery, vec![Event::Request(Box::new(request))]);
        let is_new = self.append(portal.clone(), &delivery, events, None).await?;
        Ok(is_new.then_some(watched))
    }

    /// Returns the bots of this program that are registered on a portal, with their API.
    pub(super) fn bots_on(&self, portal: &MemberId) -> Vec<(BotRef, Api)> {
        let registered = self.registry.bots(portal).unwrap_or_default().into_iter();
        let with_api = |bot: BotRef| Some((self.bot(&bot.code)?.profile().on_api(), bot));
        let known = registered.filter_map(with_api);
        known.map(|(api, bot)| (bot, api)).collect()
    }

    /// Returns a bot of this program on a portal, with its API.
    ///
    /// # Errors
    /// The program has no such bot, is not on this portal, or the bot is not registered there yet.
    pub(crate) fn bot_on(
        &self,
        portal: &MemberId,
        code: &str,
    ) -> Result<(BotRef, Api), RequestError> {
        if self.bot(code).is_none() {
            return Err(RequestError::NoBot(code.to_owned()));
        }
        if self.portal(portal).is_none() {
            return Err(RequestError::NotInstalled(portal.clone()));
        }
        let mut known = self.bots_on(portal).into_iter();
        let known = known.rfind(|(bot, _)| bot.code == code);
        known.ok_or_else(|| RequestError::NotRegistered {
            bot: code.to_owned(),
            portal: portal.clone(),
        })
    }

    /// Does what was requested, in a turn of the bot.
    pub(super) async fn on_request(
        self: &Arc<Self>,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        request: Request,
    ) -> Next<QueuedEvent> {
        let request = match request.kind {
            RequestKind::Broadcast(name) => {
                let asked = self.on_broadcast_request(current, chat, &request.bot, &name);
                return Box::pin(asked).await;
            }
            RequestKind::BeginBroadcast(order) => {
                return Box::pin(self.run_broadcast(current, chat, Some(order))).await;
            }
            _ => request,
        };
        let is_message = matches!(request.kind, RequestKind::Say(_));
        self.outcomes
            .begin(chat, &request.key, current.id, is_message);
        let (bot, context) = match self.prepare(current, chat, Some(request.bot)).await {
            Ok(prepared) => prepared,
            Err(why) => return self.end_unhandled(current, why).await,
        };
        let trigger = match request.kind {
            RequestKind::Say(params) => Trigger::Say(params),
            RequestKind::Broadcast(_) | RequestKind::BeginBroadcast(_) => {
                return self.end_unhandled(current, Unhandled::Skipped).await; // not reached: see above
            }
            RequestKind::Remind(payload) => Trigger::Reminder(Reminder {
                id: ReminderId {
                    event: current.id,
                    index: 0,
                },
                code: bot.profile().code().to_owned(),
                due: self.options.clock.now(),
                payload,
                person: None,
                every: None,
            }),
        };
        let context = EventContext {
            language: self.registry.language(&chat.portal),
            ..context
        };
        self.turn(current, bot, Box::new(trigger), Box::new(context))
            .await
    }
}
