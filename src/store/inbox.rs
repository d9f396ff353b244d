//! The inbox: deliveries as they arrived, and their events, which wait to be handled.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Conversation, Partition, Reminder, Stored, Time};
use crate::event::MemberId;

/// The number of an event in the inbox. Numbers grow and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of an occurrence among all portals: a stable hash of 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Occurrence(pub u128);

/// An ordering key. Events of one key are handled in order; different keys are independent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderingKey {
    /// The key of a bot in a dialog.
    Chat(Conversation),
    /// The key of a hook.
    Hook {
        /// The portal.
        portal: MemberId,
        /// The name of the hook in the application.
        hook: Arc<str>,
    },
    /// The key of the application on a portal, for events about it and its bots.
    Application(MemberId),
}

impl OrderingKey {
    /// Returns the portal of this key.
    pub fn portal(&self) -> &MemberId {
        match self {
            Self::Chat(conversation) => &conversation.portal,
            Self::Hook { portal, .. } | Self::Application(portal) => portal,
        }
    }
}

impl fmt::Display for OrderingKey {
    /// Writes the key for logs and for the operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chat(conversation) => conversation.fmt(f),
            Self::Hook { portal, hook } => write!(f, "{portal}/hook {hook}"),
            Self::Application(portal) => write!(f, "{portal}/application"),
        }
    }
}

/// A delivery to be appended: the body as it arrived, and its events.
#[derive(Clone)]
pub struct NewDelivery {
    /// The portal that sent it.
    pub portal: MemberId,
    /// The body, as it arrived.
    pub body: Bytes,
    /// The time of its arrival.
    pub at: Time,
    /// Its events.
    pub events: Vec<NewEvent>,
}

impl fmt::Debug for NewDelivery {
    /// Leaves out the body, which holds tokens and people's messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            portal, at, events, ..
        } = self;
        f.debug_struct("NewDelivery")
            .field("portal", portal)
            .field("at", at)
            .field("events", events)
            .finish_non_exhaustive()
    }
}

/// One event of a delivery.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The identity by which repeats are recognised.
    pub occurrence: Occurrence,
    /// The ordering key.
    pub key: OrderingKey,
    /// The index among the delivery's events.
    pub part: u16,
}

/// The result of appending a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is in the inbox: the number of each event, or `None` for a repeat.
    Now(Vec<Option<EventId>>),
    /// It is durable, but not in the inbox yet: the store cannot write there, and spooled it. Its
    /// events are reported as a [`Notice`](super::Notice) each.
    Later,
}

/// A waiting event.
#[derive(Clone, Debug)]
pub struct InboxEvent {
    /// The ordering key.
    pub key: OrderingKey,
    /// The time of its arrival.
    pub at: Time,
    /// The content.
    pub content: Content,
}

/// The content of an event.
#[derive(Clone)]
pub enum Content {
    /// An event of a portal.
    Delivered {
        /// The body, as it arrived.
        body: Bytes,
        /// The index among the delivery's events.
        part: u16,
    },
    /// A reminder that is due.
    Reminder(Reminder),
}

impl fmt::Debug for Content {
    /// Leaves out the body, which holds tokens and people's messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered { part, .. } => write!(f, "Delivered {{ part: {part}, .. }}"),
            Self::Reminder(reminder) => reminder.fmt(f),
        }
    }
}

/// The inbox of a store: events that are appended and not handled yet.
pub trait Inbox {
    /// Appends a delivery. Returns for each of its events its number, or `None` for a repeat of an
    /// event seen before. Numbers grow in the order in which deliveries are appended.
    ///
    /// The delivery is appended whole or not at all, and is durable when this returns.
    ///
    /// # Errors
    /// The delivery could not be stored, or the store is full. None of its events is in the inbox
    /// then.
    fn append(&self, delivery: NewDelivery) -> Stored<'_, Appended>;

    /// Returns at most `limit` waiting events of a partition, or of all (`None`), oldest first,
    /// starting after `after`.
    ///
    /// # Errors
    /// The inbox could not be read.
    fn waiting(
        &self,
        partition: Option<Partition>,
        after: Option<EventId>,
        limit: usize,
    ) -> Stored<'_, Vec<(EventId, OrderingKey)>>;

    /// Returns a waiting event, as it arrived. Returns `None` if the event does not wait any more.
    ///
    /// # Errors
    /// The event could not be read.
    fn event(&self, event: EventId) -> Stored<'_, Option<InboxEvent>>;
}
