//! What a store contains, row by row, in a form that belongs to no store.

use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::store::{Access, Installation};

/// A kind of rows. They are moved in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::store) enum Kind {
    Portal,
    Note,
    State,
    Quarantined,
    Reminder,
    Message,
    Body,
    Event,
    Call,
    Dead,
    Notice,
    Seen,
}

impl Kind {
    pub(in crate::store) const ALL: [Self; 12] = [
        Self::Portal,
        Self::Note,
        Self::State,
        Self::Quarantined,
        Self::Reminder,
        Self::Message,
        Self::Body,
        Self::Event,
        Self::Call,
        Self::Dead,
        Self::Notice,
        Self::Seen,
    ];

    /// Returns the name for an operator.
    pub(in crate::store) fn name(self) -> &'static str {
        match self {
            Self::Portal => "portals",
            Self::Note => "notes",
            Self::State => "conversations",
            Self::Quarantined => "quarantined states",
            Self::Reminder => "reminders",
            Self::Message => "message ids",
            Self::Body => "bodies",
            Self::Event => "events",
            Self::Call => "calls",
            Self::Dead => "dead letters",
            Self::Notice => "notices",
            Self::Seen => "occurrences",
        }
    }
}

/// The position of a row among those of its kind, which is the order of reading. A kind uses some
/// of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Position {
    pub(in crate::store) number: u64,
    pub(in crate::store) index: u16,
    pub(in crate::store) text: String,
    pub(in crate::store) name: String,
}

/// A reference to the body of a delivery: the number of the first event or dead letter in the
/// partition that needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) struct BodyPart {
    pub(in crate::store) first: u64,
    pub(in crate::store) part: u16,
}

/// A row. Texts, times and numbers are as in the tables; sealed values are open.
#[derive(Debug, Hash)]
pub(in crate::store) enum Record {
    Portal(Portal),
    Note {
        portal: String,
        name: String,
        note: String,
    },
    State {
        conversation: String,
        version: u32,
        at: u64,
        data: Vec<u8>,
    },
    Quarantined(Quarantined),
    Reminder {
        event: u64,
        index: u16,
        conversation: String,
        due: u64,
        reminder: String,
    },
    Message {
        event: u64,
        index: u16,
        conversation: String,
        at: u64,
        message: u64,
    },
    Body {
        first: u64,
        partition: u8,
        uses: u64,
        plain: Vec<u8>,
    },
    Event {
        id: u64,
        key: String,
        at: u64,
        body: Option<BodyPart>,
        reminder: Option<String>,
        attempts: u32,
        history: Option<String>,
    },
    Call(Call),
    Dead(Box<Dead>),
    Notice(Notice),
    Seen {
        /// 0 is the bucket that was used last.
        rank: u8,
        occurrence: u128,
    },
}

/// An installation.
#[derive(Debug)]
pub(in crate::store) struct Portal(pub(in crate::store) Installation);

/// A state that could not be read. Its number only gives the order.
#[derive(Debug)]
pub(in crate::store) struct Quarantined {
    pub(in crate::store) id: u64,
    pub(in crate::store) conversation: String,
    pub(in crate::store) version: u32,
    pub(in crate::store) at: u64,
    pub(in crate::store) data: Vec<u8>,
    pub(in crate::store) reason: String,
}

#[derive(Debug, Hash)]
pub(in crate::store) struct Call {
    pub(in crate::store) event: u64,
    pub(in crate::store) index: u16,
    pub(in crate::store) conversation: String,
    pub(in crate::store) at: u64,
    pub(in crate::store) api: String,
    pub(in crate::store) redelivery: String,
    pub(in crate::store) remember: bool,
    pub(in crate::store) call: String,
    pub(in crate::store) is_taken: bool,
}

