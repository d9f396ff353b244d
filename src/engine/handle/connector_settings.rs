//! A connector's settings, opened on the portal: that joins it to the line.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::connectors::JoinableConnector;
use crate::engine::{Engine, Refused};
use crate::event::{LineId, MemberId};
use crate::handler::{Channel, Error, guarded};
use crate::portal::Portal;
use crate::portal::methods::imconnector;

/// What somebody who opens a connector's settings shows (auth.md, section 3).
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) portal: MemberId,
    /// The token of the installation, as it comes with every frame.
    pub(crate) application_token: SecretString,
    pub(crate) connector: String,
    pub(crate) line: LineId,
}

/// What the page shows.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) line: LineId,
    /// Why the connector is not joined to the line, if it is not.
    pub(crate) wrong: Option<String>,
    /// What the connector itself shows.
    pub(crate) html: String,
}

impl Engine {
    /// Joins a connector to a line, and tells what its settings page shows.
    ///
    /// # Errors
    /// [`Refused::Unproven`] if the portal did not open it, or has no such connector.
    pub(crate) async fn open_settings(
        self: &Arc<Self>,
        opened: Opened,
    ) -> Result<Settings, Refused> {
        let token = opened.application_token.expose_secret();
        let portal = self
            .proven(opened.portal.as_str(), "", token)
            .and_then(|portal| self.portal(&portal));
        let (Some(portal), Some(joinable)) = (portal, self.joinable(&opened.connector)) else {
            return Err(Refused::Unproven);
        };
        let channel = self.channel(&portal, joinable, opened.line);
        let joined = self.join_line(&portal, joinable, &channel).await;
        let wrong = joined.err().map(|error| {
            tracing::warn!(portal = %portal.id(), connector = channel.connector(), line = %opened.line, %error, "a connector is not joined to a line");
            told(&error)
        });
        let settings = joinable.connector.settings(&channel);
        let html = guarded(self.options.turn_timeout, settings).await;
        let html = html.unwrap_or_else(|error| {
            tracing::error!(portal = %portal.id(), connector = channel.connector(), %error, "a connector's settings cannot be shown");
            String::new()
        });
        Ok(Settings {
            name: joinable.connector.profile().name().to_owned(),
            line: opened.line,
            wrong,
            html,
        })
    }

    /// The order of calls is the documentation's (open-channels, section 2.2); saying it again changes nothing, and ends an
    /// error that was set.
    async fn join_line(
        &self,
        portal: &Portal,
        joinable: &JoinableConnector,
        channel: &Channel,
    ) -> Result<(), Error> {
        let connector = &joinable.connector;
        guarded(self.options.turn_timeout, connector.activated(channel)).await?;
        let (id, line) = (channel.connector(), channel.line());
        portal
            .run(imconnector::Activate::new(id, line, 1_u64))
            .await?;
        let data = json!({ "ID": id, "NAME": connector.profile().name() });
        portal
            .run(imconnector::DataSet::new(id, line, data))
            .await?;
        joinable.note(portal.id(), channel.line(), true);
        tracing::info!(portal = %portal.id(), connector = channel.connector(), line = %channel.line(), "a connector is joined to a line");
        Ok(())
    }
}

/// An error for the person who opened the page.
fn told(error: &Error) -> String {
    match error.answer() {
        Some(answer) => answer.text().to_owned(),
        None => error.to_string(),
    }
}
