//! The list of conversations: the rows of a dialog become one entry.

use serde::Serialize;

use super::{Conversation, Partition, Time};
use crate::event::{BotId, MemberId};

/// Which conversations are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListScope {
    /// Those of all bots.
    #[default]
    All,
    /// Those of the bots on a portal.
    Portal(MemberId),
    /// Those of one bot on a portal.
    Bot(MemberId, BotId),
}

impl ListScope {
    /// Returns true if this scope includes the conversation.
    pub fn includes(&self, key: &Conversation) -> bool {
        match self {
            Self::All => true,
            Self::Portal(portal) => *portal == key.portal,
            Self::Bot(portal, bot) => *portal == key.portal && *bot == key.bot,
        }
    }
}

/// Which parts of conversations are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartScope {
    /// The parts with this name, of all conversations of a partition, or of all partitions.
    Named {
        /// The partition. `None` for all.
        partition: Option<Partition>,
        /// The name, as in [`Conversation::part`].
        name: String,
    },
    /// All parts of this conversation.
    Of(Conversation),
}

/// A conversation in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListedConversation {
    /// The conversation.
    #[serde(flatten)]
    pub key: Conversation,
    /// The time of its last turn, exact to an hour.
    pub last_turn: Time,
}

/// A page of the list. Rows are added in the order of their keys.
#[derive(Debug)]
pub(super) struct Listing {
    limit: usize,
    pub(super) page: Vec<ListedConversation>,
}

impl Listing {
    pub(super) fn new(limit: usize) -> Self {
        let page = Vec::new();
        Self { limit, page }
    }

    /// Adds a row. Returns false if it belongs to the next page.
    pub(super) fn add(&mut self, row: &Conversation, at: Time) -> bool {
        let key = row.whole();
        if !key.is_chat() {
            return true;
        }
        let is_full = self.page.len() >= self.limit;
        match self.page.last_mut() {
            Some(last) if last.key == key => last.last_turn = last.last_turn.max(at),
            _ if is_full => return false,
            _ => self.page.push(ListedConversation { key, last_turn: at }),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::event::DialogId;
    use crate::store::listing::*;

    #[test]
    fn the_rows_of_a_dialog_are_one_entry_and_what_is_no_chat_is_left_out() {
        let mut listing = Listing::new(2);
        for (dialog, at, fits) in [
            ("27/~known", 5, true),
            ("chat1", 2, true),
            ("chat1/27", 4, true),
            ("chat1/~form/27", 3, true),
            ("~broadcast:sale/~job", 9, true),
            ("chat2", 1, false),
        ] {
            let row = Conversation {
                portal: MemberId::new("p"),
                bot: BotId(7),
                dialog: DialogId::new(dialog),
            };
            assert_eq!(listing.add(&row, Time(at)), fits, "{dialog}");
        }
        let page = listing.page.iter();
        let page: Vec<_> = page
            .map(|listed| (listed.key.dialog.as_str(), listed.last_turn.0))
            .collect();
        assert_eq!(page, [("27", 5), ("chat1", 4)]);
    }
}
