//! How a call reaches the portal: the trait [`Transport`], and the portal's REST methods.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use crate::event::{DialogId, MessageId};
use crate::portal::{BotClient, Error};
use crate::store::{Call, QueuedCall};

/// Makes the calls of the outbox. Replace it to test without a portal.
///
/// ```
/// use std::pin::Pin;
///
/// use imbot::engine::{RepeatId, Transport};
/// use imbot::event::{DialogId, MessageId};
/// use imbot::portal::{BotClient, Error};
/// use imbot::prelude::*;
/// use imbot::store::Call;
///
/// /// Logs what a bot says.
/// #[derive(Debug)]
/// struct Print;
///
/// impl Transport for Print {
///     fn send<'a>(
///         &'a self,
///         _: &'a BotClient,
///         dialog: &'a DialogId,
///         call: Call<MessageId>,
///         _: Option<RepeatId>,
///     ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
///         tracing::info!(%dialog, ?call);
///         Box::pin(std::future::ready(Ok(None)))
///     }
/// }
///
/// let app = App::new().transport(Print);
/// ```
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Makes a call, and returns the id of a new message. A message with a repeat id is shown once,
    /// however often it is sent.
    ///
    /// # Errors
    /// The portal's refusal, or the reason why there was no answer.
    fn send<'a>(
        &'a self,
        bot: &'a BotClient,
        dialog: &'a DialogId,
        call: Call<MessageId>,
        repeat_id: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>>;
}

/// Makes calls by the portal's REST methods.
#[derive(Clone, Copy, Debug, Default)]
pub struct RestTransport;

impl Transport for RestTransport {
    fn send<'a>(
        &'a self,
        bot: &'a BotClient,
        dialog: &'a DialogId,
        call: Call<MessageId>,
        repeat_id: Option<RepeatId>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<MessageId>, Error>> + Send + 'a>> {
        Box::pin(async move {
            let id = repeat_id.as_ref().map(RepeatId::uuid);
            match call {
                Call::Say {
                    params,
                    answers: Some((command, to)),
                    ..
                } => {
                    let params = Arc::unwrap_or_clone(params);
                    bot.answer(command, to, dialog, params, id).await
                }
                Call::Say { params, .. } => {
                    let params = Arc::unwrap_or_clone(params);
                    bot.say(dialog, params, id).await.map(Some)
                }
                Call::Edit { message, params } => {
                    let params = Arc::unwrap_or_clone(params);
                    bot.edit(message, params).await.map(|()| None)
                }
                Call::Delete { message } => bot.delete(message).await.map(|()| None),
                Call::Rest { method, params } => {
                    let params = Arc::unwrap_or_clone(params);
                    let portal = bot.portal();
                    portal
                        .call_open_channel(&method, params)
                        .await
                        .map(|()| None)
                }
            }
        })
    }
}

/// The id by which the portal recognises a message that is sent again (`templateId`).
///
/// It is the same on every replay of the message, and differs from that of any other message.
#[derive(Clone, Debug)]
pub struct RepeatId(Arc<QueuedCall>);

impl RepeatId {
    pub(super) fn of(call: &Arc<QueuedCall>) -> Self {
        Self(Arc::clone(call))
    }

    /// Returns the id as the hash of a version 5 UUID, marked as version 4, since the portal
    /// accepts no other (protocol/server-behaviour.md 4.3).
    pub fn uuid(&self) -> Uuid {
        let QueuedCall { id, to, at, .. } = &*self.0;
        // The time is part of it, since a new store numbers its events from 1 again.
        let name = format!("imbot {to} {id} {}", at.0);
        let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        uuid::Builder::from_random_bytes(hash.into_bytes()).into_uuid()
    }
}