#[derive(Debug, Hash)]
pub(in crate::store) struct Dead {
    pub(in crate::store) id: u64,
    pub(in crate::store) at: u64,
    pub(in crate::store) key: String,
    pub(in crate::store) error: String,
    pub(in crate::store) attempts: u32,
    pub(in crate::store) history: Option<String>,
    pub(in crate::store) blocks: bool,
    /// The number and the arrival of an event.
    pub(in crate::store) event: Option<(u64, u64)>,
    pub(in crate::store) body: Option<BodyPart>,
    pub(in crate::store) reminder: Option<String>,
    pub(in crate::store) call: Option<String>,
}

/// A notice for the process that runs the bots. Its number only gives the order.
#[derive(Debug)]
pub(in crate::store) struct Notice {
    pub(in crate::store) id: u64,
    pub(in crate::store) kind: NoticeKind,
    pub(in crate::store) key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum NoticeKind {
    Event(u64),
    Call(u64, u16),
    Unblocked,
}

impl Record {
    /// Returns the position among the rows of its kind.
    pub(in crate::store) fn position(&self) -> Position {
        let numbered = |number, index| Position {
            number,
            index,
            ..Position::default()
        };
        let named = |text: &str, name: &str| Position {
            text: text.to_owned(),
            name: name.to_owned(),
            ..Position::default()
        };
        match self {
            Self::Portal(portal) => named(portal.0.portal.as_str(), ""),
            Self::Note { portal, name, .. } => named(portal, name),
            Self::State { conversation, .. } => named(conversation, ""),
            Self::Quarantined(Quarantined { id, .. }) | Self::Notice(Notice { id, .. }) => {
                numbered(*id, 0)
            }
            Self::Dead(dead) => numbered(dead.id, 0),
            Self::Reminder { event, index, .. }
            | Self::Message { event, index, .. }
            | Self::Call(Call { event, index, .. }) => numbered(*event, *index),
            Self::Body { first, .. } => numbered(*first, 0),
            Self::Event { id, .. } => numbered(*id, 0),
            Self::Seen { rank, occurrence } => Position {
                number: u64::from(*rank),
                text: format!("{occurrence:032x}"),
                ..Position::default()
            },
        }
    }

    /// Returns the approximate size in memory, in bytes.
    pub(in crate::store) fn size(&self) -> usize {
        const ROW: usize = 256;
        ROW + match self {
            Self::Portal(_) => 1_024,
            Self::Note { note, .. } => note.len(),
            Self::State { data, .. } | Self::Quarantined(Quarantined { data, .. }) => data.len(),
            Self::Reminder { reminder, .. } => reminder.len(),
            Self::Body { plain, .. } => plain.len(),
            Self::Call(call) => call.call.len(),
            Self::Dead(dead) => dead.history.as_ref().map_or(0, String::len),
            Self::Event { history, .. } => history.as_ref().map_or(0, String::len),
            Self::Message { .. } | Self::Notice(_) | Self::Seen { .. } => 0,
        }
    }
}

impl Hash for Quarantined {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            id: _,
            conversation,
            version,
            at,
            data,
            reason,
        } = self;
        (conversation, version, at, data, reason).hash(hasher);
    }
}

impl Hash for Notice {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.kind, &self.key).hash(hasher);
    }
}

impl Hash for Portal {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        fn open(secret: &SecretString) -> &str {
            secret.expose_secret()
        }
        let Installation {
            portal,
            endpoint,
            application_token,
            access,
            former_hosts,
            installed_at,
            spare,
        } = &self.0;
        (portal.as_str(), endpoint, open(application_token)).hash(hasher);
        match access {
            Access::Tokens(tokens) => {
                (0_u8, open(&tokens.access), open(&tokens.refresh)).hash(hasher);
            }
            Access::Webhook(hook) => {
                (1_u8, hook.user.0, open(&hook.code), open(&hook.bot_token)).hash(hasher);
            }
        }
        (former_hosts, installed_at).hash(hasher);
        let spare = spare.as_ref().map(|spare| {
            let tokens = &spare.tokens;
            (spare.user.0, open(&tokens.access), open(&tokens.refresh))
        });
        spare.hash(hasher);
    }
}
