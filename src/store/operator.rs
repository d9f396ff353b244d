//! What an operator asks of a store, and what the engine learns of it.

use serde::Serialize;

use super::{CallId, Conversation, EventId, OrderingKey, Time};
use crate::event::{MemberId, UserId};

/// How much is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Portals that the application is installed on.
    pub portals: u64,
    /// Events that wait.
    pub events: u64,
    /// When the oldest of them came.
    pub oldest_event: Option<Time>,
    /// When the last event came, whatever became of it; not told of events that an earlier version took in.
    pub last_event: Option<Time>,
    /// Calls that wait to be sent.
    pub calls: u64,
    /// When the oldest of them was decided.
    pub oldest_call: Option<Time>,
    /// Reminders that are not due yet.
    pub reminders: u64,
    /// Conversations with a state.
    pub conversations: u64,
    /// States that could not be read and are kept aside.
    pub aside: u64,
    /// Dead letters.
    pub dead: u64,
    /// Deliveries that wait in the spool, since the store could not write.
    pub spooled: u64,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// Whose data are to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgetScope {
    /// Everything of one conversation.
    Conversation(Conversation),
    /// Everything of a person's private chats with the bots of a portal.
    User {
        /// The portal.
        portal: MemberId,
        /// The person.
        user: UserId,
    },
}

impl ForgetScope {
    /// Whether a conversation is meant.
    pub fn includes(&self, key: &Conversation) -> bool {
        match self {
            ForgetScope::Conversation(own) => own == key,
            ForgetScope::User { portal, user } => {
                *portal == key.portal && key.dialog.as_str() == user.to_string()
            }
        }
    }
}

/// Something that has come into the store from outside the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An event waits: it was revived, or came out of the spool.
    Event(EventId, OrderingKey),
    /// A call waits again.
    Call(CallId, Conversation),
    /// A blocked lane may go on.
    Open(OrderingKey),
}
