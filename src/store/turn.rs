//! How a turn begins and ends.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{EventId, Failure, QueuedCall, ReminderChange, Stored, Time};
use crate::event::{BotId, DialogId, LineId, MemberId};

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

impl Conversation {
    /// What stands in place of the bot in the conversation of a connector: no bot has this number.
    const CONNECTOR: BotId = BotId(0);

    /// A chat outside, as a connector on a line knows it: what goes there and comes from there is handled in order.
    pub fn outside(portal: MemberId, connector: &str, line: LineId, chat: &str) -> Conversation {
        Conversation {
            portal,
            bot: Conversation::CONNECTOR,
            dialog: DialogId::new(format!("{connector}|{line}|{chat}")),
        }
    }

    /// The connector whose chat outside this is, if it is one.
    pub fn connector(&self) -> Option<&str> {
        let is_outside = self.bot == Conversation::CONNECTOR;
        self.dialog
            .as_str()
            .split('|')
            .next()
            .filter(|_| is_outside)
    }
}

impl fmt::Display for Conversation {
    /// As `portal/bot/dialog`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.portal, self.bot, self.dialog)
    }
}

/// A turn that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedTurn {
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The state of the conversation that was asked for, if it has one.
    pub state: Option<StoredState>,
}

/// A state as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredState {
    /// The version of its shape.
    pub version: u32,
    /// What was written.
    pub bytes: Bytes,
}

/// A state that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// When it was put aside.
    pub at: Time,
    /// The state.
    pub state: StoredState,
    /// Why it could not be read.
    pub reason: String,
}

/// How a turn ends.
#[derive(Clone, Debug)]
pub struct TurnCommit {
    /// The event that was handled.
    pub event: EventId,
    /// When.
    pub at: Time,
    /// What becomes of the event.
    pub outcome: Outcome,
    /// The conversation it belongs to, and what becomes of its state.
    pub state: Option<(Conversation, StateChange)>,
    /// Why the state as it was before is kept aside, if it is.
    pub quarantine: Option<String>,
    /// What is to be sent, in order.
    pub calls: Vec<Arc<QueuedCall>>,
    /// What is to be remembered later, or not any more.
    pub reminders: Vec<ReminderChange>,
}

impl TurnCommit {
    /// A turn that ends well and changes nothing.
    pub fn done(event: EventId, at: Time) -> TurnCommit {
        TurnCommit {
            event,
            at,
            outcome: Outcome::Done,
            state: None,
            quarantine: None,
            calls: Vec::new(),
            reminders: Vec::new(),
        }
    }
}

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is not tried again, and rests among the dead letters.
    Dead {
        /// Why.
        error: String,
        /// Whether its key waits until an operator decides about it.
        blocks: bool,
    },
}

/// What becomes of a conversation's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// It stays.
    Keep,
    /// This is the new one.
    Put(StoredState),
    /// It is the default again, which is not stored.
    Forget,
}

/// The turns of a store: attempts are counted, states are read, and each turn ends in one commit.
pub trait Turns {
    /// Counts one more attempt at an event, and reads the state of a conversation. Returns `None` if
    /// the event does not wait any more.
    ///
    /// The attempt is durable when this returns, so an attempt that ends the process is counted too.
    ///
    /// # Errors
    /// The attempt could not be stored, or the state could not be read.
    fn begin(
        &self,
        event: EventId,
        state: Option<&Conversation>,
    ) -> Stored<'_, Option<StartedTurn>>;

    /// Stores that an attempt failed. The event still waits.
    ///
    /// # Errors
    /// The failure could not be stored.
    fn fail(&self, event: EventId, failure: Failure) -> Stored<'_, ()>;

    /// Ends a turn: the state, the calls, the reminders and the outcome of the event are stored in one
    /// step, all or nothing. Does nothing if the event does not wait any more.
    ///
    /// An edit or deletion of a message that waits in the outbox and is not
    /// [taken](super::Outbox::take) changes the waiting call instead.
    ///
    /// # Errors
    /// The turn could not be stored. Nothing of it is then.
    fn commit(&self, turn: TurnCommit) -> Stored<'_, ()>;

    /// Returns the state of a conversation.
    ///
    /// # Errors
    /// The state could not be read from the store.
    fn state(&self, key: &Conversation) -> Stored<'_, Option<StoredState>>;

    /// Returns the quarantined states of a conversation, oldest first.
    ///
    /// # Errors
    /// The states could not be read from the store.
    fn quarantined(&self, key: &Conversation) -> Stored<'_, Vec<Quarantined>>;
}
