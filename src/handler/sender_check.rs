//! Asks the portal who caused an event: a posted event is proven to be from the portal by a token
//! that each person who opened the application knows.

use serde_json::Value;

use super::{Context, Error};
use crate::event::{
    ChatEvent, ChatEventKind, ChatId, Command, CommandFrom, DialogId, Event, Message, MessageId,
    Source, UserId,
};
use crate::portal::methods::{im, imbot_v2, profile};
use crate::portal::{self, Portal, number};

/// What the portal says about the person who caused an event ([`Context::verified_sender`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SenderCheck {
    /// The portal confirms that this person caused the event.
    Verified(UserId),
    /// The portal contradicts the event: it was forged, or the message was changed since then.
    Refuted(Contradiction),
    /// The portal does not say.
    Unknown(Unverifiable),
}

/// How the portal contradicts an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contradiction {
    /// There is no such message in this chat: it never was there, is in another chat, or was
    /// deleted.
    NoMessage,
    /// The event names the private chat of another person.
    OtherChat,
    /// The message has another author; `None` for the system.
    OtherAuthor(Option<UserId>),
    /// The message has another text: it was forged, or edited since then.
    OtherText,
    /// The tokens of the event belong to another user.
    OtherUser(UserId),
}

/// Why the portal does not say who caused an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unverifiable {
    /// It is no event of a person: a reminder, or an event that names nobody.
    NoSender,
    /// The event has no tokens of the person, and the bot may not look the message up.
    NoAccess,
    /// The portal refused with this code, such as `expired_token` an hour after the event, or
    /// `insufficient_scope` without the scope `im`.
    Refused(String),
}

impl SenderCheck {
    /// Returns the person, if the portal confirms them.
    pub fn verified(&self) -> Option<UserId> {
        match self {
            Self::Verified(user) => Some(*user),
            Self::Refuted(_) | Self::Unknown(_) => None,
        }
    }
}

/// What a person wrote, as the event has it.
enum Written<'e> {
    Message(&'e Message),
    Command(&'e Command),
}

impl Written<'_> {
    fn id(&self) -> MessageId {
        match self {
            Self::Message(message) => message.id,
            Self::Command(command) => command.message,
        }
    }

    /// Whether a message of the portal has this text.
    fn is(&self, text: &str, bot: UserId) -> bool {
        match self {
            Self::Message(message) => message.has_text(text, bot),
            Self::Command(command) => command.is_in(text, bot),
        }
    }
}

/// Returns what a person wrote; `None` if they did something else, such as pressing a button.
fn written(event: &ChatEvent) -> Option<Written<'_>> {
    match &event.kind {
        ChatEventKind::Message(message) | ChatEventKind::Edited(message) => {
            Some(Written::Message(message))
        }
        ChatEventKind::Command(command) => match command.from {
            CommandFrom::Text | CommandFrom::Mention => Some(Written::Command(command)),
            CommandFrom::Keyboard | CommandFrom::Menu | CommandFrom::Other(_) => None,
        },
        ChatEventKind::Deleted(_)
        | ChatEventKind::Join(_)
        | ChatEventKind::Opened(_)
        | ChatEventKind::Reaction(_) => None,
    }
}

/// A message as the portal shows it.
struct Shown {
    author: Option<UserId>,
    text: String,
}

