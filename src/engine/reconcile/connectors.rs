//! Connectors: registered with the portal, and asked for the lines that they are joined to.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Reconciliation, Step};
use crate::engine::connectors::{Joinable, on_line};
use crate::event::LineId;
use crate::portal::Error;
use crate::store::Access;

/// The most lines of a portal that are asked for (`imopenlines.config.list.get` answers at most 200 at once).
const LINES_MAX: usize = 200;

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "ID")]
    id: Value,
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "STATUS", default)]
    is_on: bool,
}

impl Reconciliation<'_> {
    /// Brings the connectors into step. Only applications with a public address can have any.
    pub(super) async fn connectors(&mut self) -> Result<(), Error> {
        if self.engine.connectors.is_empty() {
            return Ok(());
        }
        let is_application = matches!(self.portal.access().await, Access::Tokens(_));
        let url = self.engine.options.handler_url.clone();
        let Some(url) = url.filter(|_| is_application) else {
            tracing::warn!(portal = %self.portal.id(), "no connectors are registered: that takes an application (client id and secret) with a public address");
            return Ok(());
        };
        for joinable in &self.engine.connectors {
            self.connector(joinable, &url).await?;
        }
        if self.mode == super::Mode::Apply {
            self.find_lines().await?;
        }
        Ok(())
    }

    /// Registers a connector, or says again what it is: the portal does not tell what it has.
    async fn connector(&mut self, joinable: &Joinable, url: &str) -> Result<(), Error> {
        let profile = joinable.connector.profile();
        let connector = profile.id().to_owned();
        if !self.step(Step::RegisterConnector { connector }) {
            return Ok(());
        }
        let settings = settings_url(url, profile.id());
        let Value::Object(params) = profile.params(&settings) else {
            return Ok(());
        };
        self.portal.do_on_line("imconnector.register", params).await
    }

    /// Removes the connectors of this program.
    pub(super) async fn remove_connectors(&mut self) -> Result<(), Error> {
        for joinable in &self.engine.connectors {
            let connector = joinable.connector.profile().id().to_owned();
            let params = [("ID".to_owned(), connector.clone().into())];
            if self.step(Step::RemoveConnector { connector }) {
                let params = params.into_iter().collect();
                self.portal
                    .do_on_line("imconnector.unregister", params)
                    .await?;
            }
        }
        Ok(())
    }

    /// Learns which lines the connectors are joined to.
    async fn find_lines(&mut self) -> Result<(), Error> {
        let params = json!({ "PARAMS": { "select": ["ID"], "limit": LINES_MAX }, "OPTIONS": { "QUEUE": "N" } });
        let lines: Vec<Line> = self
            .portal
            .call("imopenlines.config.list.get", &params)
            .await?;
        if lines.len() == LINES_MAX {
            tracing::warn!(portal = %self.portal.id(), "the portal has many lines: whether connectors are joined to more than {LINES_MAX} of them is not asked");
        }
        let lines: Vec<LineId> = lines.iter().filter_map(Line::number).collect();
        for joinable in &self.engine.connectors {
            let mut batch = self.portal.batch();
            let asked: Vec<_> = lines
                .iter()
                .map(|line| {
                    let params = on_line(joinable.connector.profile().id(), *line);
                    (
                        *line,
                        batch.add::<State>("imconnector.status", params.into()),
                    )
                })
                .collect();
            let mut answers = batch.send().await?;
            for (line, command) in asked {
                let is_on = answers.take(command)?.is_on;
                joinable.note(self.portal.id(), line, is_on);
            }
        }
        Ok(())
    }
}

impl Line {
    /// Numbers come as texts, too.
    fn number(&self) -> Option<LineId> {
        let text = || self.id.as_str()?.parse().ok();
        self.id.as_u64().or_else(text).map(LineId)
    }
}

/// Where the portal shows a connector's settings: a page of ours.
fn settings_url(url: &str, connector: &str) -> String {
    format!("{}/connectors/{connector}", url.trim_end_matches('/'))
}
