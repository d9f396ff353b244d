//! Remembering: events not yet handled, conversations, calls not yet sent, and the portals we are installed on.
//!
//! One trait, shaped by the turn and not by a database. An event is [appended](Store::append) before anybody is told
//! that it was taken in; a turn ends in one [commit](Store::commit) that writes the new state, the calls it decided and
//! that the event is done, or nothing of it. [`Memory`] is the only engine so far; `tests/store.rs` is the contract that
//! every engine keeps.

mod memory;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event::{BotId, CommandId, DialogId, MemberId, MessageId};

pub use memory::{Memory, SEEN_MAX};

/// What a store answers with.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The memory of the engine.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Writes events down, and tells for each its number, or nothing where it is a repeat of one seen before.
    fn append(&self, events: Vec<NewEvent>) -> Stored<'_, Vec<Option<EventId>>>;

    /// The events that are written down and not done, oldest first.
    fn waiting(&self) -> Stored<'_, Vec<(EventId, NewEvent)>>;

    /// The state of a conversation, if it has one.
    fn state(&self, key: &Conversation) -> Stored<'_, Option<Bytes>>;

    /// Ends a turn: state, calls and "done" in one step.
    fn commit(&self, turn: Turn) -> Stored<'_, ()>;

    /// The calls that are decided and not sent, oldest first.
    fn unsent(&self) -> Stored<'_, Vec<Arc<QueuedCall>>>;

    /// Marks a call as sent, or given up, and remembers its message's number if the call says so.
    fn sent(&self, call: CallId, message: Option<MessageId>) -> Stored<'_, ()>;

    /// The number of the message that a call made, if it was to be remembered.
    fn message(&self, call: CallId) -> Stored<'_, Option<MessageId>>;

    /// The portals that the application is installed on.
    fn portals(&self) -> Stored<'_, Vec<Installation>>;

    /// Writes down an installation, in place of an earlier one on the same portal.
    fn install(&self, installation: Installation) -> Stored<'_, ()>;

    /// Forgets an installation.
    fn uninstall(&self, portal: &MemberId) -> Stored<'_, ()>;
}

/// One bot in one dialog of one portal: what has a state, and what is handled in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conversation {
    /// The portal.
    pub portal: MemberId,
    /// The bot.
    pub bot: BotId,
    /// The dialog.
    pub dialog: DialogId,
}

/// The number of an event in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

/// An event to be written down: one delivery as one bot or the hooks see it.
#[derive(Clone)]
pub struct NewEvent {
    /// The portal it came from.
    pub portal: MemberId,
    /// What makes this occurrence different from all others on that portal.
    pub occurrence: Arc<str>,
    /// The body, as it came.
    pub body: Bytes,
    /// Which of the delivery's events this is.
    pub part: u16,
}

impl fmt::Debug for NewEvent {
    /// Without the body: it holds tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            portal,
            occurrence,
            part,
            ..
        } = self;
        f.debug_struct("NewEvent")
            .field("portal", portal)
            .field("occurrence", occurrence)
            .field("part", part)
            .finish()
    }
}

/// How a turn ends.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The event that is done.
    pub event: EventId,
    /// The conversation it belongs to, and what becomes of its state.
    pub state: Option<(Conversation, StateChange)>,
    /// What is to be sent, in order.
    pub calls: Vec<Arc<QueuedCall>>,
}

/// What becomes of a conversation's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// It stays.
    Keep,
    /// This is the new one.
    Put(Bytes),
    /// It is the default again, which is not stored.
    Forget,
}

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

/// A call that is decided and not sent.
#[derive(Clone, Debug)]
pub struct QueuedCall {
    /// Its number.
    pub id: CallId,
    /// Who speaks, and where.
    pub to: Conversation,
    /// What is done.
    pub call: Call,
}

/// What a bot does in a chat.
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

/// The application as it is installed on one portal.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The portal.
    pub portal: MemberId,
    /// Where its REST methods are called, such as `https://example.bitrix24.com/rest/`.
    pub endpoint: String,
    /// What proves that an event is this portal's.
    pub application_token: SecretString,
    /// What proves that a call is ours.
    pub tokens: Tokens,
}

/// A pair of OAuth tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Good for an hour.
    pub access: SecretString,
    /// Good for 180 days, and for one use.
    pub refresh: SecretString,
}
