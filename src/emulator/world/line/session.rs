//! A session: an inquiry of a client, from its first message to its end.

use std::collections::BTreeSet;

/// A session on a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) line: u64,
    pub(crate) chat: u64,
    /// The client's user.
    pub(crate) client: u64,
    /// The previous session in the same chat, or `0`.
    pub(crate) parent: u64,
    /// The responsible person or bot, or `0` while it waits in the queue.
    pub(crate) operator: u64,
    /// Whether the operator has accepted it; one who was only asked by the queue has not.
    pub(crate) is_answered: bool,
    /// Unix milliseconds.
    pub(crate) started: i64,
    /// Unix milliseconds; `None` while it is open.
    pub(crate) closed: Option<i64>,
    /// When the queue takes over from the welcome bot, in Unix milliseconds.
    pub(crate) bot_until: Option<i64>,
    /// Operators who have passed it on; the queue does not ask them again.
    pub(crate) passed: BTreeSet<u64>,
    /// Users who have pinned it.
    pub(crate) pinned: BTreeSet<u64>,
    /// Whether messages of operators are kept from the client.
    pub(crate) is_silent: bool,
    /// The lead it was stored as in CRM, or `0`.
    pub(crate) lead: u64,
    /// The supervisor's rating: one to five, `0` for none.
    pub(crate) vote: u64,
    pub(crate) comment: String,
}

impl Session {
    /// Returns `CHAT_ENTITY_DATA_1`: whether and as what it is in CRM, two parts without a name,
    /// its id, and its start.
    pub(crate) fn data_1(&self) -> String {
        let (kept, kind) = match self.lead {
            0 => ("N", "NONE"),
            _ => ("Y", "LEAD"),
        };
        let (lead, id, start) = (self.lead, self.id, self.started / 1000);
        format!("{kept}|{kind}|{lead}|N|N|{id}|{start}|0|0|0")
    }

    /// Returns `CHAT_ENTITY_DATA_2`: the CRM objects it is linked to.
    pub(crate) fn data_2(&self) -> String {
        format!("LEAD|{}|COMPANY|0|CONTACT|0|DEAL|0", self.lead)
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::line::session::*;

    #[test]
    fn the_sixth_part_of_the_entity_data_is_the_session() {
        let mut session = Session {
            id: 321,
            started: 1_773_223_732_000,
            ..Session::default()
        };
        assert_eq!(session.data_1(), "N|NONE|0|N|N|321|1773223732|0|0|0");
        session.lead = 1205;
        assert_eq!(session.data_1(), "Y|LEAD|1205|N|N|321|1773223732|0|0|0");
        assert_eq!(session.data_2(), "LEAD|1205|COMPANY|0|CONTACT|0|DEAL|0");
    }
}
