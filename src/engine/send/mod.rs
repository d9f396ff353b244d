//! The sender: makes the calls that turns decided, in order per chat.
//!
//! The store marks a call as started; it is made; then its outcome is stored. After a crash it is
//! therefore known which calls may have been made, and the bot's profile decides what happens to
//! them ([`Redelivery`]).
//!
//! A failed call is retried here with the pauses of `retry.rs`, if it failed for a reason of its
//! own. While its portal is away or refuses all calls (`portal/schedule/breaker.rs`), the calls of
//! all its chats wait together: one of them at a time tries the portal, and when it answers, the
//! others are made, spread over a second.

mod transport;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until};

use super::keyed_queues::Next;
use super::retry::{pause, spread};
use super::{APPLICATION_REMOVED, Engine, RequestOutcome};
use crate::event::{Api, MessageId};
use crate::handler::is_open_channel as has_open_channel;
use crate::message::{FILE, FORWARD, MENU};
use crate::portal::{BotClient, Error, Portal, Urgency};
use crate::store::{
    Call, CallId, Conversation, MessageRef, QueuedCall, Redelivery, Settled, StoreError, Taken,
};

pub use transport::{RepeatId, RestTransport, Transport};

/// How long a call is retried while the portal neither takes nor refuses it.
pub const SEND_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long this process has to have tried a call before it gives it up, whatever the clock says: a
/// clock that jumps ahead makes every call look old.
pub const SEND_PATIENCE_MIN: Duration = Duration::from_secs(60 * 60);
/// Maximum number of times a message is sent again when it is unknown whether it was sent.
const RESENDS_MAX: u32 = 5;

/// Maximum number of calls to one portal that are under way or wait for its rate limit.
///
/// Above it, the queues of that portal pause, so that a slow or busy portal leaves the
/// [sender](super::SENDS_MAX) to the others.
pub const SENDS_OF_ONE_MAX: usize = 512;
/// The same for calls to visitors: portal users do not wait behind them.
const VISITOR_SENDS_MAX: usize = SENDS_OF_ONE_MAX / 4 * 3;
const _: () =
    assert!(SENDS_OF_ONE_MAX / 2 < VISITOR_SENDS_MAX && VISITOR_SENDS_MAX < SENDS_OF_ONE_MAX);
/// How long a queue pauses for that.
const BUSY_PAUSE: Duration = Duration::from_secs(1);
/// How long a queue pauses while this process is not certain that it owns the portal.
const OWNER_PAUSE: Duration = Duration::from_millis(250);
/// Time over which the calls that waited for a portal are spread when it is back.
const WAKE_SPREAD: Duration = Duration::from_secs(1);

/// A call in the queue of its chat.
#[derive(Debug)]
pub(super) struct QueuedSend {
    id: CallId,
    failures: u32,
    /// Who waits for it; `None` if it is not known yet.
    urgency: Option<Urgency>,
    /// When this process tried it first, on a clock that does not jump.
    first_tried: Option<Instant>,
    /// Until when it waits for the request of the portal's earlier owner to end.
    not_before: Option<Instant>,
    /// Whether this call tries a portal that is away.
    is_probe: bool,
}

impl QueuedSend {
    pub(super) fn new(id: CallId) -> Self {
        Self {
            id,
            failures: 0,
            urgency: None,
            first_tried: None,
            not_before: None,
            is_probe: false,
        }
    }

    /// The same call for these people.
    pub(super) fn with_urgency(self, urgency: Urgency) -> Self {
        let urgency = Some(urgency);
        Self { urgency, ..self }
    }

    /// The same call, not made before this moment.
    pub(super) fn not_before(self, at: Instant) -> Self {
        let not_before = Some(at);
        Self { not_before, ..self }
    }

    /// Retries after a pause, which is at least `min_pause` if the portal gave a time.
    fn retry(self, min_pause: Option<Duration>) -> Next<Self> {
        let failures = self.failures + 1;
        let pause = pause(self.id.event.0, failures).max(min_pause.unwrap_or_default());
        Next::Retry(Self { failures, ..self }, pause)
    }

