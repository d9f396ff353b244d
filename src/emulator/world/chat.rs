//! Chats: members, titles, and messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A private dialog or a group.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    pub(crate) id: u64,
    pub(crate) kind: ChatType,
    pub(crate) title: String,
    pub(crate) description: String,
    /// One of the sixteen colour names.
    pub(crate) color: String,
    /// The id of the picture's file, `0` for none.
    pub(crate) avatar: u64,
    pub(crate) owner: u64,
    pub(crate) members: Vec<u64>,
    pub(crate) managers: BTreeSet<u64>,
    pub(crate) entity_type: String,
    pub(crate) entity_id: String,
    /// Free fields for the owner of the entity: `ENTITY_DATA_1` to `3`.
    pub(crate) entity_data: [String; 3],
    /// Ids of the stored messages, oldest first.
    pub(crate) messages: VecDeque<u64>,
    /// The last message each member has read.
    pub(crate) read: BTreeMap<u64, u64>,
    /// Whether people see a text field.
    pub(crate) text_field: bool,
    /// Unix milliseconds.
    pub(crate) created: i64,
}

/// The kind of a chat, by the letter of `CHAT_TYPE`.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum ChatType {
    /// `P`: two users.
    Private,
    /// `C`: invited users.
    Group,
    /// `O`: open to everybody on the portal.
    Open,
    /// `L`: a client from outside and operators.
    Line,
}

impl ChatType {
    pub(crate) fn letter(self) -> &'static str {
        match self {
            ChatType::Private => "P",
            ChatType::Group => "C",
            ChatType::Open => "O",
            ChatType::Line => "L",
        }
    }
}

impl Chat {
    pub(crate) fn is_private(&self) -> bool {
        self.kind == ChatType::Private
    }

    /// Whether it is a chat of an open channel, in which bots need no mention.
    pub(crate) fn is_line(&self) -> bool {
        self.entity_type == "LINES"
    }

    pub(crate) fn has(&self, user: u64) -> bool {
        self.members.contains(&user)
    }

    /// Returns the other side of a private dialog.
    pub(crate) fn partner(&self, user: u64) -> u64 {
        self.members
            .iter()
            .copied()
            .find(|member| *member != user)
            .unwrap_or(user)
    }

    /// Whether a user is the owner or a manager.
    pub(crate) fn is_manager(&self, user: u64) -> bool {
        self.owner == user || self.managers.contains(&user)
    }
}
