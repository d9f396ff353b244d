//! A session began or ended: `ONIMCONNECTORDIALOGSTART` and `FINISH`, `ONSESSIONSTART` and `FINISH`.

use serde_json::json;

use super::connector;
use crate::emulator::events::Tokens;
use crate::emulator::events::params::flag;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::access::Owner;

impl Transaction<'_> {
    /// Tells of a session that it has begun, or ended if it is closed.
    ///
    /// In the samples `chat` and `user` repeat what stands in `connector`: the numbers outside.
    pub(crate) fn announce_session(&mut self, id: u64) {
        let Some(session) = self.world.lines.sessions.get(&id).cloned() else {
            return;
        };
        let chat = self.world.chats.get(&session.chat).cloned();
        let Some((provider, place)) = chat.and_then(|chat| self.way_out(&chat)) else {
            return;
        };
        let line = self.world.lines.configs.get(&session.line);
        let item = json!({
            "connector": connector(&place),
            "session": {
                "id": session.id,
                "closed": flag(session.closed.is_some()),
                "parent_id": session.parent,
                "close_term": line.map_or(0, |line| line.close_term()),
            },
            "chat": { "id": place.chat },
            "user": { "id": place.user },
        });
        let end = if session.closed.is_some() {
            "FINISH"
        } else {
            "START"
        };
        if let Some(app) = provider.app {
            let data = json!({ "CONNECTOR": place.connector, "LINE": place.line, "DATA": [item] });
            let event = format!("ONIMCONNECTORDIALOG{end}");
            self.fire(&event, &Owner::App(app), Tokens::OfSession, |_| {
                data.clone()
            });
        }
        let data = json!({ "DATA": [item] });
        self.tell_all(&format!("ONSESSION{end}"), &data, Tokens::OfSession);
    }
}
