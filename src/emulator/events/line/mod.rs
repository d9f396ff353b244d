//! Events about open channels: protocol/open-channels.md 3 and protocol/open-channels.md 4,
//! protocol/server-behaviour.md 6.1.
//!
//! Events of connectors are sent to the connector's application, those of lines and sessions to all
//! subscriptions.

mod outgoing;
mod sessions;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::emulator::events::Tokens;
use crate::emulator::transaction::Transaction;
use crate::emulator::world::access::Owner;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::line::connector::{Connector, UserCode};

/// Returns the client's place in the form of events.
fn connector(user_code: &UserCode) -> Value {
    json!({
        "connector_id": user_code.connector,
        "line_id": user_code.line,
        "chat_id": user_code.chat,
        "user_id": user_code.user,
    })
}

impl Transaction<'_> {
    /// Returns the connector of a chat and the user code of its client.
    pub(crate) fn connector_of(&self, chat: &Chat) -> Option<(Connector, UserCode)> {
        let user_code = self.user_code_of(chat)?;
        let connector = self
            .world
            .lines
            .connectors
            .get(&user_code.connector)?
            .clone();
        Some((connector, user_code))
    }

    /// Returns the user code of a line's chat.
    pub(crate) fn user_code_of(&self, chat: &Chat) -> Option<UserCode> {
        UserCode::read(&chat.entity_id).filter(|_| chat.is_line())
    }

    /// Notifies an application that its connector was switched off on a line. The keys are in lower
    /// case, unlike elsewhere.
    pub(crate) fn announce_status_deletion(&mut self, connector: &Connector, line: u64) {
        let data = json!({ "connector": connector.id, "line": line });
        if let Some(app) = connector.app.clone() {
            let owner = Owner::App(app);
            let tokens = Tokens::WithoutRefresh;
            self.fire("ONIMCONNECTORSTATUSDELETE", &owner, tokens, |_| {
                data.clone()
            });
        }
    }

    /// Notifies each application with a connector on a line that the line was deleted: `data` is
    /// the line's id.
    pub(crate) fn announce_line_deletion(&mut self, line: u64) {
        let links = self.world.lines.links.keys();
        let joined = links.filter(|(_, on)| *on == line);
        let connectors = joined.filter_map(|(id, _)| self.world.lines.connectors.get(id));
        let apps: BTreeSet<String> = connectors.filter_map(|one| one.app.clone()).collect();
        for app in apps {
            let owner = Owner::App(app);
            let tokens = Tokens::WithoutRefresh;
            self.fire("ONIMCONNECTORLINEDELETE", &owner, tokens, |_| json!(line));
        }
    }
}
