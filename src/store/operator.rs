//! What an operator asks of a store, and what the engine learns of it.

use serde::Serialize;

use super::{
    Arrived, CallId, Conversation, DeadId, DeadLetter, EventId, OrderingKey, Stored, Time,
};
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
    pub quarantined: u64,
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
    /// The queue of this key is not blocked any more.
    Unblocked(OrderingKey),
}

/// What an operator's commands use, also while another process runs the bots on the same store.
pub trait Operator {
    /// Returns how much is stored.
    ///
    /// # Errors
    /// The store could not be read.
    fn status(&self) -> Stored<'_, Status>;

    /// Adds to the counts of events by name. Returns all counts, at most
    /// [`ARRIVED_MAX`](super::ARRIVED_MAX) names.
    ///
    /// # Errors
    /// The counts could not be stored or read.
    fn arrived(&self, more: Vec<Arrived>) -> Stored<'_, Vec<Arrived>>;

    /// Returns at most `limit` dead letters, oldest first, from the one after `after`.
    ///
    /// # Errors
    /// The dead letters could not be read.
    fn dead_letters(&self, after: Option<DeadId>, limit: usize) -> Stored<'_, Vec<DeadLetter>>;

    /// Moves a dead letter back to the inbox or outbox, with its attempts set to zero and a
    /// [`Notice`], in one step. Returns false if there is no such dead letter.
    ///
    /// # Errors
    /// The change could not be stored. The dead letter is still there then.
    fn revive(&self, dead: DeadId) -> Stored<'_, bool>;

    /// Drops a dead letter. If its queue was blocked only by this one, a [`Notice`] follows. Returns
    /// false if there is no such dead letter.
    ///
    /// # Errors
    /// The change could not be stored. The dead letter is still there then.
    fn drop_dead_letter(&self, dead: DeadId) -> Stored<'_, bool>;

    /// Removes everything stored of a conversation or a person, in one step. Returns the number of
    /// removed items.
    ///
    /// # Errors
    /// The change could not be stored. Nothing is removed then.
    fn forget(&self, scope: ForgetScope) -> Stored<'_, u64>;
}
