//! Dialog ids: the address of a chat as a member writes it.
//!
//! `chat5` is the same for everyone; a private dialog is named by the other side's id, so one chat
//! has two names.

use super::World;
use super::chat::Chat;

/// The target of a dialog id.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// The private dialog with this user.
    User(u64),
    /// The chat with this id.
    Chat(u64),
}

/// Reads `27` or `chat142`.
pub(crate) fn parse(dialog_id: &str) -> Option<Address> {
    match dialog_id.strip_prefix("chat") {
        Some(chat) => chat.parse().ok().map(Address::Chat),
        None => dialog_id
            .parse()
            .ok()
            .filter(|id| *id > 0)
            .map(Address::User),
    }
}

impl World {
    /// Returns the chat of a dialog id, if it exists and the viewer is a member.
    pub(crate) fn chat_at(&self, viewer: u64, dialog_id: &str) -> Option<&Chat> {
        let id = match parse(dialog_id)? {
            Address::Chat(id) => id,
            Address::User(other) => *self.private.get(&pair(viewer, other))?,
        };
        self.chats.get(&id).filter(|chat| chat.has(viewer))
    }

    /// Returns the dialog id of a chat for a member.
    pub(crate) fn dialog_id(&self, viewer: u64, chat: &Chat) -> String {
        if chat.is_private() {
            chat.partner(viewer).to_string()
        } else {
            format!("chat{}", chat.id)
        }
    }

    /// Returns the title that a member sees.
    pub(crate) fn title(&self, viewer: u64, chat: &Chat) -> String {
        let partner = chat
            .is_private()
            .then(|| self.users.get(&chat.partner(viewer)))
            .flatten();
        partner.map_or_else(|| chat.title.clone(), |user| user.name())
    }

    /// Returns the number of unread messages of a member.
    pub(crate) fn unread(&self, viewer: u64, chat: &Chat) -> usize {
        let seen = chat.read.get(&viewer).copied().unwrap_or(0);
        let unseen = chat.messages.iter().rev().take_while(|id| **id > seen);
        unseen
            .filter(|id| {
                self.messages
                    .get(id)
                    .is_some_and(|message| message.author != viewer)
            })
            .count()
    }
}

/// Returns the key of a private chat, the same from both sides.
pub(crate) fn pair(one: u64, other: u64) -> (u64, u64) {
    (one.min(other), one.max(other))
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::dialog::*;

    #[test]
    fn dialog_ids_name_users_and_chats_and_nothing_else() {
        let cases = [
            ("27", Some(Address::User(27))),
            ("chat142", Some(Address::Chat(142))),
            ("0", None),
            ("chat", None),
            ("sg5", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