    /// Waits for a portal that is away.
    fn wait_for(self, portal: Portal) -> Next<Self> {
        Next::Later(Box::pin(async move {
            let is_probe = portal.until_worth_trying().await;
            if !is_probe {
                sleep(spread(self.id.event.0, WAKE_SPREAD)).await;
            }
            Self { is_probe, ..self }
        }))
    }
}

impl Engine {
    /// Makes one call of a chat, if this process owns its portal, and until it does not any more.
    pub(super) async fn send(
        self: Arc<Self>,
        to: Conversation,
        mut queued: QueuedSend,
    ) -> Next<QueuedSend> {
        if let Some(at) = queued.not_before.take() {
            return Next::Later(Box::pin(async move {
                sleep_until(at).await;
                queued
            }));
        }
        let partition = self.options.store.partition(&to.portal);
        let may_send = self.options.store.may_send(partition);
        match self.owned.enter(partition).filter(|_| may_send) {
            Some(running) => {
                let sent = running.run(self.send_owned(&to, queued)).await;
                sent.unwrap_or(Next::Done) // the queue is removed
            }
            None => Next::Retry(queued, OWNER_PAUSE),
        }
    }

    async fn send_owned(
        self: &Arc<Self>,
        to: &Conversation,
        mut queued: QueuedSend,
    ) -> Next<QueuedSend> {
        let known = self.portal(&to.portal);
        let urgency = match queued.urgency {
            Some(urgency) => urgency,
            None if self.broadcasts.has(queued.id.event) => Urgency::Bulk,
            None => Box::pin(self.urgency_of(to)).await,
        };
        queued.urgency = Some(urgency);
        queued.first_tried.get_or_insert_with(Instant::now);
        if let Some(portal) = &known {
            let is_probe = std::mem::take(&mut queued.is_probe);
            if !is_probe && portal.is_away() {
                return queued.wait_for(portal.clone());
            }
            let sends_max = match urgency {
                Urgency::Answer => SENDS_OF_ONE_MAX,
                _ => VISITOR_SENDS_MAX,
            };
            if portal.busy() >= sends_max {
                return Next::Retry(queued, BUSY_PAUSE);
            }
        }
        let Taken { call, in_doubt } = match self.options.store.take(queued.id).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Next::Done, // already sent, or deleted before it was sent
            Err(error) => {
                tracing::error!(conversation = %to, %error, "cannot read the outbox");
                return queued.retry(None);
            }
        };
        if in_doubt && is_message(&call.call) {
            self.counts.uncertain.add();
            if call.redelivery == Redelivery::AtMostOnce {
                tracing::warn!(conversation = %to, call = %call.id, "a message may have been sent; it is not sent again");
                return self.settle(&call, Settled::GivenUp).await;
            }
        }
        let Some(portal) = known else {
            let error = APPLICATION_REMOVED.to_owned();
            return Box::pin(self.dead_letter(&call, error)).await;
        };
        let resolved = match self.resolve(&call.call).await {
            Ok(Some(resolved)) => resolved,
            Ok(None) => {
                tracing::warn!(conversation = %to, call = %call.id, "a message was never sent, so it is not changed");
                return self.settle(&call, Settled::GivenUp).await;
            }
            Err(error) => {
                tracing::error!(conversation = %to, %error, "cannot read the outbox");
                return queued.retry(None);
            }
        };
        let repeat_id = is_shown_once(&call).then(|| RepeatId::of(&call));
        let of_chat = match urgency {
            Urgency::Answer => portal.with_key(to).while_owned(),
            Urgency::Bulk => portal.with_key(to).in_bulk().while_owned(),
            Urgency::Visitor => portal.with_key(to).for_visitor().while_owned(),
        };
        let bot = BotClient::new(of_chat, to.bot, call.api);
        let transport = &self.options.transport;
        match transport.send(&bot, &to.dialog, resolved, repeat_id).await {
            Ok(message) => {
                let next = self.settle(&call, Settled::Sent(message)).await;
                if matches!(call.call, Call::Rest { .. }) {
                    Box::pin(self.report_receipt(&call, None)).await;
                }
                next
            }
            Err(error) => {
                let next = Box::pin(self.on_failure(queued, &call, &error)).await;
                match next {
                    // It did not fail for a reason of its own: it waits like the portal's others.
                    Next::Retry(queued, _) if error.is_of_portal() && portal.is_away() => {
                        queued.wait_for(portal)
                    }
                    next => next,
                }
            }
        }
    }

    /// Returns who waits for the calls of a chat, from its row in the store.
    async fn urgency_of(&self, to: &Conversation) -> Urgency {
        if to.connector().is_some() || self.is_open_channel(to).await {
            Urgency::Visitor
        } else {
            Urgency::Answer
        }
    }

    /// Retries a failed call, gives it up, or makes it a dead letter.
    async fn on_failure(
        self: &Arc<Self>,
        queued: QueuedSend,
        call: &QueuedCall,
        error: &Error,
    ) -> Next<QueuedSend> {
        let has_tried_long = queued
            .first_tried
            .is_some_and(|first| first.elapsed() >= SEND_PATIENCE_MIN);
        let is_old = has_tried_long && self.options.clock.now().since(call.at) > SEND_PATIENCE;
        let is_message = is_message(&call.call);
        if error.is_not_owner() {
            // Certainly not sent. If another process owns the portal, the queue is removed soon.
            return match self.settle(call, Settled::NotSent).await {
                Next::Done => Next::Retry(queued, OWNER_PAUSE),
                next => next,
            };
        }
        if error.may_have_run() {
            if is_message && call.redelivery == Redelivery::AtMostOnce {
                self.counts.uncertain.add();
                tracing::warn!(conversation = %call.to, call = %call.id, %error, "a message may have been sent; it is not sent again");
                return self.settle(call, Settled::GivenUp).await;
            }
            // Edits, deletions, hand-overs of a chat and messages with a repeat id can be repeated
            // without harm.
            let is_repeatable = !is_message || is_shown_once(call);
            if !is_old && (is_repeatable || queued.failures < RESENDS_MAX) {
                tracing::warn!(conversation = %call.to, call = %call.id, %error, "a call may have been made; it is made again");
                return queued.retry(error.retry_after());
            }
        } else if error.may_pass_later() && !is_old {
            tracing::warn!(conversation = %call.to, call = %call.id, %error, "a call failed for now; retrying");
            return match self.settle(call, Settled::NotSent).await {
                Next::Done => queued.retry(error.retry_after()),
                next => next,
            };
        }
        if is_bot_outside(call, error) && self.is_open_channel(&call.to).await {
            tracing::warn!(conversation = %call.to, call = %call.id, %error, "the bot is no longer in this chat of an open channel; its message is dropped");
            return self.settle(call, Settled::GivenUp).await;
        }
        if self.broadcasts.has(call.id.event) {
            return self.refuse_broadcast(call, error).await;
        }
        self.dead_letter(call, error.to_string()).await
    }

    /// Counts a message of a broadcast that the portal refuses: the chat may be gone.
    async fn refuse_broadcast(&self, call: &QueuedCall, error: &Error) -> Next<QueuedSend> {
        tracing::debug!(conversation = %call.to, call = %call.id, %error, "a message of a broadcast is refused");
        let at = self.options.clock.now();
        let error = error
            .code()
            .map_or_else(|| error.to_string(), str::to_owned);
        self.settle(call, Settled::Dead { at, error }).await
    }

    /// Whether this is a chat of an open channel. There the client, an operator or a timeout of the
    /// line can remove the bot without an event (protocol/server-behaviour.md 6.2), so a refused
    /// message is not an error.
    async fn is_open_channel(&self, chat: &Conversation) -> bool {
        let row = self.options.store.state(chat).await;
        matches!(row, Ok(Some(row)) if has_open_channel(&row))
    }

    /// Makes a call a dead letter.
    async fn dead_letter(self: &Arc<Self>, call: &QueuedCall, error: String) -> Next<QueuedSend> {
        self.counts.dead.add();
        tracing::error!(conversation = %call.to, call = %call.id, error, "a call failed; it is a dead letter now");
        let at = self.options.clock.now();
        self.report_receipt(call, Some(&error)).await;
        self.settle(call, Settled::Dead { at, error }).await
    }

    async fn settle(&self, call: &QueuedCall, settled: Settled) -> Next<QueuedSend> {
        if self.broadcasts.has(call.id.event)
            && Box::pin(self.settle_broadcast(call, &settled)).await
        {
            return Next::Done;
        }
        self.write(|store| store.settle(call.id, settled.clone()))
            .await;
        let event = call.id.event;
        match settled {
            Settled::Sent(_) => self.outcomes.report(event, || RequestOutcome::Done),
            Settled::GivenUp => self.outcomes.report(event, || RequestOutcome::Skipped),
            Settled::Dead { error, .. } => {
                self.outcomes
                    .report(event, || RequestOutcome::Failed(error));
            }
            Settled::NotSent => {}
        }
        Next::Done
    }

    /// Returns the call with the id of its message. Returns `None` if that message was never sent.
    async fn resolve(&self, call: &Call) -> Result<Option<Call<MessageId>>, StoreError> {
        let message = match call.message() {
            Some(MessageRef::Sent(id)) => Some(id),
            Some(MessageRef::Queued(of)) => self.options.store.message(of).await?,
            None => None,
        };
        Ok(call.resolve(message))
    }
}

