//! What is decided and not yet sent.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Conversation, EventId, Stored, Time};
use crate::event::{Api, CommandId, MessageId};

/// The number of a call: the event that decided it, and its place among that event's calls.
///
/// It is the same on every replay of the event, so it serves as the call's idempotency id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The event.
    pub event: EventId,
    /// The place.
    pub index: u16,
}

impl fmt::Display for CallId {
    /// As `event.place`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.event, self.index)
    }
}

/// A call that is decided and not sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuedCall {
    /// Its number.
    pub id: CallId,
    /// Who speaks, and where.
    pub to: Conversation,
    /// When it was decided.
    pub at: Time,
    /// By which generation of the bot platform.
    #[serde(default = "before")]
    pub api: Api,
    /// What is done if it may have been made already.
    #[serde(rename = "doubt")]
    pub redelivery: Redelivery,
    /// What is done.
    pub call: Call,
}

/// The generation of calls that were stored before there was a choice.
fn before() -> Api {
    Api::V1
}

/// What is done in a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Call {
    /// Sends a message.
    Say {
        /// The message's own parameters.
        params: Map<String, Value>,
        /// The command that it answers, if it does: a bot that is not in the chat may speak only so.
        answers: Option<(CommandId, MessageId)>,
        /// Whether somebody may ask for the message's number later.
        remember: bool,
    },
    /// Changes a message.
    Edit {
        /// Which.
        message: MessageRef,
        /// What becomes different.
        params: Map<String, Value>,
    },
    /// Deletes a message.
    Delete {
        /// Which.
        message: MessageRef,
    },
    /// Calls a method, in its place among what is said: a line's chat is handed over, a message is passed to a line.
    Rest {
        /// The method.
        method: String,
        /// Its parameters.
        params: Map<String, Value>,
    },
}

impl Call {
    /// The call of an earlier turn whose message this one changes or deletes, if the portal has not numbered it.
    pub fn target(&self) -> Option<CallId> {
        match self {
            Call::Edit {
                message: MessageRef::Queued(call),
                ..
            }
            | Call::Delete {
                message: MessageRef::Queued(call),
            } => Some(*call),
            _ => None,
        }
    }

    /// Makes a change in a message that is not sent yet.
    pub fn change(&mut self, changes: &Map<String, Value>) {
        let Call::Say { params, .. } = self else {
            return;
        };
        for (key, value) in changes {
            // `N` takes a keyboard away, which a new message does not know.
            if value == "N" {
                params.remove(key);
            } else {
                params.insert(key.clone(), value.clone());
            }
        }
    }
}

/// What becomes of a message that may have been sent: the process died while it was on its way, or no answer came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redelivery {
    /// It is sent again: people see it at least once.
    #[default]
    #[serde(rename = "Resend")]
    AtLeastOnce,
    /// It is given up: people see it at most once.
    #[serde(rename = "Skip")]
    AtMostOnce,
    /// It is sent again with the same id by `imbot.v2.Chat.Message.send`, which shows a repeat once. Answers to commands
    /// and messages with a menu have no such method, and are sent again.
    #[serde(rename = "Once")]
    Deduplicated,
}

/// A message of ours, sent or still in the outbox. It can be kept in a bot's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageRef {
    /// A message that the portal has numbered.
    Sent(MessageId),
    /// A message by the call that makes it.
    Queued(CallId),
}

impl From<MessageId> for MessageRef {
    fn from(id: MessageId) -> MessageRef {
        MessageRef::Sent(id)
    }
}

/// A call that somebody is about to make.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The call.
    pub call: Arc<QueuedCall>,
    /// Whether it was taken before, and nobody knows what became of it.
    pub in_doubt: bool,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was made; this is the number of the new message.
    Sent(Option<MessageId>),
    /// It will not be made.
    GivenUp,
    /// It was certainly not made, and waits on.
    NotSent,
    /// The portal refused it for good: it rests among the dead letters.
    Dead {
        /// When.
        at: Time,
        /// The portal's words.
        error: String,
    },
}

/// The outbox of a store: calls that turns have decided and that are not settled yet.
pub trait Outbox {
    /// Returns at most `limit` calls that are not settled, oldest first, from the one after `after`.
    ///
    /// # Errors
    /// The outbox could not be read.
    fn unsent(
        &self,
        after: Option<CallId>,
        limit: usize,
    ) -> Stored<'_, Vec<(CallId, Conversation)>>;

    /// Takes a call, to make it. Returns `None` if the call is settled, or was deleted before it was
    /// sent.
    ///
    /// The mark is durable when this returns, so a later process knows that the call may have been
    /// made.
    ///
    /// # Errors
    /// The mark could not be stored, or the call could not be read.
    fn take(&self, call: CallId) -> Stored<'_, Option<Taken>>;

    /// Stores the result of a call that was taken: the call, its mark and the id of its message change
    /// in one step.
    ///
    /// # Errors
    /// The result could not be stored. The call is still marked as taken then.
    fn settle(&self, call: CallId, settled: Settled) -> Stored<'_, ()>;

    /// Returns the id of the message that a call made. Returns `None` if it was not to be remembered,
    /// or is too old.
    ///
    /// # Errors
    /// The id could not be read.
    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>>;
}
