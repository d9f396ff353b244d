//! A chat: who is in it, what it is called, and which messages it holds.

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
    /// What the owner of the entity keeps with the chat: `ENTITY_DATA_1` to `3`.
    pub(crate) entity_data: [String; 3],
    /// Ids of the messages it still holds, oldest first.
    pub(crate) messages: VecDeque<u64>,
    /// The last message each member has read.
    pub(crate) read: BTreeMap<u64, u64>,
    /// Whether people are offered a field to write into.
    pub(crate) text_field: bool,
    /// Unix milliseconds.
    pub(crate) created: i64,
}

/// What kind of chat it is, by the letter of `CHAT_TYPE`.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum ChatType {
    /// `P`: two users.
    Private,
    /// `C`: those who were invited.
    Group,
    /// `O`: whoever of the portal likes to come.
    Open,
    /// `L`: a client from outside, and who looks after them.
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

    /// A chat of an open channel, in which bots need no mention.
    pub(crate) fn is_line(&self) -> bool {
        self.entity_type == "LINES"
    }

    pub(crate) fn has(&self, user: u64) -> bool {
        self.members.contains(&user)
    }

    /// The other side of a private dialog.
    pub(crate) fn partner(&self, user: u64) -> u64 {
        self.members
            .iter()
            .copied()
            .find(|member| *member != user)
            .unwrap_or(user)
    }

    /// Owner and managers may change what others may not.
    pub(crate) fn is_manager(&self, user: u64) -> bool {
        self.owner == user || self.managers.contains(&user)
    }
}
