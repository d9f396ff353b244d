//! What waits to be handled: deliveries as they came, and the events in them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Conversation, Reminder, Stored, Time};
use crate::event::MemberId;

/// The number of an event in the inbox. Numbers grow, and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What makes an occurrence different from all others, on all portals: 128 bits of a stable hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Occurrence(pub u128);

/// Whose turn an event is: the events of one key are handled in order, lanes side by side.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderingKey {
    /// A bot's, in one dialog.
    Chat(Conversation),
    /// A hook's, by its name in the application.
    Hook {
        /// The portal.
        portal: MemberId,
        /// The hook.
        hook: Arc<str>,
    },
    /// The application's own, for what happens to it and its bots on a portal.
    Application(MemberId),
}

impl OrderingKey {
    /// The portal that it belongs to.
    pub fn portal(&self) -> &MemberId {
        match self {
            OrderingKey::Chat(conversation) => &conversation.portal,
            OrderingKey::Hook { portal, .. } | OrderingKey::Application(portal) => portal,
        }
    }
}

impl fmt::Display for OrderingKey {
    /// For a log line and for the operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderingKey::Chat(conversation) => conversation.fmt(f),
            OrderingKey::Hook { portal, hook } => write!(f, "{portal}/hook {hook}"),
            OrderingKey::Application(portal) => write!(f, "{portal}/application"),
        }
    }
}

/// A delivery to be written down: the body as it came, and the events in it.
#[derive(Clone)]
pub struct NewDelivery {
    /// The portal it came from.
    pub portal: MemberId,
    /// The body, as it came.
    pub body: Bytes,
    /// When it came.
    pub at: Time,
    /// Its events.
    pub events: Vec<NewEvent>,
}

impl fmt::Debug for NewDelivery {
    /// Without the body: it holds tokens and what people wrote.
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
    /// By what a repeat of it is known.
    pub occurrence: Occurrence,
    /// Whose turn it is.
    pub key: OrderingKey,
    /// Which of the delivery's events it is.
    pub part: u16,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is in the inbox: the number of each event, or nothing for a repeat.
    Now(Vec<Option<EventId>>),
    /// It is safe, but not in the inbox yet: the store cannot write there, and spooled it. Its events come as
    /// [`Notice`](super::News).
    Later,
}

/// An event that waits.
#[derive(Clone, Debug)]
pub struct InboxEvent {
    /// Whose turn it is.
    pub key: OrderingKey,
    /// When it came.
    pub at: Time,
    /// What it is.
    pub content: Content,
}

/// What an event is.
#[derive(Clone)]
pub enum Content {
    /// An event of a portal.
    Delivered {
        /// The body, as it came.
        body: Bytes,
        /// Which of the delivery's events it is.
        part: u16,
    },
    /// A reminder that is due.
    Reminder(Reminder),
}

impl fmt::Debug for Content {
    /// Without the body: it holds tokens and what people wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Delivered { part, .. } => write!(f, "Delivered {{ part: {part}, .. }}"),
            Content::Reminder(reminder) => reminder.fmt(f),
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
    /// The delivery could not be stored, or the store is full. None of its events is in the inbox then.
    fn append(&self, delivery: NewDelivery) -> Stored<'_, Appended>;

    /// Returns at most `limit` events that wait, oldest first, from the one after `after`.
    ///
    /// # Errors
    /// The inbox could not be read.
    fn waiting(
        &self,
        after: Option<EventId>,
        limit: usize,
    ) -> Stored<'_, Vec<(EventId, OrderingKey)>>;

    /// Returns an event that waits, as it came. Returns `None` if it does not wait any more.
    ///
    /// # Errors
    /// The event could not be read.
    fn event(&self, event: EventId) -> Stored<'_, Option<InboxEvent>>;
}
