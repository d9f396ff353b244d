//! Connectors on lines: switched off by people, and taken away with their application.

use crate::emulator::hit::Hit;
use crate::emulator::live::News;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::line::connector::{Connector, Link};

impl Hit<'_> {
    /// A person switches a connector off on a line: its application is told.
    pub(crate) fn switch_off(&mut self, connector: &str, line: u64) -> Result<(), Refusal> {
        self.line(line)?;
        let known = self.connector(connector)?;
        self.world
            .lines
            .change_link(connector, line, |link| *link = Link::default());
        self.announce_status_deletion(&known, line);
        self.news.push(News::Lines);
        Ok(())
    }

    /// A connector that exists.
    pub(crate) fn connector(&self, id: &str) -> Result<Connector, Refusal> {
        let known = self.world.lines.connectors.get(id).cloned();
        known.ok_or_else(|| {
            let text = format!("There is no connector `{id}` on this portal");
            Refusal::new("IMCONNECTOR_NO_CORRECT_PROVIDER", text)
        })
    }

    /// Takes a connector away from the portal and from its lines.
    pub(crate) fn remove_connector(&mut self, id: &str) {
        self.world.lines.connectors.remove(id);
        self.world.lines.links.retain(|(known, _), _| known != id);
        self.news.push(News::Lines);
    }

    /// Takes away all connectors of an application.
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
