//! Connectors: registers them, and reads which lines they are joined to.

use serde_json::{Value, json};

use super::{Reconciliation, Step};
use crate::engine::handle::connectors::ConnectorEntry;
use crate::event::LineId;
use crate::portal::methods::{app, imconnector, imopenlines};
use crate::portal::{Error, number};
use crate::store::Access;

/// Maximum number of lines of a portal that are read (`imopenlines.config.list.get` returns at most
/// 200 at once).
const LINES_MAX: usize = 200;

impl Reconciliation<'_> {
    /// Reconciles the connectors. Only applications with a public address can have any.
    pub(super) async fn connectors(&mut self) -> Result<(), Error> {
        if self.engine.connectors.is_empty() {
            return Ok(());
        }
        let is_application = self.is_application().await;
        let url = self.engine.options.handler_url.clone();
        let Some(url) = url.filter(|_| is_application) else {
            tracing::warn!(portal = %self.portal.id(), "no connectors are registered: they need an application (client id and secret) with a public address");
            return Ok(());
        };
        for entry in &self.engine.connectors {
            self.connector(entry, &url).await?;
        }
        if self.mode == super::Mode::Apply {
            self.find_lines().await?;
            self.find_language().await;
        }
        Ok(())
    }

    /// Reads the portal's language: the events of connectors do not have it.
    async fn find_language(&self) {
        match self.portal.run(app::AppInfo::new()).await {
            Ok(info) => {
                let language = info.language_id.unwrap_or_default();
                let registry = &self.engine.registry;
                registry.set_language(self.portal.id(), &language);
            }
            Err(error) => {
                tracing::debug!(portal = %self.portal.id(), %error, "the portal's language is not known");
            }
        }
    }

    async fn is_application(&self) -> bool {
        matches!(self.portal.access().await, Access::Tokens(_))
    }

    /// Registers a connector, or sends its profile again: the portal reports that it has the
    /// connector, but not its profile.
    async fn connector(&mut self, entry: &ConnectorEntry, url: &str) -> Result<(), Error> {
        let profile = entry.connector.profile();
        if self.mode == super::Mode::DryRun {
            let known = self.portal.run(imconnector::List::new()).await?;
            if known.keys().any(|id| id.eq_ignore_ascii_case(profile.id())) {
                return Ok(());
            }
        }
        let connector = profile.id().to_owned();
        if !self.step(Step::RegisterConnector { connector }) {
            return Ok(());
        }
        let settings = settings_url(url, profile.id());
        let Value::Object(params) = profile.params(&settings) else {
            return Ok(());
        };
        self.portal
            .call_open_channel("imconnector.register", params)
            .await
    }

    /// Removes the connectors of this program.
    pub(super) async fn remove_connectors(&mut self) -> Result<(), Error> {
        if self.engine.connectors.is_empty() || !self.is_application().await {
            return Ok(());
        }
        for entry in &self.engine.connectors {
            let connector = entry.connector.profile().id().to_owned();
            let params = [("ID".to_owned(), connector.clone().into())];
            if self.step(Step::RemoveConnector { connector }) {
                let params = params.into_iter().collect();
                self.portal
                    .call_open_channel("imconnector.unregister", params)
                    .await?;
            }
        }
        Ok(())
    }

    /// Reads which lines the connectors are joined to.
    async fn find_lines(&mut self) -> Result<(), Error> {
        let list = imopenlines::ConfigListGet::new()
            .params(json!({ "select": ["ID"], "limit": LINES_MAX }));
        let lines: Vec<Value> = self.portal.run(list).await?;
        if lines.len() == LINES_MAX {
            tracing::warn!(portal = %self.portal.id(), "the portal has many lines: connectors are looked for on the first {LINES_MAX} only");
        }
        let ids = lines.iter().filter_map(|line| number(&line["ID"]));
        let lines: Vec<LineId> = ids.map(LineId).collect();
        for entry in &self.engine.connectors {
            let mut batch = self.portal.batch();
            let asked: Vec<_> = lines
                .iter()
                .map(|line| {
                    let connector = entry.connector.profile().id();
                    (
                        *line,
                        batch.push(imconnector::Status::new(connector, *line)),
                    )
                })
                .collect();
            let mut answers = batch.send().await?;
            for (line, command) in asked {
                let is_on = answers.take(command)?.is_on;
                entry.set_joined(self.portal.id(), line, is_on);
            }
        }
        Ok(())
    }
}

/// Returns the address of a connector's settings page, which the portal shows.
fn settings_url(url: &str, connector: &str) -> String {
    format!("{}/connectors/{connector}", url.trim_end_matches('/'))
}
