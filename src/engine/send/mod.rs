//! The sender: calls that a turn decided, in order per chat.
//!
//! A call is taken from the store, which marks it, then made, then settled. So a later life of the program knows which
//! calls may have been made by the one before, and does with them what the bot's profile says ([`Redelivery`]).

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Engine;
use super::keyed_queues::Next;
use super::retry::pause;
use crate::event::{Api, CommandId, DialogId, MessageId};
use crate::handler::is_on_line;
use crate::portal::{BotClient, Error};
use crate::store::{
    Call, CallId, Conversation, MessageRef, QueuedCall, Redelivery, Settled, StoreError, Taken,
};

/// How long a call is tried that the portal does not refuse, but does not take either.
pub const SEND_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a message is sent again of which nobody knows whether it was sent.
const RESENDS_MAX: u32 = 5;

/// The most calls to one portal that are under way or wait for its limit; the others' lanes pause. So a portal that is slow,
/// or has much to say, leaves the [sender](super::SENDS_MAX) to the others.
pub const SENDS_OF_ONE_MAX: usize = 512;
/// How long a lane pauses for that.
const CROWDED_PAUSE: Duration = Duration::from_secs(1);

/// A call in its chat's lane.
#[derive(Debug)]
pub(super) struct QueuedSend {
    id: CallId,
    failures: u32,
}

impl QueuedSend {
    pub(super) fn new(id: CallId) -> QueuedSend {
        QueuedSend { id, failures: 0 }
    }

    /// Not before the portal may be asked again, if it told when.
    fn again(self, not_before: Option<Duration>) -> Next<QueuedSend> {
        let failures = self.failures + 1;
        let pause = pause(self.id.event.0, failures).max(not_before.unwrap_or_default());
        let id = self.id;
        Next::Again(QueuedSend { id, failures }, pause)
    }
}

/// What is said or changed in a chat, ready to be sent. The parameters are the outbox's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Speech<'a> {
    /// A message, and the command that it answers.
    Say {
        /// The message's parameters.
        params: Cow<'a, Map<String, Value>>,
        /// The command, and the message that holds it.
        answers: Option<(CommandId, MessageId)>,
        /// Tells the id by which the portal is to know a repeat, if the bot wants its messages shown once.
        once: Option<Once>,
    },
    /// A change of a message.
    Edit {
        /// Which.
        message: MessageId,
        /// What becomes different.
        params: Cow<'a, Map<String, Value>>,
    },
    /// A deletion.
    Delete {
        /// Which.
        message: MessageId,
    },
    /// A method of open channels.
    Rest {
        /// The method.
        method: Cow<'a, str>,
        /// Its parameters.
        params: Cow<'a, Map<String, Value>>,
    },
}

impl Speech<'_> {
    /// The same, to be kept.
    #[must_use]
    pub fn into_owned(self) -> Speech<'static> {
        match self {
            Speech::Say {
                params,
                answers,
                once,
            } => Speech::Say {
                params: Cow::Owned(params.into_owned()),
                answers,
                once,
            },
            Speech::Edit { message, params } => Speech::Edit {
                message,
                params: Cow::Owned(params.into_owned()),
            },
            Speech::Delete { message } => Speech::Delete { message },
            Speech::Rest { method, params } => Speech::Rest {
                method: Cow::Owned(method.into_owned()),
                params: Cow::Owned(params.into_owned()),
            },
        }
    }
}

/// The same on every replay of a message, and of no other message.
#[derive(Clone, Debug)]
pub struct Once(Arc<QueuedCall>);

impl Once {
    /// The hash of a version 5 UUID, marked as version 4, since the portal takes no other (server-behaviour, section 4.3).
    pub fn id(&self) -> Uuid {
        let QueuedCall { id, to, at, .. } = &*self.0;
        // With the moment: the numbers of events begin anew with a new store.
        let name = format!("imbot {to} {id} {}", at.0);
        let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        uuid::Builder::from_random_bytes(hash.into_bytes()).into_uuid()
    }
}

impl PartialEq for Once {
    fn eq(&self, other: &Once) -> bool {
        self.id() == other.id()
    }
}

/// How a message goes out.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends it, and tells the number of a new message.
    fn send<'a>(
        &'a self,
        voice: &'a BotClient,
        dialog: &'a DialogId,
        speech: Speech<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>>;
}

