//! The sender: calls that a turn decided, in order per chat.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Engine;
use crate::event::{BotId, CommandId, DialogId, MessageId};
use crate::portal::{Error, Portal};
use crate::store::{Call, MessageRef, QueuedCall, StoreError};

/// What is said or changed in a chat, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Speech {
    /// A message, and the command that it answers.
    Say {
        /// The message's parameters.
        params: Map<String, Value>,
        /// The command, and the message that holds it.
        answers: Option<(CommandId, MessageId)>,
    },
    /// A change of a message.
    Edit {
        /// Which.
        message: MessageId,
        /// What becomes different.
        params: Map<String, Value>,
    },
    /// A deletion.
    Delete {
        /// Which.
        message: MessageId,
    },
}

/// How a message goes out.
pub trait Speaker: fmt::Debug + Send + Sync + 'static {
    /// Sends it, and tells the number of a new message.
    fn speak<'a>(
        &'a self,
        portal: &'a Portal,
        bot: BotId,
        dialog: &'a DialogId,
        speech: Speech,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>>;
}

/// Sends by the portal's REST methods.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rest;

impl Speaker for Rest {
    fn speak<'a>(
        &'a self,
        portal: &'a Portal,
        bot: BotId,
        dialog: &'a DialogId,
        speech: Speech,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(async move {
            match speech {
                Speech::Say {
                    params,
                    answers: Some((command, to)),
                } => {
                    match portal.answer(command, to, params.clone()).await? {
                        // The ten minutes for an answer are over, and nothing was posted.
                        None => portal.say(bot, dialog, params).await.map(Some),
                        answered => Ok(answered),
                    }
                }
                Speech::Say {
                    params,
                    answers: None,
                } => portal.say(bot, dialog, params).await.map(Some),
                Speech::Edit { message, params } => {
                    portal.edit(bot, message, params).await.map(|()| None)
                }
                Speech::Delete { message } => portal.delete(bot, message).await.map(|()| None),
            }
        })
    }
}

impl Engine {
    /// Sends one call. One that the portal refuses is given up, and logged with the portal's words.
    pub(super) async fn send(self: Arc<Self>, queued: Arc<QueuedCall>) {
        let QueuedCall { id, to, call } = &*queued;
        let portal = self
            .portals
            .get(&to.portal)
            .map(|known| known.portal.clone());
        let made = match (portal, self.ready(call).await) {
            (Some(portal), Ok(Some(speech))) => {
                self.options
                    .speaker
                    .speak(&portal, to.bot, &to.dialog, speech)
                    .await
            }
            (None, _) => {
                tracing::warn!(portal = %to.portal, "a message to a portal that removed the application is given up");
                Ok(None)
            }
            (_, Ok(None)) => {
                tracing::warn!(portal = %to.portal, chat.id = %to.dialog, "a message that was never sent is not changed");
                Ok(None)
            }
            (_, Err(error)) => {
                return tracing::error!(portal = %to.portal, %error, "the outbox cannot be read");
            }
        };
        let made = made.unwrap_or_else(|error| {
            tracing::error!(portal = %to.portal, bot.id = %to.bot, chat.id = %to.dialog, %error, "a message is given up");
            None
        });
        if let Err(error) = self.options.store.sent(*id, made).await {
            tracing::error!(portal = %to.portal, %error, "a sent message is not marked as sent");
        }
    }

    /// The call with the number of its message, if that message was ever sent.
    async fn ready(&self, call: &Call) -> Result<Option<Speech>, StoreError> {
        Ok(match call {
            Call::Say {
                params, answers, ..
            } => Some(Speech::Say {
                params: params.clone(),
                answers: *answers,
            }),
            Call::Edit { message, params } => {
                self.number(*message).await?.map(|message| Speech::Edit {
                    message,
                    params: params.clone(),
                })
            }
            Call::Delete { message } => self
                .number(*message)
                .await?
                .map(|message| Speech::Delete { message }),
        })
    }

    async fn number(&self, message: MessageRef) -> Result<Option<MessageId>, StoreError> {
        match message {
            MessageRef::Sent(id) => Ok(Some(id)),
            MessageRef::Queued(call) => self.options.store.message(call).await,
        }
    }
}
