//! What a bot can do in the chat of an open channel: know who speaks, hand over, and speak to operators alone.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::turn::context::EventContext;
use super::turn::effects::{Effects, Origin};
use super::turn::handover::Handover;
use super::{Context, Error, MessageHandle, Profile, Role};
use crate::event::{ChatId, LineChat, LineId, SessionId, UserId};
use crate::message::Draft;
use crate::store::QueuedCall;

/// To whom a chat is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferTo {
    /// A person of the portal; not a bot, and nobody from outside the company.
    User(UserId),
    /// The queue of a line, which may be another one.
    Queue(LineId),
}

impl From<UserId> for TransferTo {
    fn from(user: UserId) -> TransferTo {
        TransferTo::User(user)
    }
}

impl From<LineId> for TransferTo {
    fn from(line: LineId) -> TransferTo {
        TransferTo::Queue(line)
    }
}

impl<S> Context<S> {
    /// What this chat is as the chat of an open channel, if the event tells that it is one: connector, line, client,
    /// session, CRM.
    pub fn line(&self) -> Option<LineChat> {
        self.chat().line()
    }

    /// Who did it, in the chat of an open channel; nothing where nobody can tell.
    pub fn role(&self) -> Option<Role> {
        self.context().role
    }

    /// The session that is under way in this chat of an open channel, or the last one, as far as the chat has told.
    pub fn session(&self) -> Option<SessionId> {
        self.effects().session()
    }

    /// Whether people have taken this chat of an open channel over. What the bot [says](Context::say) in it then is not
    /// sent, unless its profile says that it speaks [beside operators](super::Profile::beside_operators); whispers are.
    pub fn is_with_operator(&self) -> bool {
        self.effects().is_with_operator()
    }

    /// Hands this chat of an open channel over to a free operator, after what was said so far
    /// (`imopenlines.bot.session.operator`). From then on the bot is silent.
    ///
    /// Outside an open channel it fails the turn.
    pub fn to_operator(&self) {
        self.hand_over("operator", json!({}));
    }

    /// Hands this chat of an open channel over to a person, or to the queue of a line, after what was said so far
    /// (`imopenlines.bot.session.transfer`). From then on the bot is silent. With `leave` it leaves the chat; without, it
    /// stays and goes on to hear, unless the line is set up to send its bot away.
    ///
    /// The portal acts as the first bot of the application here, whichever asks: an application that serves open channels
    /// should have one bot that transfers and finishes (server-behaviour, section 6.2). Outside an open channel it fails
    /// the turn.
    pub fn transfer(&self, to: impl Into<TransferTo>, leave: bool) {
        let leave = if leave { "Y" } else { "N" };
        self.hand_over(
            "transfer",
            match to.into() {
                TransferTo::User(user) => json!({ "USER_ID": user, "LEAVE": leave }),
                TransferTo::Queue(line) => json!({ "QUEUE_ID": line, "LEAVE": leave }),
            },
        );
    }

    /// Ends the session of this chat of an open channel, after what was said so far (`imopenlines.bot.session.finish`). The
    /// client's next message begins another one.
    ///
    /// As with [`transfer`](Context::transfer) the portal acts as the application's first bot. Outside an open channel it
    /// fails the turn.
    pub fn finish(&self) {
        self.hand_over("finish", json!({}));
    }

    /// Says something in this chat of an open channel that the client does not see: a note for operators.
    pub fn whisper(&self, note: impl Into<Draft>) -> MessageHandle {
        self.say(note.into().whisper())
    }

    /// Queues a call about this chat's session, which takes the floor from the bot.
    fn hand_over(&self, method: &str, params: Value) {
        match self.line_chat() {
            Some(chat) => self.effects().hand_over(method, chat, params),
            None => self.effects().fail(Error::failed(
                "only the chat of an open channel can be handed over or finished",
            )),
        }
    }

    /// The number of this chat, if it is one of an open channel. A reminder's event does not say, but the floor does.
    pub(super) fn line_chat(&self) -> Option<ChatId> {
        let is_line = self.chat().line().is_some() || self.effects().is_open_channel();
        let by_dialog = || self.dialog().as_str().strip_prefix("chat")?.parse().ok();
        self.chat().id.or_else(by_dialog).filter(|_| is_line)
    }
}

/// What is left to do for a client whose event cannot be handled, where the bot itself cannot be asked: the chat goes to
/// people. Nothing outside an open channel.
pub(crate) fn to_people(profile: &Profile, context: &EventContext) -> Vec<Arc<QueuedCall>> {
    let is_line = profile.is_for_open_channels() && context.chat.line().is_some();
    let Some(chat) = context.chat.id.filter(|_| is_line) else {
        return Vec::new();
    };
    let effects = Effects::new(Origin::of(context, profile), Handover::default(), false);
    effects.hand_over("operator", chat, json!({}));
    effects.take_calls()
}

/// The call that hands a session over or ends it.
pub(super) fn session_call(
    method: &str,
    chat: ChatId,
    params: Value,
) -> (String, Map<String, Value>) {
    let mut all = Map::new();
    all.insert("CHAT_ID".to_owned(), json!(chat));
    if let Value::Object(params) = params {
        all.extend(params);
    }
    (format!("imopenlines.bot.session.{method}"), all)
}
