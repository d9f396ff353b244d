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

/// One thing that a turn asks of a chat. `R` is how a message is named that is edited or deleted.
///
/// A handler's effects and the outbox name it by a [`MessageRef`]. The transport gets the call
/// [resolved](Call::resolve), with the id that the portal has given the message. The parameters are
/// shared, not copied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Call<R = MessageRef> {
    /// Sends a message.
    Say {
        /// The message's own parameters.
        params: Arc<Map<String, Value>>,
        /// The command that it answers, and the message with the command. A bot that is not in the
        /// chat can only send answers.
        answers: Option<(CommandId, MessageId)>,
        /// Whether the message's id is kept after it is sent, for a later edit.
        remember: bool,
    },
    /// Edits a message.
    Edit {
        /// The message.
        message: R,
        /// The parameters that change.
        params: Arc<Map<String, Value>>,
    },
    /// Deletes a message.
    Delete {
        /// The message.
        message: R,
    },
    /// Calls a method in order with the messages: hands over the chat of an open channel, or passes
    /// a message to a line.
    Rest {
        /// The method.
        method: Arc<str>,
        /// Its parameters.
        params: Arc<Map<String, Value>>,
    },
}

impl<R: Copy> Call<R> {
    /// Returns the message that this call edits or deletes.
    pub fn message(&self) -> Option<R> {
        match self {
            Self::Edit { message, .. } | Self::Delete { message } => Some(*message),
            Self::Say { .. } | Self::Rest { .. } => None,
        }
    }

    /// Returns this call about the message of this id. Returns `None` if the call needs a message
    /// and there is none, since it was never sent.
    pub fn resolve(&self, message: Option<MessageId>) -> Option<Call<MessageId>> {
        Some(match self {
            Self::Say {
                params,
                answers,
                remember,
            } => Call::Say {
                params: Arc::clone(params),
                answers: *answers,
                remember: *remember,
            },
            Self::Edit { params, .. } => Call::Edit {
                message: message?,
                params: Arc::clone(params),
            },
            Self::Delete { .. } => Call::Delete { message: message? },
            Self::Rest { method, params } => Call::Rest {
                method: Arc::clone(method),
                params: Arc::clone(params),
            },
        })
    }
}

impl Call {
    /// Returns the call of an earlier turn whose message this one edits or deletes, if the portal
    /// has not given that message an id yet.
    pub fn target(&self) -> Option<CallId> {
        match self.message() {
            Some(MessageRef::Queued(call)) => Some(call),
            Some(MessageRef::Sent(_)) | None => None,
        }
    }

    /// Changes the parameters of a message that is not sent yet.
    pub fn change(&mut self, changes: &Map<String, Value>) {
        let Self::Say { params, .. } = self else {
            return;
        };
        let params = Arc::make_mut(params);
        for (key, value) in changes {
            // `N` removes a part of a sent message; this one is left without.
            let is_part = matches!(key.as_str(), "KEYBOARD" | "ATTACH" | "MENU");
            if is_part && value == "N" {
                params.shift_remove(key);
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

    /// Puts calls of an event that still waits into the outbox, before its turn ends. A call whose
    /// id is in the outbox already is left out.
    ///
    /// # Errors
    /// The calls could not be stored.
    fn queue(&self, calls: Vec<Arc<QueuedCall>>) -> Stored<'_, ()>;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is not a map"),
        }
    }

    #[test]
    fn a_change_of_a_waiting_message_removes_its_parts_and_nothing_else() {
        let mut call = Call::Say {
            params: Arc::new(map(
                json!({ "MESSAGE": "a", "KEYBOARD": {}, "ATTACH": {}, "MENU": {} }),
            )),
            answers: None,
            remember: false,
        };
        call.change(&map(
            json!({ "MESSAGE": "N", "KEYBOARD": "N", "ATTACH": "N", "MENU": "N", "URL_PREVIEW": "N" }),
        ));
        let Call::Say { params, .. } = call else {
            panic!("{call:?}")
        };
        assert_eq!(json!(params), json!({ "MESSAGE": "N", "URL_PREVIEW": "N" }));
    }

    #[test]
    fn a_call_is_stored_under_the_names_it_always_had() {
        let params = || Arc::new(map(json!({ "MESSAGE": "a" })));
        let message = MessageRef::Sent(MessageId(7));
        let cases: [(Call, Value); 4] = [
            (
                Call::Say {
                    params: params(),
                    answers: Some((CommandId(1), MessageId(2))),
                    remember: true,
                },
                json!({ "Say": { "params": { "MESSAGE": "a" }, "answers": [1, 2], "remember": true } }),
            ),
            (
                Call::Edit {
                    message,
                    params: params(),
                },
                json!({ "Edit": { "message": { "Sent": 7 }, "params": { "MESSAGE": "a" } } }),
            ),
            (
                Call::Delete { message },
                json!({ "Delete": { "message": { "Sent": 7 } } }),
            ),
            (
                Call::Rest {
                    method: "m".into(),
                    params: params(),
                },
                json!({ "Rest": { "method": "m", "params": { "MESSAGE": "a" } } }),
            ),
        ];
        for (call, stored) in cases {
            assert_eq!(json!(call), stored);
            assert_eq!(serde_json::from_value::<Call>(stored).unwrap(), call);
        }
    }
}
