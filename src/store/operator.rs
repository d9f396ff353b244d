//! What an operator's commands read and change in a store, and the notices for the engine.

use serde::Serialize;

use super::{
    Arrived, CallId, Conversation, DeadId, DeadLetter, EventId, ListScope, ListedConversation,
    OrderingKey, PartScope, StateChange, Stored, StoredState, Time,
};
use crate::event::{MemberId, UserId};

/// The amount of stored data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Number of portals with an installation.
    pub portals: u64,
    /// Number of waiting events.
    pub events: u64,
    /// Arrival of the oldest waiting event.
    pub oldest_event: Option<Time>,
    /// Arrival of the last event, handled or not. Not known of events that an early version stored.
    pub last_event: Option<Time>,
    /// Number of calls that wait to be sent.
    pub calls: u64,
    /// Commit time of the oldest waiting call.
    pub oldest_call: Option<Time>,
    /// Number of reminders that are not due yet.
    pub reminders: u64,
    /// Number of conversations with a state.
    pub conversations: u64,
    /// Number of quarantined states, which could not be read.
    pub quarantined: u64,
    /// Number of dead letters.
    pub dead: u64,
    /// Number of deliveries in the spool, which wait until the store can write.
    pub spooled: u64,
    /// Size on the disk, in bytes.
    pub bytes: u64,
}

/// First words of the reason of a quarantined state that was restored.
pub const RESTORED: &str = "restored: ";

/// Reason of a state that is quarantined because another one was restored in its place.
pub const REPLACED: &str = "replaced by a restored state";

/// Whose data is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgetScope {
    /// One conversation, with its parts and the own states of its people.
    Conversation(Conversation),
    /// A person's private chats with the bots of a portal, and their own states and parts in other
    /// chats.
    User {
        /// The portal.
        portal: MemberId,
        /// The person.
        user: UserId,
    },
}

impl ForgetScope {
    /// Returns true if this scope includes the conversation.
    pub fn includes(&self, key: &Conversation) -> bool {
        match self {
            Self::Conversation(own) => {
                let dialog = match (key.as_part(), key.person()) {
                    (Some((dialog, _)), _) | (None, Some((_, dialog))) => dialog,
                    (None, None) => key.dialog.as_str(),
                };
                let is_of_it = own.dialog.as_str() == dialog;
                own == key || is_of_it && own.bot == key.bot && own.portal == key.portal
            }
            Self::User { portal, user } => {
                let is_own = key.person().is_some_and(|(person, _)| person == *user);
                let dialog = key
                    .as_part()
                    .map_or(key.dialog.as_str(), |(dialog, _)| dialog);
                *portal == key.portal && (is_own || dialog == user.to_string())
            }
        }
    }
}

/// A change in the store that did not come from the engine of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An event waits: it was revived, it came from the spool, or another process appended it to a
    /// partition of this one.
    Event(EventId, OrderingKey),
    /// A call waits again.
    Call(CallId, Conversation),
    /// The queue of this key is not blocked any more.
    Unblocked(OrderingKey),
    /// The installation on this portal was stored or removed, perhaps by another process. Every
    /// process that has [joined](super::Ownership::join) gets it, also for portals that it does not
    /// own. A store for one process has none.
    Portal(MemberId),
    /// A part of a conversation [was changed](Operator::change_part).
    Part(Conversation),
}

/// Methods for an operator's commands, also while another process runs the bots on the same store.
pub trait Operator {
    /// Returns the amount of stored data.
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

    /// Returns at most `limit` dead letters, oldest first, starting after `after`.
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

    /// Drops a dead letter. If its queue was blocked only by this one, a [`Notice`] follows.
    /// Returns false if there is no such dead letter.
    ///
    /// # Errors
    /// The change could not be stored. The dead letter is still there then.
    fn drop_dead_letter(&self, dead: DeadId) -> Stored<'_, bool>;

    /// Makes the newest quarantined state of a conversation, or of each one that has such (`None`),
    /// its current state again. What it replaces is quarantined, and the restored one stays
    /// quarantined as well, marked as [`RESTORED`], so that nothing is lost. With `None`,
    /// conversations whose newest quarantined state was itself replaced stay as they are. Returns
    /// the number of restored states.
    ///
    /// # Errors
    /// The change could not be stored. Nothing is restored then.
    fn restore(&self, key: Option<&Conversation>, at: Time) -> Stored<'_, u64>;

    /// Returns at most `limit` conversations that have a state, a part or a state of a person, each
    /// once, starting after `after`, in the order of their keys as text (`portal/bot/dialog`).
    /// Those in which the program keeps something of its own are left out.
    ///
    /// # Errors
    /// The states could not be read.
    fn conversations(
        &self,
        scope: ListScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<ListedConversation>>;

    /// Returns at most `limit` parts of conversations, starting after the part `after`, in the
    /// order of their keys as text.
    ///
    /// # Errors
    /// The parts could not be read.
    fn parts(
        &self,
        scope: PartScope,
        after: Option<&Conversation>,
        limit: usize,
    ) -> Stored<'_, Vec<(Conversation, StoredState)>>;

    /// Stores or removes a part of a conversation, with a [`Notice`], in one step.
    ///
    /// # Errors
    /// The change could not be stored.
    fn change_part(&self, key: &Conversation, at: Time, change: StateChange) -> Stored<'_, ()>;

    /// Removes everything stored of a conversation or a person, in one step. Returns the number of
    /// removed items.
    ///
    /// # Errors
    /// The change could not be stored. Nothing is removed then.
    fn forget(&self, scope: ForgetScope) -> Stored<'_, u64>;
}
