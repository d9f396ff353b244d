//! The context of a handler: state, chat, user, and the ways to answer.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::turn::context::EventContext;
use super::turn::effects::{Effects, MessageHandle};
use super::turn::parts::Parts;
use super::{Error, Pressed};
use crate::event::{Api, BotRef, Chat, Delivery, DialogId, File, MessageId, User, UserId};
use crate::message::Draft;
use crate::portal::methods::imbot_v2::Upload;
use crate::portal::{self, BotClient, FileContent, Portal, Status};
use crate::store::{Every, MessageRef, Reminder, ReminderId, Time};

/// Time between two renewals of a status while it is shown.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// The turn of a handler: the conversation's state, the chat and its people, and the ways to
/// answer.
///
/// ```
/// use imbot::prelude::*;
///
/// struct Counter;
///
/// impl Bot<u32> for Counter {
///     async fn message(&self, cx: &mut Context<u32>, _: Message) -> Result {
///         cx.state += 1;
///         let name = cx.user().map_or("you", |user| &user.name);
///         let text = Text::new().plain(format_args!("Message {} of {name}", cx.state));
///         cx.say(text);
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Context<S = ()> {
    /// The state of this conversation. It is stored when the turn succeeds.
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

    /// Returns the context of the same turn without its state.
    pub(super) fn without_state(&self) -> Context<()> {
        Context {
            state: (),
            context: self.context.clone(),
            effects: self.effects.clone(),
            client: self.client.clone(),
        }
    }

    pub(super) fn context(&self) -> &EventContext {
        &self.context
    }

    pub(super) fn context_mut(&mut self) -> &mut EventContext {
        &mut self.context
    }

    pub(super) fn effects(&self) -> &Effects {
        &self.effects
    }

    pub(super) fn client(&self) -> &BotClient {
        &self.client
    }

    /// Returns the parts of this conversation.
    pub(super) fn parts(&self) -> Parts {
        Parts::new(&self.context, &self.effects)
    }

    /// Sends a message to this chat when the turn is committed, after the messages before it.
    ///
    /// Strings are sent with their BB codes; [`Text`](crate::message::Text) escapes what people
    /// typed, and takes numbers and `format_args!` too. A message over a limit of the portal fails
    /// the turn, with an error that names the limit and is not retried;
    /// [`say_long`](Context::say_long) takes texts of any length.
    pub fn say(&self, message: impl Into<Draft>) -> MessageHandle {
        self.say_to(self.context.conversation.dialog.clone(), message)
    }

    /// Sends a message of any length to this chat when the turn is committed, as several messages
    /// if its text is too long for one ([`Draft::split`]). The last handle is that of the message
    /// with the keyboard and the attachment.
    ///
    /// ```
    /// # use imbot::prelude::*;
    /// # async fn example(cx: &mut Context, answer_of_a_model: String) {
    /// cx.say_long(answer_of_a_model);
    /// # }
    /// ```
    pub fn say_long(&self, message: impl Into<Draft>) -> Vec<MessageHandle> {
        let drafts = message.into().split();
        drafts.into_iter().map(|draft| self.say(draft)).collect()
    }

    /// Sends a message to another chat of this portal when the turn is committed.
    pub fn say_to(&self, dialog: impl Into<DialogId>, message: impl Into<Draft>) -> MessageHandle {
        self.effects.say(dialog.into(), &message.into())
    }

    /// Sets a reminder in this conversation. When it is due, [`reminded`](super::Bot::reminded)
    /// gets the payload.
    ///
    /// It is committed with the turn, survives restarts and comes once. One that could not come in
    /// time comes as soon as possible.
    ///
    /// With [`Every`] it comes again and again, until it is [cancelled](Context::cancel) by its id,
    /// which stays the same. The next time is set when its turn has ended, also by a failure. What
    /// was missed meanwhile comes once.
    ///
    /// ```no_run
    /// # use std::time::{Duration, SystemTime};
    /// # use imbot::prelude::*;
    /// # async fn example(cx: &mut Context) -> Result {
    /// cx.remind(Duration::from_secs(3600), "Did the pizza come?")?;
    /// cx.remind(Every::day_at(9, 0, "Europe/Berlin"), "Good morning")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The payload cannot be serialised as JSON, or there is no such time or time zone.
    pub fn remind(
        &self,
        when: impl Into<When>,
        payload: impl Serialize,
    ) -> Result<ReminderId, Error> {
        let payload = serde_json::to_value(payload)?;
        let now = self.context.now;
        let (due, every) = match when.into() {
            When::After(duration) => (now + duration, None),
            When::At(time) => (time, None),
            When::Every(every) => (every.first_after(now)?, Some(every)),
        };
        Ok(self.effects.remind(|id| Reminder {
            id,
            code: self.context.bot.code.clone(),
            due,
            payload,
            person: self.context.person,
            every,
        }))
    }

    /// Cancels a reminder. One that has come already is ignored; one that repeats does not come
    /// again.
    pub fn cancel(&self, reminder: ReminderId) {
        self.effects.cancel_reminder(reminder);
    }

    /// Sends a message to this chat now, before the turn's other messages, and returns its id.
    ///
    /// It stays if the turn fails, and is sent again if the turn is repeated. In an open channel it
    /// is sent even if an operator [has taken over](Context::is_with_operator).
    ///
    /// # Errors
    /// The message is over a limit, or the portal did not take it.
    pub async fn send_now(&self, message: impl Into<Draft>) -> Result<MessageId, Error> {
        let draft = message.into();
        self.effects.check(&draft)?;
        let dialog = &self.context.conversation.dialog;
        let params = self.effects.signed_now(&draft);
        Ok(self.client.say(dialog, params, None).await?)
    }

    /// Returns a handle to change or delete a message of an earlier turn, by its id or its
    /// [`reference`](MessageHandle::reference).
    pub fn message(&self, message: impl Into<MessageRef>) -> MessageHandle {
        self.effects.handle(message.into())
    }

    /// Replaces the message whose button was pressed: takes a [`Press`](super::Press) or a
    /// [`Command`](crate::event::Command). A typed command has no such message, so it is answered
    /// with a new one.
    pub fn show(&self, pressed: &impl Pressed, message: impl Into<Draft>) -> MessageHandle {
        match pressed.pressed_message() {
            Some(button) => self.message(button).edit(message),
            None => self.say(message),
        }
    }

    /// Shows that the bot is typing, until the returned guard is dropped or a message is sent.
    #[must_use = "the indicator ends when this is dropped"]
    pub fn typing(&self) -> Showing {
        self.showing(Status::Typing)
    }

    /// Shows what the bot is doing, such as thinking, until the returned guard is dropped or a
    /// message is sent. v1 can only show that the bot is typing.
    #[must_use = "the status ends when this is dropped"]
    pub fn showing(&self, status: Status) -> Showing {
        Showing::begin(&self.client, &self.context.conversation.dialog, status)
    }

    /// Calls any REST method of the portal. The result is decoded to the type you ask for.
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

    /// Sets a reaction on a message now, by one of the portal's codes, such as `like`. v2 only.
    ///
    /// # Errors
    /// The portal's refusal, such as `REACTION_NOT_FOUND`. A reaction that is already set is not an
    /// error.
    pub async fn react(&self, to: MessageId, reaction: &str) -> Result<(), Error> {
        match self.client.react(to, reaction, true).await {
            Err(error) if error.is("REACTION_ALREADY_SET") => Ok(()),
            reacted => Ok(reacted?),
        }
    }

    /// Removes a reaction of the bot now. v2 only.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn unreact(&self, to: MessageId, reaction: &str) -> Result<(), Error> {
        Ok(self.client.react(to, reaction, false).await?)
    }

    /// Marks this chat as read by the bot now. v2 only.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn read(&self) -> Result<(), Error> {
        Ok(self
            .client
            .read(&self.context.conversation.dialog, None)
            .await?)
    }

    /// Shows or hides the input field of this chat now. Without it people can only press buttons.
    /// v2 only.
    ///
    /// # Errors
    /// The portal's refusal.
    pub async fn text_field(&self, enabled: bool) -> Result<(), Error> {
        Ok(self
            .client
            .text_field(&self.context.conversation.dialog, enabled)
            .await?)
    }

    /// Sends a file of at most 100 MB to this chat when it is awaited, in a message of its own. v2
    /// only.
    ///
    /// It stays if the turn fails, and is sent again if the turn is repeated. A file that is sent
    /// with the turn's other messages is [`Draft::file`].
    ///
    /// ```no_run
    /// # use imbot::prelude::*;
    /// # async fn example(cx: &mut Context) -> Result {
    /// cx.upload("list.txt", b"milk, bread").caption("What we need").await?;
    /// # Ok(()) }
    /// ```
    pub fn upload<'a>(&'a self, name: &'a str, content: &'a [u8]) -> FileUpload<'a> {
        FileUpload {
            client: &self.client,
            dialog: &self.context.conversation.dialog,
            name,
            content,
            caption: None,
        }
    }

    /// Downloads a file of a message, of at most 100 MB, with its name and its type. v2 only.
    ///
    /// # Errors
    /// The file does not exist, or the bot has no access to it.
    pub async fn download(&self, file: &File) -> Result<FileContent, Error> {
        Ok(self.client.download(file.id).await?)
    }

    /// Returns a file of a message with its name, kind and size. Events of v2 have its id only;
    /// then the portal is asked, without loading the content. v2 only.
    ///
    /// # Errors
    /// The file does not exist, or the bot has no access to it.
    pub async fn describe(&self, file: &File) -> Result<File, Error> {
        if file.is_described() {
            return Ok(file.clone());
        }
        let about = self.client.file_header(file.id).await?;
        Ok(about.describe(file.clone()))
    }

    /// Returns the bot of this turn.
    pub fn bot(&self) -> &BotRef {
        &self.context.bot
    }

    /// Returns the id of this chat.
    pub fn dialog(&self) -> &DialogId {
        &self.context.conversation.dialog
    }

    /// Returns this chat, as far as the event describes it.
    pub fn chat(&self) -> &Chat {
        &self.context.chat
    }

    /// Returns the user who caused the event, as far as the event describes them.
    pub fn user(&self) -> Option<&User> {
        self.context.user.as_ref()
    }

    /// Returns the id of the user who caused the event, also if only the event's `auth` has it.
    pub fn sender(&self) -> Option<UserId> {
        let acting = || self.delivery()?.at(&["auth", "user_id"])?.number().ok()?;
        self.context.sender.or_else(acting)
    }

    /// Returns the portal's default language, such as `en`.
    pub fn language(&self) -> Option<&str> {
        self.context.language.as_deref()
    }

    /// Returns the event as it was delivered, with all its values. `None` for a reminder.
    pub fn delivery(&self) -> Option<&Delivery> {
        self.context.delivery.as_ref()
    }

    /// Returns the time of this turn, by the program's clock (the system's, except in tests).
    pub fn now(&self) -> Time {
        self.context.now
    }

    /// Returns the number of this attempt at the event, from 1. It grows after a failure or a
    /// crash.
    pub fn attempt(&self) -> u32 {
        self.context.attempt
    }

    /// Returns the client for this portal.
    pub fn portal(&self) -> &Portal {
        &self.context.portal
    }
}

