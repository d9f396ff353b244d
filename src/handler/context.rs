//! What a handler receives beside the event.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::Error;
use super::turn::context::EventContext;
use super::turn::effects::{Effects, MessageHandle};
use crate::event::{
    Api, BotRef, Chat, Command, CommandFrom, Delivery, DialogId, File, MessageId, User, UserId,
};
use crate::message::Draft;
use crate::portal::methods::imbot_v2::Upload;
use crate::portal::{self, BotClient, Portal, Status};
use crate::store::{MessageRef, ReminderId, Time};

/// How often a status is renewed while it is shown.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// The turn that a handler runs in: the conversation's state, who is there, and the ways to answer.
#[derive(Debug)]
pub struct Context<S = ()> {
    /// What is remembered of this conversation. It is written when the turn succeeds.
    pub state: S,
    context: Box<EventContext>,
    effects: Effects,
    client: BotClient,
}

impl<S> Context<S> {
    pub(super) fn new(state: S, context: Box<EventContext>, effects: Effects, api: Api) -> Self {
        let client = BotClient::new(context.portal.clone(), context.bot.id, api);
        Self {
            state,
            context,
            effects,
            client,
        }
    }

    pub(super) fn context(&self) -> &EventContext {
        &self.context
    }

    pub(super) fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Says something in this chat, after the turn. Strings are taken with their BB codes;
    /// [`Text`](crate::message::Text) escapes what people typed.
    ///
    /// It waits for nothing: the message is sent when the turn is committed, after what was said before it. A message
    /// that the portal would not take fails the turn, with the limit's name.
    pub fn say(&self, message: impl Into<Draft>) -> MessageHandle {
        self.say_to(self.context.conversation.dialog.clone(), message)
    }

    /// Says something in another chat of this portal, after the turn.
    pub fn say_to(&self, dialog: impl Into<DialogId>, message: impl Into<Draft>) -> MessageHandle {
        self.effects.say(dialog.into(), &message.into())
    }

    /// Asks to be reminded in this conversation, after a while or at a moment: then
    /// [`reminded`](super::Bot::reminded) gets what is given here. It is kept with the turn, survives restarts, and comes
    /// once; one that is late comes as soon as it can.
    ///
    /// ```no_run
    /// # use std::time::{Duration, SystemTime};
    /// # use imbot::prelude::*;
    /// # async fn example(cx: &mut Context) -> Result {
    /// cx.remind(Duration::from_secs(3600), "Did the pizza come?")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// serde cannot write the payload as JSON.
    pub fn remind(
        &self,
        when: impl Into<When>,
        payload: impl Serialize,
    ) -> Result<ReminderId, Error> {
        let payload = serde_json::to_value(payload)?;
        let due = match when.into() {
            When::After(duration) => self.context.now + duration,
            When::At(time) => time,
        };
        let code = self.context.bot.code.clone();
        Ok(self.effects.remind(code, due, payload))
    }

    /// Cancels a reminder, if it has not come yet.
    pub fn cancel(&self, reminder: ReminderId) {
        self.effects.cancel_reminder(reminder);
    }

    /// Says something in this chat now, before what the turn has said so far, and waits for its number.
    ///
    /// It stays even if the turn fails, and comes again if the turn is repeated. In an open channel it is said even where
    /// [people have taken over](Context::is_with_people).
    ///
    /// # Errors
    /// The message is over a limit, or the portal did not take it.
    pub async fn send_now(&self, message: impl Into<Draft>) -> Result<MessageId, Error> {
        let draft = message.into();
        draft.check()?;
        let dialog = &self.context.conversation.dialog;
        Ok(self.client.say(dialog, draft.params(), None).await?)
    }

    /// A message of an earlier turn, to change or delete it: by its number, or by [`MessageHandle::reference`].
    pub fn message(&self, message: impl Into<MessageRef>) -> MessageHandle {
        self.effects.handle(message.into())
    }

    /// Shows something in place of the message whose button was pressed. A command that was typed holds no message of
    /// ours, so it is answered with a new one.
    pub fn show(&self, command: &Command, message: impl Into<Draft>) -> MessageHandle {
        match command.from {
            CommandFrom::Keyboard | CommandFrom::Menu => {
                self.message(command.message).edit(message)
            }
            CommandFrom::Text | CommandFrom::Other(_) => self.say(message),
        }
    }

    /// Shows that the bot is typing, until the returned guard is dropped or something is said.
    #[must_use = "the indicator ends when this is dropped"]
    pub fn typing(&self) -> Showing {
        self.showing(Status::Typing)
    }