impl Shown {
    /// Reads a message of `im.dialog.messages.get`, or of v2. Returns `None` if it was deleted.
    fn read(message: &Value) -> Option<Self> {
        let author = number(&message["author_id"]).or_else(|| number(&message["authorId"]));
        let is_deleted = message["params"]["IS_DELETED"] == "Y";
        (!is_deleted).then(|| Self {
            author: author.filter(|id| *id != 0).map(UserId),
            text: message["text"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

/// The answer to a question about a message; `Err` with the code if the portal refuses to answer.
type Asked<T> = Result<Result<T, String>, Error>;

/// Separates refusals, which are answers, from failures that pass.
fn answer<T>(asked: Result<T, portal::Error>) -> Asked<T> {
    match asked {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) if error.is_rate_limited() || error.is_portal_closed() => Err(error.into()),
        Err(error) => match error.code() {
            Some(code) => Ok(Err(code.to_owned())),
            None => Err(error.into()),
        },
    }
}

impl<S> Context<S> {
    /// Asks the portal who caused this event. Ask before money or rights depend on it: a posted
    /// event is proven by a token that each person who opened the application knows
    /// ([who can forge what](crate::guide::trust)).
    ///
    /// - A message, an edit and a typed command are confirmed if the portal has this message in
    ///   this chat, by this person and with this text. The portal is asked with the event's own
    ///   tokens (`im.dialog.messages.get`, scope `im`). If it has none, supervisors and personal
    ///   bots look the message up themselves (`imbot.v2.Chat.Message.get`); other bots can do so in
    ///   groups of the user whose rights the program has.
    /// - Everything else, such as a pressed button, is confirmed if the event has valid tokens of
    ///   the person (`profile`), which nobody else has. That the button was there is not checked.
    /// - A polled event cannot be forged, and is confirmed without a call.
    ///
    /// Tokens of an event are valid for an hour. A confirmed message was written by this person in
    /// this chat; it may have been written long ago.
    ///
    /// ```no_run
    /// # use imbot::prelude::*;
    /// # async fn example(cx: &mut Context) -> Result {
    /// let Some(person) = cx.verified_sender().await?.verified() else {
    ///     cx.say("I cannot check who you are. Please write that again.");
    ///     return Ok(());
    /// };
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The portal could not be reached, or has reached a limit. With `?` the turn is retried later.
    pub async fn verified_sender(&self) -> Result<SenderCheck, Error> {
        let unknown = |why| Ok(SenderCheck::Unknown(why));
        let (Some(delivery), Some(sender)) = (self.delivery(), self.sender()) else {
            return unknown(Unverifiable::NoSender);
        };
        if delivery.source == Source::Fetch {
            return Ok(SenderCheck::Verified(sender));
        }
        if self.is_private() && *self.dialog() != DialogId::from(sender) {
            return Ok(SenderCheck::Refuted(Contradiction::OtherChat));
        }
        let events = delivery.events()?;
        let of_bot = |event: &Event| match event {
            Event::Chat(event) if event.bot.as_ref() == Some(self.bot()) => Some(event.clone()),
            _ => None,
        };
        let token = delivery.auth()?.access_token;
        let as_person = token.map(|token| self.portal().with_token(token));
        // A message with several commands has several events in one delivery.
        let events: Vec<_> = events.iter().filter_map(of_bot).collect();
        let all: Option<Vec<Written<'_>>> = events.iter().map(|event| written(event)).collect();
        match all.as_deref() {
            Some(all @ [first, ..]) => {
                let id = first.id();
                if all.iter().any(|other| other.id() != id) {
                    return Ok(SenderCheck::Refuted(Contradiction::NoMessage));
                }
                self.check_message(sender, id, all, as_person.as_ref())
                    .await
            }
            _ => self.check_user(sender, as_person.as_ref()).await,
        }
    }

    /// Asks whose tokens the event has.
    async fn check_user(
        &self,
        sender: UserId,
        as_person: Option<&Portal>,
    ) -> Result<SenderCheck, Error> {
        let Some(portal) = as_person else {
            return Ok(SenderCheck::Unknown(Unverifiable::NoAccess));
        };
        Ok(match answer(portal.run(profile::Get::new()).await)? {
            Ok(user) if user.id == sender => SenderCheck::Verified(sender),
            Ok(user) => SenderCheck::Refuted(Contradiction::OtherUser(user.id)),
            Err(code) => SenderCheck::Unknown(Unverifiable::Refused(code)),
        })
    }

    /// Asks for the message, in each way that may be open, until one has an answer. All that the
    /// events say of it must be so.
    async fn check_message(
        &self,
        sender: UserId,
        id: MessageId,
        all: &[Written<'_>],
        as_person: Option<&Portal>,
    ) -> Result<SenderCheck, Error> {
        let mut refusal = None;
        let mut shown = None;
        if let Some(portal) = as_person {
            let dialog = self.dialog_of_person();
            match self.message_in(portal, dialog, id).await? {
                Ok(found) => shown = Some(found),
                Err(code) => refusal = Some(code),
            }
        }
        if shown.is_none() {
            match self.message_of_bot(id).await? {
                Ok(found) => shown = Some(found),
                Err(code) => drop(refusal.get_or_insert(code)),
            }
        }
        if shown.is_none() && !self.is_private() {
            let dialog = self.dialog().clone();
            match self.message_in(self.portal(), dialog, id).await? {
                Ok(found) => shown = Some(found),
                Err(code) => drop(refusal.get_or_insert(code)),
            }
        }
        let bot = UserId::from(self.bot().id);
        Ok(match (shown, refusal) {
            (None, Some(code)) if code == "BOT_TYPE_NOT_ALLOWED" => {
                SenderCheck::Unknown(Unverifiable::NoAccess)
            }
            (None, Some(code)) => SenderCheck::Unknown(Unverifiable::Refused(code)),
            (None, None) => SenderCheck::Unknown(Unverifiable::NoAccess),
            (Some(None), _) => SenderCheck::Refuted(Contradiction::NoMessage),
            (Some(Some(shown)), _) if shown.author != Some(sender) => {
                SenderCheck::Refuted(Contradiction::OtherAuthor(shown.author))
            }
            (Some(Some(shown)), _) if !all.iter().all(|it| it.is(&shown.text, bot)) => {
                SenderCheck::Refuted(Contradiction::OtherText)
            }
            (Some(Some(_)), _) => SenderCheck::Verified(sender),
        })
    }

    /// Whether this is the private chat of a person and the bot: its id is the person's.
    fn is_private(&self) -> bool {
        let dialog = self.dialog().as_str();
        !dialog.is_empty() && dialog.bytes().all(|c| c.is_ascii_digit())
    }

    /// Returns this chat as the person names it: their private chat has the id of the bot.
    fn dialog_of_person(&self) -> DialogId {
        if self.is_private() {
            DialogId::from(UserId::from(self.bot().id))
        } else {
            self.dialog().clone()
        }
    }

    /// Returns a message of a dialog, if it is there, with the rights of a user in it.
    async fn message_in(
        &self,
        portal: &Portal,
        dialog: DialogId,
        id: MessageId,
    ) -> Asked<Option<Shown>> {
        let newest = im::DialogMessagesGet::new(dialog)
            .last_id(MessageId(id.0.saturating_add(1)))
            .limit(1_u64);
        let asked = answer(portal.run(newest).await)?;
        Ok(asked.map(|found| {
            let mut messages = found["messages"].as_array().into_iter().flatten();
            let message = messages.find(|message| number(&message["id"]) == Some(id.0));
            message.and_then(Shown::read)
        }))
    }

    /// Returns a message of this chat, if it is there, with the rights of the bot.
    async fn message_of_bot(&self, id: MessageId) -> Asked<Option<Shown>> {
        let bot = self.bot().id;
        let found = match answer(self.portal().run(imbot_v2::MessageGet::new(bot, id)).await)? {
            Ok(found) => found,
            Err(code) if code == "MESSAGE_NOT_FOUND" || code == "MESSAGE_ACCESS_DENIED" => {
                return Ok(Ok(None));
            }
            Err(code) => return Ok(Err(code)),
        };
        let message = &found["message"];
        let chat = number(&message["chatId"]).map(ChatId);
        Ok(match self.chat_here().await? {
            Ok(here) => Ok(Shown::read(message).filter(|_| chat == Some(here))),
            Err(code) => Err(code),
        })
    }

    /// Returns the number of this chat. The event's own is not used: it may be forged as well.
    async fn chat_here(&self) -> Asked<ChatId> {
        let named = self.dialog().as_str().strip_prefix("chat");
        if let Some(id) = named.and_then(|id| id.parse().ok()) {
            return Ok(Ok(ChatId(id)));
        }
        let chat = imbot_v2::ChatGet::new(self.bot().id, self.dialog().clone());
        let asked = answer(self.portal().run(chat).await)?;
        let id = asked.map(|chat| number(&chat.chat["id"]).map_or(ChatId(0), ChatId));
        Ok(id)
    }
}