/// A file that is sent when this is awaited.
#[derive(Debug)]
#[must_use = "the file is sent when this is awaited"]
pub struct FileUpload<'a> {
    client: &'a BotClient,
    dialog: &'a DialogId,
    name: &'a str,
    content: &'a [u8],
    caption: Option<&'a str>,
}

impl<'a> FileUpload<'a> {
    /// Sets the text of the message. Default: none.
    pub fn caption(mut self, text: &'a str) -> Self {
        self.caption = Some(text);
        self
    }
}

impl<'a> IntoFuture for FileUpload<'a> {
    type Output = Result<Upload, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    /// Sends the file. It fails if the file is empty or too large, or the portal does not take it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self {
                client,
                dialog,
                name,
                content,
                caption,
            } = self;
            Ok(client.upload(dialog, name, content, caption).await?)
        })
    }
}

/// When a reminder is due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// This long after the turn.
    After(Duration),
    /// At this time.
    At(Time),
    /// Again and again.
    Every(Every),
}

impl From<Every> for When {
    fn from(every: Every) -> Self {
        Self::Every(every)
    }
}

impl From<Duration> for When {
    fn from(after: Duration) -> Self {
        Self::After(after)
    }
}

impl From<Time> for When {
    fn from(at: Time) -> Self {
        Self::At(at)
    }
}