    /// Shows what the bot is doing, such as thinking, until the returned guard is dropped or something is said. The first
    /// generation can only show that it is typing.
    #[must_use = "the status ends when this is dropped"]
    pub fn showing(&self, status: Status) -> Showing {
        let (client, dialog) = (
            self.client.clone(),
            self.context.conversation.dialog.clone(),
        );
        Showing {
            _renewal: AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    if let Err(error) = client.show(&dialog, status).await {
                        tracing::debug!(portal = %client.portal().id(), bot.id = %client.bot(), %error, ?status, "a status is not shown");
                    }
                    tokio::time::sleep(STATUS_INTERVAL).await;
                }
            })),
        }
    }

    /// Calls any REST method of the portal; its result is decoded to what you ask for.
    ///
    /// ```no_run
    /// # use imbot::prelude::*;
    /// # async fn example(cx: &mut Context) -> Result {
    /// let deal: serde_json::Value = cx.call("crm.deal.get").with("ID", 7).await?;
    /// # Ok(()) }
    /// ```
    pub fn call<T: DeserializeOwned>(&self, method: impl Into<String>) -> RestCall<T> {
        RestCall::new(self.context.portal.clone(), method.into())
    }

    /// Reacts to a message with one of the portal's codes, such as `like` or `thinkingFace`, now. Second generation only.
    ///
    /// # Errors
    /// The portal's refusal, such as `REACTION_NOT_FOUND`; that it is set already is none.
    pub async fn react(&self, to: MessageId, reaction: &str) -> Result<(), Error> {
        match self.client.react(to, reaction, true).await {
            Err(error) if error.is("REACTION_ALREADY_SET") => Ok(()),
            reacted => Ok(reacted?),
        }
    }

    /// Takes a reaction back, now. Second generation only.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn unreact(&self, to: MessageId, reaction: &str) -> Result<(), Error> {
        Ok(self.client.react(to, reaction, false).await?)
    }

    /// Marks this chat as read by the bot, now. Second generation only.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn read(&self) -> Result<(), Error> {
        Ok(self
            .client
            .read(&self.context.conversation.dialog, None)
            .await?)
    }

    /// Lets people write in this chat, or takes the input field away, now: then only buttons are left. Second generation
    /// only.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn text_field(&self, enabled: bool) -> Result<(), Error> {
        Ok(self
            .client
            .text_field(&self.context.conversation.dialog, enabled)
            .await?)
    }

    /// Sends a file of at most 100 MB in this chat, in a message of its own, now. Second generation only.
    ///
    /// It stays even if the turn fails, and comes again if the turn is repeated.
    ///
    /// # Errors
    /// The file is empty or too large, or the portal did not take it.
    pub async fn upload(&self, name: &str, content: &[u8]) -> Result<Upload, Error> {
        let dialog = &self.context.conversation.dialog;
        Ok(self.client.upload(dialog, name, content, None).await?)
    }

    /// Reads a file that came with a message, of at most 100 MB. Second generation only.
    ///
    /// # Errors
    /// There is no such file, or the bot may not read it.
    pub async fn download(&self, file: &File) -> Result<Bytes, Error> {
        Ok(self.client.download(file.id).await?)
    }

    /// The bot that this turn is for.
    pub fn bot(&self) -> &BotRef {
        &self.context.bot
    }

    /// The address of this chat.
    pub fn dialog(&self) -> &DialogId {
        &self.context.conversation.dialog
    }

    /// This chat, as far as the event describes it.
    pub fn chat(&self) -> &Chat {
        &self.context.chat
    }

    /// Who did it, as far as the event describes them.
    pub fn user(&self) -> Option<&User> {
        self.context.user.as_ref()
    }

    /// Who did it, also where only the event's `auth` says so.
    pub fn sender(&self) -> Option<UserId> {
        let acting = || self.delivery()?.at(&["auth", "user_id"])?.number().ok()?;
        self.context.sender.or_else(acting)
    }

    /// The portal's default language, such as `en`.
    pub fn language(&self) -> Option<&str> {
        self.context.language.as_deref()
    }

    /// The event as it was delivered, with everything that is not typed; a reminder was not.
    pub fn delivery(&self) -> Option<&Delivery> {
        self.context.delivery.as_ref()
    }

    /// The moment of this turn, by the program's clock ([`App::clock`](crate::App::clock)).
    pub fn now(&self) -> Time {
        self.context.now
    }

    /// The number of this attempt at the event, from 1: more than that after a failure, or after the process died in it.
    pub fn attempt(&self) -> u32 {
        self.context.attempt
    }

    /// The client for this portal.
    pub fn portal(&self) -> &Portal {
        &self.context.portal
    }
}

/// When a reminder is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after the turn.
    After(Duration),
    /// At this moment.
    At(Time),
}

impl From<Duration> for When {
    fn from(after: Duration) -> When {
        When::After(after)
    }
}

impl From<Time> for When {
    fn from(at: Time) -> When {
        When::At(at)
    }
}

impl From<SystemTime> for When {
    fn from(at: SystemTime) -> When {
        When::At(at.into())
    }
}

/// Shows what the bot is doing, until it is dropped.
#[derive(Debug)]
pub struct Showing {
    _renewal: AbortOnDropHandle<()>,
}

/// A REST call that is run when it is awaited.
#[derive(Debug)]
#[must_use = "a call is run when it is awaited"]
pub struct RestCall<T> {
    portal: Portal,
    method: String,
    params: Value,
    result: PhantomData<fn() -> T>,
}

impl<T> RestCall<T> {
    pub(super) fn new(portal: Portal, method: String) -> RestCall<T> {
        RestCall {
            portal,
            method,
            params: Value::Object(Default::default()),
            result: PhantomData,
        }
    }

    /// Adds a parameter. One that serde cannot write as JSON becomes null.
    pub fn with(mut self, name: &str, value: impl Serialize) -> RestCall<T> {
        self.params[name] = serde_json::to_value(value).unwrap_or_default();
        self
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for RestCall<T> {
    type Output = Result<T, portal::Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.portal.call(&self.method, &self.params).await })
    }
}
