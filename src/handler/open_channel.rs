//! Context methods for the chat of an open channel: roles, handing over, and notes for operators.

use std::sync::Arc;

use serde_json::{Value, json};

use super::turn::context::EventContext;
use super::turn::effects::{Effects, Origin};
use super::turn::handover::Handover;
use super::{Context, Error, MessageHandle, Profile, Role};
use crate::event::{ChatId, LineChat, LineId, SessionId, UserId};
use crate::message::Draft;
use crate::store::QueuedCall;

/// Where a chat is handed over to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferTo {
    /// A user of the portal who is neither a bot nor from outside the company.
    User(UserId),
    /// The operators' queue of this or another line.
    Queue(LineId),
}

impl From<UserId> for TransferTo {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl From<LineId> for TransferTo {
    fn from(line: LineId) -> Self {
        Self::Queue(line)
    }
}

impl<S> Context<S> {
    /// Returns the connector, line, client, session and CRM ids of this chat, if the event says
    /// that it is one of an open channel.
    pub fn line(&self) -> Option<LineChat> {
        self.chat().line()
    }

    /// Returns the sender's role in the chat of an open channel, if it is known.
    pub fn role(&self) -> Option<Role> {
        self.context().role
    }

    /// Returns the current session of this chat of an open channel, or the last one, as far as it
    /// is known.
    pub fn session(&self) -> Option<SessionId> {
        self.effects().session()
    }

    /// Whether an operator has taken over this chat of an open channel. Then the bot's
    /// [messages](Context::say) in it are dropped, except [whispers](Context::whisper), unless the
    /// profile says [`alongside_operators`](super::Profile::alongside_operators).
    pub fn is_with_operator(&self) -> bool {
        self.effects().is_with_operator()
    }

    /// Hands this chat of an open channel over to a free operator, after the messages so far
    /// (`imopenlines.bot.session.operator`). From then on the bot is silent.
    ///
    /// Fails the turn outside an open channel.
    pub fn to_operator(&self) {
        self.hand_over("operator", json!({}));
    }

    /// Hands this chat of an open channel over to a user or to the queue of a line, after the
    /// messages so far (`imopenlines.bot.session.transfer`). From then on the bot is silent.
    ///
    /// With `leave`, the bot leaves the chat at once. Without, it stays until the transfer is
    /// confirmed, and gets events until then, unless the line's settings remove the bot
    /// (protocol/open-channels.md 5). The portal acts as the first bot of the application,
    /// whichever bot calls: only one bot of an application should transfer and finish
    /// (protocol/server-behaviour.md 6.2).
    ///
    /// Fails the turn outside an open channel.
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

    /// Ends the session of this chat of an open channel, after the messages so far
    /// (`imopenlines.bot.session.finish`). The client's next message begins another session.
    ///
    /// As with [`transfer`](Context::transfer), the portal acts as the application's first bot.
    /// Fails the turn outside an open channel.
    pub fn finish(&self) {
        self.hand_over("finish", json!({}));
    }

    /// Sends a note for operators to this chat of an open channel. The client does not see it.
    pub fn whisper(&self, note: impl Into<Draft>) -> MessageHandle {
        self.say(note.into().whisper())
    }

    /// Queues a call that hands this chat over or ends its session.
    fn hand_over(&self, method: &str, params: Value) {
        match self.line_chat() {
            Some(chat) => self.effects().hand_over(method, chat, params),
            None => self.effects().fail(Error::permanent(
                "only the chat of an open channel can be handed over or finished",
            )),
        }
    }

    /// Returns the number of this chat, if it is one of an open channel. For a reminder, the
    /// handover shows that it is.
    pub(super) fn line_chat(&self) -> Option<ChatId> {
        let is_line = self.chat().line().is_some() || self.effects().is_open_channel();
        let by_dialog = || self.dialog().as_str().strip_prefix("chat")?.parse().ok();
        self.chat().id.or_else(by_dialog).filter(|_| is_line)
    }
}

/// Returns the calls that hand a client's chat over to an operator, for an event that cannot be
/// handled by the bot. Empty outside open channels.
pub(crate) fn hand_to_operator(profile: &Profile, context: &EventContext) -> Vec<Arc<QueuedCall>> {
    let is_line = profile.is_for_open_channels() && context.chat.line().is_some();
    let Some(chat) = context.chat.id.filter(|_| is_line) else {
        return Vec::new();
    };
    let effects = Effects::new(Origin::of(context, profile), Handover::default(), false);
    effects.hand_over("operator", chat, json!({}));
    effects.take_calls()
}
