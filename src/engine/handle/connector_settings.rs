//! A connector's settings page. Opening it on the portal joins the connector to the line.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::connectors::ConnectorEntry;
use crate::engine::{AcceptError, Engine};
use crate::event::{LineId, MemberId};
use crate::handler::{Channel, Error, Phrase, guarded};
use crate::portal::Portal;
use crate::portal::methods::imconnector;

/// A request for a connector's settings page, as the portal's frame sends it (protocol/auth.md 3).
#[derive(Debug)]
pub(crate) struct SettingsRequest {
    pub(crate) portal: MemberId,
    /// The token of the installation, which every frame sends.
    pub(crate) application_token: SecretString,
    /// The token of the person who opened the page.
    pub(crate) access_token: SecretString,
    pub(crate) connector: String,
    pub(crate) line: LineId,
}

/// The content of a connector's settings page.
#[derive(Debug)]
pub(crate) struct SettingsPage {
    pub(crate) name: String,
    /// Whether the connector is joined to the line.
    pub(crate) is_joined: bool,
    /// A sentence about that, in the portal's language.
    pub(crate) state: String,
    /// The connector's own part of the page.
    pub(crate) html: String,
}

impl Engine {
    /// Joins a connector to a line with the rights of the person who opened its settings page, and
    /// returns the content of that page.
    ///
    /// # Errors
    /// - [`AcceptError::Unproven`] if the request is not proven to be from a known portal and a
    ///   person there, or there is no such connector.
    /// - [`AcceptError::Unreachable`] if the portal cannot be asked about the person.
    pub(crate) async fn open_settings(
        self: &Arc<Self>,
        request: SettingsRequest,
    ) -> Result<SettingsPage, AcceptError> {
        let token = request.application_token.expose_secret();
        let portal = self
            .registry
            .verified(request.portal.as_str(), "", token)
            .and_then(|portal| self.portal(&portal));
        let (Some(portal), Some(entry)) = (portal, self.connector(&request.connector)) else {
            return Err(AcceptError::Unproven);
        };
        let person = self.person(&portal, &request.access_token).await?;
        let channel = self.channel(&portal, entry, request.line);
        let joined = self.join_line(&person, entry, &channel).await;
        let error = joined.err().map(|error| {
            tracing::warn!(portal = %portal.id(), connector = channel.connector(), line = %request.line, %error, "a connector cannot be joined to a line");
            text_for_person(&error)
        });
        let settings = entry.connector.settings(&channel);
        let html = guarded(self.options.turn_timeout, settings).await;
        let html = html.unwrap_or_else(|error| {
            tracing::error!(portal = %portal.id(), connector = channel.connector(), %error, "a connector's settings cannot be shown");
            String::new()
        });
        let language = self.language_of(portal.id());
        let line = request.line.to_string();
        Ok(SettingsPage {
            name: entry.connector.profile().name().to_owned(),
            is_joined: error.is_none(),
            state: match error {
                None => Phrase::Connected.with(language, &[&line]),
                Some(error) => Phrase::NotConnected.with(language, &[&line, &error]),
            },
            html,
        })
    }

    /// Returns a client for calls with the rights of the person whose token this is.
    async fn person(&self, portal: &Portal, token: &SecretString) -> Result<Portal, AcceptError> {
        if self.proof_limits.is_refused(token) {
            return Err(AcceptError::Unproven);
        }
        match portal.profile_of(token).await {
            Ok(_) => Ok(portal.with_token(token.clone())),
            Err(error) if error.code().is_some() && !error.may_pass_later() => {
                self.proof_limits.refuse(token);
                Err(AcceptError::Unproven)
            }
            Err(error) => {
                tracing::warn!(portal = %portal.id(), %error, "the portal cannot be asked who opened the settings of a connector");
                Err(AcceptError::Unreachable)
            }
        }
    }

    /// Joins a connector to a line, in the documentation's order of calls
    /// (protocol/open-channels.md 2.2). Doing it again changes nothing, and clears an error that
    /// was set.
    async fn join_line(
        &self,
        portal: &Portal,
        entry: &ConnectorEntry,
        channel: &Channel,
    ) -> Result<(), Error> {
        let connector = &entry.connector;
        guarded(self.options.turn_timeout, connector.activated(channel)).await?;
        let (id, line) = (channel.connector(), channel.line());
        portal
            .run(imconnector::Activate::new(id, line, 1_u64))
            .await?;
        let data = json!({ "ID": id, "NAME": connector.profile().name() });
        portal
            .run(imconnector::DataSet::new(id, line, data))
            .await?;
        entry.set_joined(portal.id(), channel.line(), true);
        tracing::info!(portal = %portal.id(), connector = channel.connector(), line = %channel.line(), "a connector is joined to a line");
        Ok(())
    }
}

/// Returns the text of an error for the person who opened the page.
fn text_for_person(error: &Error) -> String {
    match error.answer() {
        Some(answer) => answer.text().to_owned(),
        None => error.to_string(),
    }
}
