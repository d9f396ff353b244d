//! The chats that are stored because their bot keeps its conversations
//! ([`Profile::keeps_conversations`](crate::handler::Profile::keeps_conversations)).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::lock;
use super::part_rows::put;
use crate::store::{Conversation, StateChange, Time};

/// Maximum number of chats that are remembered. Above it, all are stored again with their next
/// turn.
const CHATS_MAX: usize = 100_000;

/// How long a chat is not stored again. The time of a conversation's last turn is exact to an hour.
const STORED_FOR: Duration = Duration::from_secs(60 * 60);

/// The part of a conversation that says that the bot has had a turn in it.
pub(super) const KNOWN: &str = "known";

/// When each chat was stored last.
#[derive(Debug, Default)]
pub(super) struct KnownChats(Mutex<HashMap<Conversation, Time>>);

impl KnownChats {
    /// Returns the part that stores a chat, if that is due.
    pub(super) fn part(
        &self,
        chat: &Conversation,
        now: Time,
    ) -> Option<(Conversation, StateChange)> {
        let stored = lock(&self.0).get(chat).copied();
        let is_due = stored.is_none_or(|stored| now.since(stored) >= STORED_FOR);
        is_due.then(|| (chat.part(KNOWN), put(&())))
    }

    /// Notes that a chat was stored.
    pub(super) fn note(&self, chat: Conversation, now: Time) {
        let mut chats = lock(&self.0);
        if chats.len() >= CHATS_MAX {
            chats.clear();
        }
        chats.insert(chat, now);
    }

    /// Forgets chats: another process may remove what is stored.
    pub(super) fn forget(&self, is_gone: impl Fn(&Conversation) -> bool) {
        lock(&self.0).retain(|chat, _| !is_gone(chat));
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::known_chats::*;
    use crate::event::{BotId, DialogId, MemberId};

    #[test]
    fn a_chat_is_stored_at_most_once_an_hour() {
        let chats = KnownChats::default();
        let chat = Conversation {
            portal: MemberId::new("portal"),
            bot: BotId(7),
            dialog: DialogId::from("27"),
        };
        let is_due = |now| chats.part(&chat, now).is_some();
        let now = Time(1_795_000_000_000);
        assert!(is_due(now));
        assert!(is_due(now), "its turn was not committed");
        chats.note(chat.clone(), now);
        assert!(!is_due(now + STORED_FOR / 2));
        assert!(is_due(now + STORED_FOR));
        chats.forget(|_| true);
        assert!(is_due(now));
    }
}
