//! The outbox: calls that turns have committed and that are not sent yet.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Conversation, EventId, Partition, Stored, Time};
use crate::event::{Api, CommandId, MessageId};

/// The number of a call: the event of its turn, and its index among the calls of that turn.
///
/// It is the same on every replay of the event, so it serves as the call's idempotency id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The event.
    pub event: EventId,
    /// The index.
    pub index: u16,
}

impl fmt::Display for CallId {
    /// Writes `event.index`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.event, self.index)
    }
}

/// A call in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuedCall {
    /// The number of this call.
    pub id: CallId,
    /// The bot and the chat.
    pub to: Conversation,
    /// The time of the commit.
    pub at: Time,
    /// The version of the bot platform's API.
    #[serde(default = "default_api")]
    pub api: Api,
    /// What is done if the call may have been sent already.
    #[serde(rename = "doubt")]
    pub redelivery: Redelivery,
    /// The call itself.
    pub call: Call,
}

/// Returns the API of calls that were stored before there was a choice.
fn default_api() -> Api {
    Api::V1
}

/// A call to a chat. `R` is the type of a reference to the message that is edited or deleted.
///
/// A handler's effects and the outbox use a [`MessageRef`]. The transport gets the call
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
    /// Returns the message that this call edits or deletes, if it does so.
    pub fn message(&self) -> Option<R> {
        match self {
            Self::Edit { message, .. } | Self::Delete { message } => Some(*message),
            Self::Say { .. } | Self::Rest { .. } => None,
        }
    }

    /// Returns this call with the id of its message. Returns `None` if the call needs a message and
    /// there is no id, because the message was never sent.
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
            // `N` removes a part of a sent message. This message is not sent yet.
            let is_part = matches!(key.as_str(), "KEYBOARD" | "ATTACH" | "MENU");
            if is_part && value == "N" {
                params.shift_remove(key);
            } else {
                params.insert(key.clone(), value.clone());
            }
        }
    }
}

/// What is done with a message that may have been sent: the process died while sending it, or no
/// answer came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redelivery {
    /// Sends it again: people see it at least once.
    #[default]
    #[serde(rename = "Resend")]
    AtLeastOnce,
    /// Drops it: people see it at most once.
    #[serde(rename = "Skip")]
    AtMostOnce,
    /// Sends it again with the same id by `imbot.v2.Chat.Message.send`, which shows a repeat once.
    /// Answers to commands and messages with a menu have no such method, and are sent again.
    #[serde(rename = "Once")]
    Deduplicated,
}

/// A message of ours, sent or still in the outbox. It can be kept in a bot's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageRef {
    /// A message with an id from the portal.
    Sent(MessageId),
    /// A message that the outbox has not sent yet, by its call.
    Queued(CallId),
}

impl From<MessageId> for MessageRef {
    fn from(id: MessageId) -> Self {
        Self::Sent(id)
    }
}

/// A call that was taken from the outbox to be sent.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The call.
    pub call: Arc<QueuedCall>,
    /// Whether it was taken before, so it may have been sent already.
    pub in_doubt: bool,
}

/// A call in the outbox that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// The number of the call.
    pub id: CallId,
    /// The bot and the chat.
    pub to: Conversation,
    /// Whether it was [taken](Outbox::take), so it may be under way, or have been sent already.
    pub is_taken: bool,
    /// Its position among the calls of its chat, which are made in the order of their commits. Of
    /// calls with the same position, that with the lower number comes first.
    pub position: u64,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was sent. Holds the id of a new message.
    Sent(Option<MessageId>),
    /// It was dropped.
    GivenUp,
    /// It was certainly not sent, and still waits.
    NotSent,
    /// The portal refused it permanently. It becomes a dead letter.
    Dead {
        /// The time of the refusal.
        at: Time,
        /// The portal's error.
        error: String,
    },
}

/// The outbox of a store: calls that turns have committed and that are not settled yet.
pub trait Outbox {
    /// Returns at most `limit` calls of a partition, or of all (`None`), that are not settled,
    /// oldest first, starting after `after`.
    ///
    /// # Errors
    /// The outbox could not be read.
    fn unsent(
        &self,
        partition: Option<Partition>,
        after: Option<CallId>,
        limit: usize,
    ) -> Stored<'_, Vec<Unsent>>;

    /// Puts calls of an event that still waits into the outbox, before its turn ends. A call whose
    /// id is in the outbox already is left out.
    ///
    /// # Errors
    /// The calls could not be stored.
    fn queue(&self, calls: Vec<Arc<QueuedCall>>) -> Stored<'_, ()>;

    /// Marks a call as taken and returns it for sending. Returns `None` if the call is settled, or
    /// was deleted before it was sent.
    ///
    /// The mark is durable when this returns, so a later process knows that the call may have been
    /// sent.
    ///
    /// # Errors
    /// The mark could not be stored, or the call could not be read.
    fn take(&self, call: CallId) -> Stored<'_, Option<Taken>>;

    /// Stores the result of a call that was taken: the call, its mark and the id of its message
    /// change in one step.
    ///
    /// # Errors
    /// The result could not be stored. The call is still marked as taken then.
    fn settle(&self, call: CallId, settled: Settled) -> Stored<'_, ()>;

    /// Returns the id of the message that a call sent. Returns `None` if the call did not ask to
    /// remember it, or if it is too old.
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
    fn the_stored_names_of_a_call_do_not_change() {
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
