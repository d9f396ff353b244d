//! Creates, changes and deletes lines and connectors.

use crate::emulator::refusal::Refusal;
use crate::emulator::transaction::Transaction;
use crate::emulator::updates::Update;
use crate::emulator::world::line::config::Line;
use crate::emulator::world::line::connector::{Connector, LIVECHAT, Link};

impl Transaction<'_> {
    /// Creates a line; the portal's own live chat is connected to it at once.
    pub(crate) fn add_line(&mut self, settings: &[(String, String)], queue: &[u64]) -> u64 {
        let language = self.world.language.clone();
        let id = self.world.lines.add(&language);
        self.world.lines.change_link(LIVECHAT, id, |link| {
            (link.active, link.connection, link.register) = (true, true, true);
        });
        let _ = self.change_line(id, settings, Some(queue));
        id
    }

    /// Changes settings of a line, and its queue if one is given.
    pub(crate) fn change_line(
        &mut self,
        id: u64,
        settings: &[(String, String)],
        queue: Option<&[u64]>,
    ) -> Result<(), Refusal> {
        let line = self.world.lines.configs.get_mut(&id);
        let line = line.ok_or_else(|| no_line(id))?;
        for (name, value) in settings {
            line.set(name, value);
        }
        if let Some(queue) = queue {
            line.queue = queue.to_vec();
        }
        self.updates.push(Update::Lines);
        Ok(())
    }

    /// Deletes a line: its sessions end, and the applications of its connectors are notified.
    pub(crate) fn delete_line(&mut self, id: u64) -> Result<(), Refusal> {
        self.line(id)?;
        let sessions = self.world.lines.sessions.values();
        let open: Vec<u64> = sessions
            .filter(|session| session.line == id && session.closed.is_none())
            .map(|session| session.id)
            .collect();
        for session in open {
            self.end_session(session);
        }
        self.announce_line_deletion(id);
        self.world.lines.links.retain(|(_, line), _| *line != id);
        self.world.lines.configs.remove(&id);
        self.updates.push(Update::Lines);
        Ok(())
    }

    /// Returns a line, or fails if it does not exist.
    pub(crate) fn line(&self, id: u64) -> Result<&Line, Refusal> {
        self.world.lines.configs.get(&id).ok_or_else(|| no_line(id))
    }
}

fn no_line(id: u64) -> Refusal {
    Refusal::new("NOT_FOUND", format!("There is no line {id} on this portal"))
}

impl Transaction<'_> {
    /// Switches a connector off on a line, as a person does, and notifies its application.
    pub(crate) fn switch_off(&mut self, connector: &str, line: u64) -> Result<(), Refusal> {
        self.line(line)?;
        let known = self.connector(connector)?;
        self.world
            .lines
            .change_link(connector, line, |link| *link = Link::default());
        self.announce_status_deletion(&known, line);
        self.updates.push(Update::Lines);
        Ok(())
    }

    /// Returns a connector, or fails if it does not exist.
    pub(crate) fn connector(&self, id: &str) -> Result<Connector, Refusal> {
        let known = self.world.lines.connectors.get(id).cloned();
        known.ok_or_else(|| {
            let text = format!("There is no connector `{id}` on this portal");
            Refusal::new("IMCONNECTOR_NO_CORRECT_PROVIDER", text)
        })
    }

    /// Removes a connector from the portal and from its lines.
    pub(crate) fn remove_connector(&mut self, id: &str) {
        self.world.lines.connectors.remove(id);
        self.world.lines.links.retain(|(known, _), _| known != id);
        self.updates.push(Update::Lines);
    }

    /// Removes all connectors of an application.
    pub(crate) fn remove_connectors_of(&mut self, client_id: &str) {
        let connectors = self.world.lines.connectors.values();
        let gone: Vec<String> = connectors
            .filter(|connector| connector.app.as_deref() == Some(client_id))
            .map(|connector| connector.id.clone())
            .collect();
        for id in gone {
            self.remove_connector(&id);
        }
    }
}