/// Whether a call makes a message, which people would see twice if the call were made twice. Of
/// the REST methods that turns decide, only `imconnector.send.messages` makes one, and the portal
/// does not recognise its repeats (protocol/server-behaviour.md 6.1).
fn is_message(call: &Call) -> bool {
    match call {
        Call::Say { .. } => true,
        Call::Rest { method, .. } => **method == *"imconnector.send.messages",
        Call::Edit { .. } | Call::Delete { .. } => false,
    }
}

/// Whether a message was refused because the bot is not in the chat. v1 and v2 have different codes
/// for it.
fn is_bot_outside(call: &QueuedCall, error: &Error) -> bool {
    let is_refused = ["ACCESS_DENIED", "CANCELED", "ERROR_NO_ACCESS"]
        .iter()
        .any(|code| error.is(code));
    is_refused && matches!(call.call, Call::Say { .. })
}

/// Whether the portal shows a repeated message once: in v2 always, in v1 if the profile asks for
/// it, but never for a message with a menu, a file or forwarded messages.
fn is_shown_once(call: &QueuedCall) -> bool {
    let is_asked = call.api == Api::V2 || call.redelivery == Redelivery::Deduplicated;
    let is_recognised = |params: &Map<String, Value>| {
        ![MENU, FILE, FORWARD]
            .iter()
            .any(|part| params.contains_key(*part))
    };
    matches!(&call.call, Call::Say { params, .. } if is_asked && is_recognised(params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::EventId;

    #[test]
    fn a_call_that_an_earlier_owner_may_be_sending_keeps_its_time_and_its_people() {
        let (event, index) = (EventId(7), 16);
        let at = Instant::now();
        let queued = QueuedSend::new(CallId { event, index });
        let queued = queued.with_urgency(Urgency::Visitor).not_before(at);
        assert_eq!(queued.not_before, Some(at));
        assert_eq!(queued.urgency, Some(Urgency::Visitor));
        let Next::Retry(again, _) = queued.retry(None) else {
            panic!("it is not retried");
        };
        assert_eq!((again.failures, again.urgency), (1, Some(Urgency::Visitor)));
    }
}
