//! Sessions in CRM: leads, of which only the numbers exist here.

use crate::emulator::hit::Hit;

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
}
