//! Why something cannot be asked of a chat.

use std::error::Error as StdError;

use crate::event::MemberId;
use crate::message::InvalidDraft;

/// Why something cannot be asked of a chat from outside of a turn. Nothing was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no such bot.
    #[error("this program has no bot `{0}`")]
    NoBot(String),
    /// No portal is known yet.
    #[error("the program is on no portal yet")]
    NoPortal,
    /// The portal was not named.
    #[error("the program is on {0} portals: name one with `BotHandle::portal`")]
    SeveralPortals(usize),
    /// The portal is not known.
    #[error("the program is not installed on the portal {0}")]
    NotInstalled(MemberId),
    /// The portal is not set up yet.
    #[error("the bot `{bot}` is not registered on the portal {portal} yet")]
    NotRegistered {
        /// The bot's code.
        bot: String,
        /// The portal.
        portal: MemberId,
    },
    /// The name of a broadcast is empty, too long, or has a `/` or a control character.
    #[error("a broadcast cannot have the name `{0}`: 1 to 64 characters without `/`")]
    BroadcastName(String),
    /// There is a broadcast of this name, running or finished.
    #[error("there is a broadcast `{0}` already")]
    BroadcastExists(String),
    /// The bot has too many broadcasts that are not finished.
    #[error("the bot has {0} broadcasts that are not finished")]
    TooManyBroadcasts(usize),
    /// There is no broadcast of this name that this can be done with: a finished one cannot be
    /// paused, and one that is not finished cannot be removed.
    #[error("there is no such broadcast `{0}`")]
    NoBroadcast(String),
    /// The message is over a limit.
    #[error(transparent)]
    Draft(#[from] InvalidDraft),
    /// A key or a payload cannot be serialised as JSON.
    #[error("the key or the payload cannot be serialised as JSON")]
    Payload(#[from] serde_json::Error),
    /// The store did not take it.
    #[error("it cannot be stored")]
    NotStored(#[source] Box<dyn StdError + Send + Sync>),
    /// The program ends.
    #[error("the program ends")]
    Ended,
}

impl RequestError {
    /// Returns true if the same would fail again.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NoBot(_)
            | Self::SeveralPortals(_)
            | Self::BroadcastName(_)
            | Self::BroadcastExists(_)
            | Self::NoBroadcast(_)
            | Self::Draft(_)
            | Self::Payload(_) => true,
            Self::NoPortal
            | Self::TooManyBroadcasts(_)
            | Self::NotInstalled(_)
            | Self::NotRegistered { .. }
            | Self::NotStored(_)
            | Self::Ended => false,
        }
    }
}
