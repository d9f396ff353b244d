//! Sessions in CRM: leads, of which only the numbers exist here.

use crate::emulator::hit::Hit;
use crate::emulator::world::chat::Chat;

impl Hit<'_> {
    /// Keeps a session as a lead, if it is none yet; the answer is the lead.
    pub(crate) fn make_lead(&mut self, session: u64) -> u64 {
        let known = self.world.lines.sessions.get(&session).map(|one| one.lead);
        if let Some(lead) = known.filter(|lead| *lead > 0) {
            return lead;
        }
        let lead = self.world.lines.new_lead();
        self.change_session(session, |session| session.lead = lead);
        self.note_session(session);
        lead
    }

    /// The chats that are tied to something in CRM, oldest first; `kind` is `LEAD` and the like.
    pub(crate) fn chats_in_crm(&self, kind: &str, id: u64) -> Vec<Chat> {
        let tied = |chat: &&Chat| {
            let parts: Vec<&str> = chat.entity_data[1].split('|').collect();
            chat.is_line()
                && parts
                    .chunks(2)
                    .any(|pair| pair[0] == kind && pair.get(1) == Some(&id.to_string().as_str()))
        };
        self.world.chats.values().filter(tied).cloned().collect()
    }
}
