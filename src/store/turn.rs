//! The start of a turn, and its commit.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{EventId, Failure, QueuedCall, ReminderChange, Stored, Time};
use crate::event::{BotId, DialogId, LineId, MemberId, UserId};

/// What separates a dialog from the name of a part.
pub(super) const PART: &str = "/~";

/// What the dialogs begin with in which the program keeps something of its own.
const OWN: char = '~';

/// What the dialog of a broadcast begins with.
pub(super) const BROADCAST: &str = "~broadcast:";

/// The name of the part of a conversation that says until when the bot is paused there.
pub(crate) const PAUSED: &str = "paused";

/// A bot in a dialog of a portal. It has a state, and its events are handled in order.
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
    /// The value of `bot` in the conversation of a connector. No bot has this id.
    const CONNECTOR: BotId = BotId(0);

    /// Returns the conversation of an outside chat of a connector. Messages to and from that chat
    /// are handled in order.
    pub fn outside(portal: MemberId, connector: &str, line: LineId, chat: &str) -> Self {
        Self {
            portal,
            bot: Self::CONNECTOR,
            dialog: DialogId::new(format!("{connector}|{line}|{chat}")),
        }
    }

    /// Returns the key of a person's own state in this dialog: `chat142/27`.
    #[must_use]
    pub fn of_person(&self, user: UserId) -> Self {
        Self {
            dialog: DialogId::new(format!("{}/{user}", self.dialog)),
            ..self.clone()
        }
    }

    /// Returns the key of a named part of this conversation, which is stored like a state of its
    /// own: `chat142/~pressed`. A part of a person ends with their id, `chat142/~form/27`, so that
    /// it is forgotten with them.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self {
            dialog: DialogId::new(format!("{}{PART}{name}", self.dialog)),
            ..self.clone()
        }
    }

    /// Returns the dialog and the name, if this is the key of a part.
    pub fn as_part(&self) -> Option<(&str, &str)> {
        if self.bot == Self::CONNECTOR {
            return None;
        }
        self.dialog.as_str().split_once(PART)
    }

    /// Returns the key of a broadcast of a bot: a conversation that is no chat, in whose parts it
    /// is stored.
    pub fn of_broadcast(portal: MemberId, bot: BotId, name: &str) -> Self {
        Self {
            portal,
            bot,
            dialog: DialogId::new(format!("{BROADCAST}{name}")),
        }
    }

    /// Returns the name of the broadcast, if this is the key of one.
    pub fn broadcast(&self) -> Option<&str> {
        let is_whole = self.as_part().is_none();
        let name = self.dialog.as_str().strip_prefix(BROADCAST);
        name.filter(|_| is_whole)
    }

    /// Returns the conversation without the part or the person: `chat142` for `chat142/27`.
    #[must_use]
    pub fn whole(&self) -> Self {
        let dialog = match (self.as_part(), self.person()) {
            (Some((dialog, _)), _) | (None, Some((_, dialog))) => DialogId::new(dialog),
            (None, None) => self.dialog.clone(),
        };
        Self {
            dialog,
            ..self.clone()
        }
    }

    /// Returns true if this is a chat of a bot on the portal: no outside chat of a connector, and
    /// nothing that the program keeps for itself.
    pub fn is_chat(&self) -> bool {
        self.bot != Self::CONNECTOR && !self.dialog.as_str().starts_with(OWN)
    }

    /// Returns true if this is kept whatever its age: broadcasts, and what is paused.
    pub(super) fn is_ageless(&self) -> bool {
        let is_paused = matches!(self.as_part(), Some((_, PAUSED)));
        is_paused || self.dialog.as_str().starts_with(BROADCAST)
    }

    /// Returns the person whose own state or part this is, and their dialog.
    pub fn person(&self) -> Option<(UserId, &str)> {
        if self.bot == Self::CONNECTOR {
            return None;
        }
        let (dialog, user) = self.dialog.as_str().rsplit_once('/')?;
        Some((UserId(user.parse().ok()?), dialog))
    }

    /// Returns the connector, if this is an outside chat.
    pub fn connector(&self) -> Option<&str> {
        let is_outside = self.bot == Self::CONNECTOR;
        self.dialog
            .as_str()
            .split('|')
            .next()
            .filter(|_| is_outside)
    }
}

impl fmt::Display for Conversation {
    /// Writes `portal/bot/dialog`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.portal, self.bot, self.dialog)
    }
}

/// A started turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedTurn {
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The state of the requested conversation, if it has one.
    pub state: Option<StoredState>,
}

/// A stored state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredState {
    /// The version of its format.
    pub version: u32,
    /// The content.
    pub bytes: Bytes,
}

/// A quarantined state, which could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The time of the quarantine.
    pub at: Time,
    /// The state.
    pub state: StoredState,
    /// The reason why it could not be read.
    pub reason: String,
}

/// The commit of a turn.
#[derive(Clone, Debug)]
pub struct TurnCommit {
    /// The handled event.
    pub event: EventId,
    /// The time of the commit.
    pub at: Time,
    /// The outcome of the event.
    pub outcome: Outcome,
    /// The conversation, and the change of its state.
    pub state: Option<(Conversation, StateChange)>,
    /// Parts of conversations of the same portal, and their changes. No part is here twice.
    pub parts: Vec<(Conversation, StateChange)>,
    /// The reason to quarantine the previous state. `None` does not quarantine it.
    pub quarantine: Option<String>,
    /// The calls to send, in order.
    pub calls: Vec<Arc<QueuedCall>>,
    /// Reminders to set or cancel.
    pub reminders: Vec<ReminderChange>,
}

impl TurnCommit {
    /// Returns a successful turn that changes nothing.
    pub fn done(event: EventId, at: Time) -> Self {
        Self {
            event,
            at,
            outcome: Outcome::Done,
            state: None,
            parts: Vec::new(),
            quarantine: None,
            calls: Vec::new(),
            reminders: Vec::new(),
        }
    }
}

/// The outcome of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The event is handled.
    Done,
    /// The event is not tried again and becomes a dead letter.
    Dead {
        /// The last error.
        error: String,
        /// Whether the queue of its key is blocked until an operator decides.
        blocks: bool,
    },
}

/// The change of a conversation's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// Keeps the stored state.
    Keep,
    /// Stores this state.
    Put(StoredState),
    /// Removes the stored state. The default is not stored.
    Forget,
}

/// The turns of a store: attempts are counted, states are read, and each turn ends in one commit.
pub trait Turns {
    /// Counts one more attempt at an event, and reads the state of a conversation. Returns `None`
    /// if the event does not wait any more.
    ///
    /// The attempt outlives this process when this returns, so an attempt that ends the process is
    /// counted too. A store on a server may lose the count if that server crashes.
    ///
    /// # Errors
    /// The attempt could not be stored, or the state could not be read.
    fn begin(
        &self,
        event: EventId,
        state: Option<&Conversation>,
    ) -> Stored<'_, Option<StartedTurn>>;

    /// Stores a failed attempt. The event still waits.
    ///
    /// # Errors
    /// The failure could not be stored.
    fn fail(&self, event: EventId, failure: Failure) -> Stored<'_, ()>;

    /// Stores a state or a part before the turn ends. It stays if the turn fails. Does nothing if
    /// the event does not wait any more.
    ///
    /// # Errors
    /// The state could not be stored.
    fn put(
        &self,
        event: EventId,
        key: &Conversation,
        at: Time,
        state: StoredState,
    ) -> Stored<'_, ()>;

    /// Ends a turn: the states, the calls, the reminders and the outcome of the event are stored in
    /// one step, all or nothing. Does nothing if the event does not wait any more.
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