/// Sends by the portal's REST methods.
#[derive(Clone, Copy, Debug, Default)]
pub struct RestTransport;

impl Transport for RestTransport {
    fn send<'a>(
        &'a self,
        voice: &'a BotClient,
        dialog: &'a DialogId,
        speech: Speech<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(async move {
            match speech {
                Speech::Say {
                    params,
                    answers: Some((command, to)),
                    once,
                } => {
                    let id = once.as_ref().map(Once::id);
                    voice
                        .answer(command, to, dialog, params.into_owned(), id)
                        .await
                }
                Speech::Say { params, once, .. } => {
                    let id = once.as_ref().map(Once::id);
                    voice.say(dialog, params.into_owned(), id).await.map(Some)
                }
                Speech::Edit { message, params } => voice
                    .edit(message, params.into_owned())
                    .await
                    .map(|()| None),
                Speech::Delete { message } => voice.delete(message).await.map(|()| None),
                Speech::Rest { method, params } => {
                    let portal = voice.portal();
                    portal
                        .call_open_channel(&method, params.into_owned())
                        .await
                        .map(|()| None)
                }
            }
        })
    }
}

impl Engine {
    /// Sends one call of a chat.
    pub(super) async fn send(
        self: Arc<Self>,
        to: Conversation,
        outgoing: QueuedSend,
    ) -> Next<QueuedSend> {
        let known = self.portal(&to.portal);
        if known
            .as_ref()
            .is_some_and(|portal| portal.busy() >= SENDS_OF_ONE_MAX)
        {
            return Next::Again(outgoing, CROWDED_PAUSE);
        }
        let Taken { call, in_doubt } = match self.options.store.take(outgoing.id).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Next::Done, // sent, or deleted before it was
            Err(error) => {
                tracing::error!(conversation = %to, %error, "the outbox cannot be read");
                return outgoing.again(None);
            }
        };
        if in_doubt && is_seen(&call.call) {
            self.counts.doubts.add();
            if call.redelivery == Redelivery::AtMostOnce {
                tracing::warn!(conversation = %to, call = %call.id, "a message that may have been sent is not sent again");
                return self.settle(&call, Settled::GivenUp).await;
            }
        }
        let Some(portal) = known else {
            let error = "the application was removed from the portal".to_owned();
            return Box::pin(self.dead_letter(&call, error)).await;
        };
        let speech = match self.ready(&call).await {
            Ok(Some(speech)) => speech,
            Ok(None) => {
                tracing::warn!(conversation = %to, call = %call.id, "a message that was never sent is not changed");
                return self.settle(&call, Settled::GivenUp).await;
            }
            Err(error) => {
                tracing::error!(conversation = %to, %error, "the outbox cannot be read");
                return outgoing.again(None);
            }
        };
        let voice = BotClient::new(portal.with_key(&to), to.bot, call.api);
        match self.options.speaker.send(&voice, &to.dialog, speech).await {
            Ok(made) => {
                let next = self.settle(&call, Settled::Sent(made)).await;
                if matches!(call.call, Call::Rest { .. }) {
                    Box::pin(self.report_receipt(&call, None)).await;
                }
                next
            }
            Err(error) => Box::pin(self.not_made(outgoing, &call, &error)).await,
        }
    }

    /// What becomes of a call that failed: certainly not made and worth another try, perhaps made, or refused for good.
    async fn not_made(
        self: &Arc<Self>,
        outgoing: QueuedSend,
        call: &QueuedCall,
        error: &Error,
    ) -> Next<QueuedSend> {
        let is_old = self.options.clock.now().since(call.at) > SEND_PATIENCE;
        let is_message = is_seen(&call.call);
        if error.may_have_run() {
            if is_message && call.redelivery == Redelivery::AtMostOnce {
                self.counts.doubts.add();
                tracing::warn!(conversation = %call.to, call = %call.id, %error, "nobody knows whether a message was sent; it is not sent again");
                return self.settle(call, Settled::GivenUp).await;
            }
            // A message that the portal shows once, edits and deletions may be repeated as often as one likes.
            let is_harmless = !is_message || knows_repeats(call);
            if !is_old && (is_harmless || outgoing.failures < RESENDS_MAX) {
                tracing::warn!(conversation = %call.to, call = %call.id, %error, "nobody knows whether a message was sent; it is sent again");
                return outgoing.again(error.retry_after());
            }
        } else if error.may_pass_later() && !is_old {
            tracing::warn!(conversation = %call.to, call = %call.id, %error, "a call waits, since the portal does not take it now");
            return match self.settle(call, Settled::NotSent).await {
                Next::Done => outgoing.again(error.retry_after()),
                next => next,
            };
        }
        if is_not_let_in(call, error) && self.is_on_line(&call.to).await {
            tracing::warn!(conversation = %call.to, call = %call.id, %error, "the bot is not in this line's chat any more, so it says nothing");
            return self.settle(call, Settled::GivenUp).await;
        }
        self.dead_letter(call, error.to_string()).await
    }

    /// Whether this is the chat of an open channel. There a bot is sent away by the client, by operators and by the line's
    /// clock, and nobody tells it (server-behaviour, section 6.2): what it was about to say is nobody's business any more.
    async fn is_on_line(&self, chat: &Conversation) -> bool {
        let row = self.options.store.state(chat).await;
        matches!(row, Ok(Some(row)) if is_on_line(&row))
    }

    /// Puts a call among the dead letters.
    async fn dead_letter(self: &Arc<Self>, call: &QueuedCall, error: String) -> Next<QueuedSend> {
        self.counts.dead.add();
        tracing::error!(conversation = %call.to, call = %call.id, error, "a call rests among the dead letters");
        let at = self.options.clock.now();
        self.report_receipt(call, Some(&error)).await;
        self.settle(call, Settled::Dead { at, error }).await
    }

    async fn settle(&self, call: &QueuedCall, settled: Settled) -> Next<QueuedSend> {
        self.write(|store| store.settle(call.id, settled.clone()))
            .await;
        Next::Done
    }

    /// The call with the number of its message, if that message was ever sent.
    async fn ready<'q>(
        &self,
        queued: &'q Arc<QueuedCall>,
    ) -> Result<Option<Speech<'q>>, StoreError> {
        Ok(match &queued.call {
            Call::Say {
                params, answers, ..
            } => Some(Speech::Say {
                params: Cow::Borrowed(params),
                answers: *answers,
                once: knows_repeats(queued).then(|| Once(Arc::clone(queued))),
            }),
            Call::Edit { message, params } => {
                self.number(*message).await?.map(|message| Speech::Edit {
                    message,
                    params: Cow::Borrowed(params),
                })
            }
            Call::Delete { message } => self
                .number(*message)
                .await?
                .map(|message| Speech::Delete { message }),
            Call::Rest { method, params } => Some(Speech::Rest {
                method: Cow::Borrowed(method),
                params: Cow::Borrowed(params),
            }),
        })
    }

    async fn number(&self, message: MessageRef) -> Result<Option<MessageId>, StoreError> {
        match message {
            MessageRef::Sent(id) => Ok(Some(id)),
            MessageRef::Queued(call) => self.options.store.message(call).await,
        }
    }
}

/// Whether people would see it twice if it were done twice: a message. Of the methods only one makes messages, and the portal
/// does not know repeats of it (server-behaviour, section 6.1).
fn is_seen(call: &Call) -> bool {
    match call {
        Call::Say { .. } => true,
        Call::Rest { method, .. } => method == "imconnector.send.messages",
        Call::Edit { .. } | Call::Delete { .. } => false,
    }
}

/// Whether a message was refused since the bot is not in the chat: each generation has its own word for it.
fn is_not_let_in(call: &QueuedCall, error: &Error) -> bool {
    let is_refused = error.is("ACCESS_DENIED") || error.is("CANCELED");
    is_refused && matches!(call.call, Call::Say { .. })
}

/// Whether the portal is to show a message once that is sent twice: the second generation always does, the first where the
/// bot asks for it. Neither does for a message with a menu.
fn knows_repeats(call: &QueuedCall) -> bool {
    let is_asked = call.api == Api::V2 || call.redelivery == Redelivery::Deduplicated;
    matches!(&call.call, Call::Say { params, .. } if is_asked && !params.contains_key("MENU"))
}
