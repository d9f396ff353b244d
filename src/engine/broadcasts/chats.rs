//! A broadcast in one chat: the turn that commits its message, and what becomes of the message.

use std::sync::Arc;

use super::job::{chat_of, message_of};
use super::record::{ChatResult, Control, Mark, SkipReason, mark_key};
use super::registry::{ChatOfJob, Job};
use crate::engine::Engine;
use crate::engine::QueuedEvent;
use crate::engine::handle::CurrentEvent;
use crate::engine::handle::attempt::{LastEffects, STORE_PAUSE};
use crate::engine::keyed_queues::Next;
use crate::engine::part_rows::put;
use crate::event::{BotRef, DialogId};
use crate::handler::is_with_operator;
use crate::portal::Urgency;
use crate::store::{
    Call, Conversation, EventId, QueuedCall, Settled, StoreError, StoredState, TurnCommit,
};

impl Engine {
    /// Commits the message of a broadcast to a chat, once.
    pub(in crate::engine) async fn on_broadcast_request(
        &self,
        current: CurrentEvent<'_>,
        chat: &Conversation,
        bot: &BotRef,
        name: &str,
    ) -> Next<QueuedEvent> {
        let key = Conversation::of_broadcast(chat.portal.clone(), chat.bot, name);
        let job = self.broadcasts.get(&key);
        let mark = mark_key(&key, &chat.dialog);
        let is_marked = match self.options.store.state(&mark).await {
            Ok(mark) => mark.is_some(),
            Err(error) => {
                tracing::error!(broadcast = %key, %error, "a chat waits, because the store fails; retrying");
                return Next::Retry(QueuedEvent::stored(current.id()), STORE_PAUSE);
            }
        };
        let Some(job) = job.filter(|_| !is_marked) else {
            let done = TurnCommit::done(current.id(), self.options.clock.now());
            return self.finish(current, &done, false).await;
        };
        let started = match self.begin(current, Some(chat), LastEffects::default).await {
            Ok(started) => started,
            Err(next) => return next,
        };
        let services = match self.services().await {
            Ok(services) => services,
            Err(error) => {
                tracing::error!(broadcast = %key, %error, "a chat waits, because the store fails; retrying");
                return Next::Retry(QueuedEvent::stored(current.id()), STORE_PAUSE);
            }
        };
        let reason = self.reason_to_skip(&job, chat, bot, started.state.as_ref());
        let chat = ChatOfJob::new(&job, &chat.dialog);
        let message = self.message(current.id(), &chat, bot).map(|mut message| {
            services.signer.sign_message(&mut message);
            message
        });
        self.end_chat(current, &chat, message, reason).await
    }

    fn reason_to_skip(
        &self,
        job: &Job,
        chat: &Conversation,
        bot: &BotRef,
        row: Option<&StoredState>,
    ) -> Option<SkipReason> {
        let speaks_beside_operators = self
            .bot(&bot.code)
            .is_some_and(|bot| bot.profile().is_alongside_operators());
        if job.control() == Some(Control::Cancel) {
            Some(SkipReason::Cancelled)
        } else if self.is_paused(chat) {
            Some(SkipReason::Paused)
        } else if row.is_some_and(is_with_operator) && !speaks_beside_operators {
            Some(SkipReason::Operator)
        } else {
            None
        }
    }

    /// Commits the message, or that the chat is left out.
    async fn end_chat(
        &self,
        current: CurrentEvent<'_>,
        chat: &ChatOfJob,
        message: Option<QueuedCall>,
        reason: Option<SkipReason>,
    ) -> Next<QueuedEvent> {
        let event = current.id();
        let result = reason.map(ChatResult::Skipped);
        let (mark, calls) = match (&result, message) {
            (None, Some(message)) => (Mark::committed(event), vec![Arc::new(message)]),
            (Some(result), _) => (Mark::of(result.clone()), Vec::new()),
            (None, None) => (
                Mark::of(ChatResult::Skipped(SkipReason::Cancelled)), // the program has no such bot
                Vec::new(),
            ),
        };
        let result = mark.result.clone();
        if result.is_none() {
            self.broadcasts.wait_for(event, chat.clone());
        }
        let turn = TurnCommit {
            parts: vec![(mark_key(&chat.job.key, &chat.dialog), put(&mark))],
            calls,
            ..TurnCommit::done(event, self.options.clock.now())
        };
        let next = self.finish_for(current, &turn, false, Urgency::Bulk).await;
        if let Some(result) = result {
            chat.report(result);
        }
        next
    }

    /// Returns the message to a chat. Returns `None` if the bot is not in this program.
    fn message(&self, event: EventId, chat: &ChatOfJob, bot: &BotRef) -> Option<QueuedCall> {
        let profile = self.bot(&bot.code)?.profile();
        Some(QueuedCall {
            id: message_of(event),
            to: chat_of(&chat.job.key, &chat.dialog),
            at: self.options.clock.now(),
            api: profile.on_api(),
            redelivery: profile.redelivery_mode(),
            call: Call::Say {
                params: Arc::clone(&chat.job.params),
                answers: None,
                remember: false,
            },
        })
    }

    /// Stores what became of a broadcast's message, and reports it to the job. A refused one is no
    /// dead letter. Returns false if the message is not one of a broadcast.
    pub(in crate::engine) async fn settle_broadcast(
        &self,
        call: &QueuedCall,
        settled: &Settled,
    ) -> bool {
        let waiting = self.broadcasts.waiting_for(call.id.event);
        let Some(chat) = waiting.filter(|_| call.id == message_of(call.id.event)) else {
            return false;
        };
        let result = match settled {
            Settled::NotSent => return false,
            Settled::Sent(_) => ChatResult::Sent,
            Settled::GivenUp => ChatResult::Skipped(SkipReason::Dropped),
            Settled::Dead { error, .. } => ChatResult::Refused(error.clone()),
        };
        let settled = match settled {
            Settled::Dead { .. } => Settled::GivenUp,
            other => other.clone(),
        };
        if result != ChatResult::Sent {
            // Before it leaves the outbox: without this mark it counts as sent then.
            let mark = Mark::of(result.clone());
            let put: Result<(), StoreError> = self.put_mark(&chat, &mark).await;
            if let Err(error) = put {
                tracing::error!(broadcast = %chat.job.key, chat = %chat.dialog, %error, "a result cannot be stored; it counts as sent");
            }
        }
        let is_written = self
            .write(|store| store.settle(call.id, settled.clone()))
            .await;
        if is_written {
            self.broadcasts.settled(call.id.event);
            chat.report(result);
        }
        true
    }
}

impl ChatOfJob {
    pub(super) fn new(job: &Arc<Job>, dialog: &DialogId) -> Self {
        Self {
            job: Arc::clone(job),
            dialog: dialog.clone(),
        }
    }
}
