//! The portal's identifiers, each of its own type, so that a user cannot be passed for a chat.

use std::borrow::Borrow;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> $name {
                $name(number)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map($name)
            }
        }
    };
}

id! {
    /// A user or a bot of a portal.
    UserId
}
id! {
    /// A bot of a portal. It is also its user id.
    BotId
}
id! {
    /// A chat of a portal, also a private one.
    ChatId
}
id! {
    /// A message, unique on its portal.
    MessageId
}
id! {
    /// A registered command.
    CommandId
}
id! {
    /// An open channel: `LINE` of connectors, `CONFIG_ID` and `QUEUE_ID` of open channels.
    LineId
}
id! {
    /// A session of an open channel.
    SessionId
}

impl From<BotId> for UserId {
    fn from(bot: BotId) -> UserId {
        UserId(bot.0)
    }
}

/// The address of a chat, as the portal writes it: `27` is the private chat with user 27, `chat142`
/// a group.
///
/// Answers are sent to it. The other user of a private chat has another address for the same chat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DialogId(Arc<str>);

impl DialogId {
    /// The address in `text`, unchecked, so that new kinds of addresses work.
    pub fn new(text: impl Into<Arc<str>>) -> DialogId {
        DialogId(text.into())
    }

    /// The address, as the portal writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a group chat.
    pub fn is_group(&self) -> bool {
        self.0.starts_with("chat")
    }
}

impl fmt::Display for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<UserId> for DialogId {
    fn from(user: UserId) -> DialogId {
        DialogId(user.to_string().into())
    }
}

impl From<ChatId> for DialogId {
    fn from(chat: ChatId) -> DialogId {
        DialogId(format!("chat{chat}").into())
    }
}

impl From<&str> for DialogId {
    fn from(text: &str) -> DialogId {
        DialogId(text.into())
    }
}

/// A portal's own id (`member_id`). It does not change when the portal is renamed or moved, so
/// everything stored is keyed by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// The id in `text`.
    pub fn new(text: impl Into<Arc<str>>) -> MemberId {
        MemberId(text.into())
    }

    /// The id, as the portal writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for MemberId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
