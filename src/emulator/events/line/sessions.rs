//! Events about the start and end of a session: `ONIMCONNECTORDIALOGSTART` and `FINISH`,
//! `ONSESSIONSTART` and `FINISH`.

use serde_json::json;

use super::connector;
use crate::emulator::events::Tokens;
use crate::emulator::events::params::flag;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::access::Owner;

impl Transaction<'_> {
    /// Sends the events that a session started, or ended if it is closed.
    ///
    /// In the samples `chat` and `user` repeat the ids outside from `connector`.
    pub(crate) fn announce_session(&mut self, id: u64) {
        let Some(session) = self.world.lines.sessions.get(&id).cloned() else {
            return;
        };
        let chat = self.world.chats.get(&session.chat).cloned();
        let Some((provider, user_code)) = chat.and_then(|chat| self.connector_of(&chat)) else {
            return;
        };
        let line = self.world.lines.configs.get(&session.line);
        let item = json!({
            "connector": connector(&user_code),
            "session": {
                "id": session.id,
                "closed": flag(session.closed.is_some()),
                "parent_id": session.parent,
                "close_term": line.map_or(0, |line| line.close_term()),
            },
            "chat": { "id": user_code.chat },
            "user": { "id": user_code.user },
        });
        let end = if session.closed.is_some() {
            "FINISH"
        } else {
            "START"
        };
        if let Some(app) = provider.app {
            let data =
                json!({ "CONNECTOR": user_code.connector, "LINE": user_code.line, "DATA": [item] });
            let event = format!("ONIMCONNECTORDIALOG{end}");
            self.fire(&event, &Owner::App(app), Tokens::OfSession, |_| {
                data.clone()
            });
        }
        let data = json!({ "DATA": [item] });
        self.fire_to_all_with(&format!("ONSESSION{end}"), &data, Tokens::OfSession);
    }
}