impl From<SystemTime> for When {
    fn from(at: SystemTime) -> Self {
        Self::At(at.into())
    }
}

/// A guard that shows the bot's status until it is dropped.
#[derive(Debug)]
pub struct Showing {
    _renewal: AbortOnDropHandle<()>,
}

impl Showing {
    /// Shows a status from now on.
    pub(super) fn begin(client: &BotClient, dialog: &DialogId, status: Status) -> Self {
        let (client, dialog) = (client.clone(), dialog.clone());
        Self {
            _renewal: AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    if let Err(error) = client.show(&dialog, status).await {
                        tracing::debug!(portal = %client.portal().id(), bot.id = %client.bot(), %error, ?status, "cannot show a status");
                    }
                    tokio::time::sleep(STATUS_INTERVAL).await;
                }
            })),
        }
    }
}

/// A REST call. It is made when it is awaited.
#[derive(Debug)]
#[must_use = "the call is made when it is awaited"]
pub struct RestCall<T> {
    portal: Portal,
    method: String,
    params: Value,
    result: PhantomData<fn() -> T>,
}

impl<T> RestCall<T> {
    pub(super) fn new(portal: Portal, method: String) -> Self {
        Self {
            portal,
            method,
            params: Value::Object(Default::default()),
            result: PhantomData,
        }
    }

    /// Adds a parameter. One that cannot be serialised as JSON becomes null.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
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
