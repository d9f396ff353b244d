//! Events of the application's own connectors: one for each message and each session in a delivery.

use serde::Serialize;

use super::payload::{Dialogs, Session, connector};
use super::{DecodeError, Delivery, LineId, SessionChange};

/// An event of one of the application's connectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ConnectorEvent {
    /// A message of the portal is to be sent, changed or deleted outside.
    Message {
        /// The connector.
        connector: String,
        /// The line.
        line: LineId,
        /// What to do outside.
        kind: OutboundKind,
        /// The message.
        message: connector::Message,
    },
    /// A conversation with a client started or ended.
    Session {
        /// The connector.
        connector: String,
        /// The line.
        line: LineId,
        /// Whether it started or ended, and the session.
        change: SessionChange,
    },
    /// A connector was removed from a line.
    Removed {
        /// The connector; `None` for all of them, because the line was deleted.
        connector: Option<String>,
        /// The line.
        line: LineId,
    },
}

/// What to do outside with a message of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum OutboundKind {
    /// Send it.
    Send,
    /// Change it.
    Edit,
    /// Delete it.
    Delete,
}

impl ConnectorEvent {
    /// Returns the connector; `None` for all of the application's, because a line was deleted.
    pub fn connector(&self) -> Option<&str> {
        match self {
            ConnectorEvent::Message { connector, .. }
            | ConnectorEvent::Session { connector, .. } => Some(connector),
            ConnectorEvent::Removed { connector, .. } => connector.as_deref(),
        }
    }

    /// Returns the line.
    pub fn line(&self) -> LineId {
        match self {
            ConnectorEvent::Message { line, .. }
            | ConnectorEvent::Session { line, .. }
            | ConnectorEvent::Removed { line, .. } => *line,
        }
    }

    /// Returns the id of the chat outside, if the event concerns one.
    pub fn outside_chat(&self) -> Option<&str> {
        match self {
            ConnectorEvent::Message { message, .. } => Some(&message.outside_chat),
            ConnectorEvent::Session { change, .. } => Some(&change.session().outside_chat),
            ConnectorEvent::Removed { .. } => None,
        }
    }

    /// Decodes an event of connectors; empty for a name that this version of imbot does not know.
    pub(super) fn decode(event: &Delivery) -> Result<Vec<ConnectorEvent>, DecodeError> {
        match event.name.as_ref() {
            "ONIMCONNECTORMESSAGEADD" => messages(event, OutboundKind::Send),
            "ONIMCONNECTORMESSAGEUPDATE" => messages(event, OutboundKind::Edit),
            "ONIMCONNECTORMESSAGEDELETE" => messages(event, OutboundKind::Delete),
            "ONIMCONNECTORDIALOGSTART" => sessions(event, SessionChange::Started),
            "ONIMCONNECTORDIALOGFINISH" => sessions(event, SessionChange::Finished),
            "ONIMCONNECTORSTATUSDELETE" => {
                let connector::Status { connector, line } = event.read()?;
                let connector = Some(connector);
                Ok(vec![ConnectorEvent::Removed { connector, line }])
            }
            "ONIMCONNECTORLINEDELETE" => {
                let connector::LineDeleted(line) = event.read()?;
                let connector = None;
                Ok(vec![ConnectorEvent::Removed { connector, line }])
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn messages(event: &Delivery, kind: OutboundKind) -> Result<Vec<ConnectorEvent>, DecodeError> {
    let content: connector::Messages = event.read()?;
    let messages = content.messages.into_iter();
    let event = |message| ConnectorEvent::Message {
        connector: content.connector.clone(),
        line: content.line,
        kind,
        message,
    };
    Ok(messages.map(event).collect())
}

fn sessions(
    event: &Delivery,
    change: fn(Session) -> SessionChange,
) -> Result<Vec<ConnectorEvent>, DecodeError> {
    let content: Dialogs = event.read()?;
    let sessions = content.sessions.into_iter();
    let event = |session| ConnectorEvent::Session {
        connector: content.connector.clone(),
        line: content.line,
        change: change(session),
    };
    Ok(sessions.map(event).collect())
}
