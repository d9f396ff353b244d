//! What happens to an application's own connectors: an event for each message and each session in a delivery.

use serde::Serialize;

use super::payload::{Dialogs, Session, connector};
use super::{DecodeError, Delivery, LineId, SessionChange};

/// Something happened to a connector of the application, or is to be carried outside by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ConnectorEvent {
    /// A message of the portal is to be carried outside, changed or deleted there.
    Message {
        /// The connector.
        connector: String,
        /// The line.
        line: LineId,
        /// What is to be done.
        kind: OutboundKind,
        /// The message.
        message: connector::Message,
    },
    /// A conversation with a client began or ended.
    Session {
        /// The connector.
        connector: String,
        /// The line.
        line: LineId,
        /// Which.
        change: SessionChange,
    },
    /// A connector was taken from a line.
    Removed {
        /// The connector; all that were on the line where that was deleted.
        connector: Option<String>,
        /// The line.
        line: LineId,
    },
}

/// What is to be done outside about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum OutboundKind {
    /// It is to be passed on.
    Send,
    /// It is to be changed.
    Edit,
    /// It is to be deleted.
    Delete,
}

impl ConnectorEvent {
    /// The connector it is about; all of the application's where a line was deleted.
    pub fn connector(&self) -> Option<&str> {
        match self {
            ConnectorEvent::Message { connector, .. }
            | ConnectorEvent::Session { connector, .. } => Some(connector),
            ConnectorEvent::Removed { connector, .. } => connector.as_deref(),
        }
    }

    /// The line it is about.
    pub fn line(&self) -> LineId {
        match self {
            ConnectorEvent::Message { line, .. }
            | ConnectorEvent::Session { line, .. }
            | ConnectorEvent::Removed { line, .. } => *line,
        }
    }

    /// The chat outside that it is about, if it is about one.
    pub fn outside_chat(&self) -> Option<&str> {
        match self {
            ConnectorEvent::Message { message, .. } => Some(&message.outside_chat),
            ConnectorEvent::Session { change, .. } => Some(&change.session().outside_chat),
            ConnectorEvent::Removed { .. } => None,
        }
    }

    /// Reads an event of connectors; one of a name that is newer than this program holds nothing.
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
    let told: connector::Messages = event.read()?;
    let messages = told.messages.into_iter();
    let of = |message| ConnectorEvent::Message {
        connector: told.connector.clone(),
        line: told.line,
        kind,
        message,
    };
    Ok(messages.map(of).collect())
}

fn sessions(
    event: &Delivery,
    change: fn(Session) -> SessionChange,
) -> Result<Vec<ConnectorEvent>, DecodeError> {
    let told: Dialogs = event.read()?;
    let sessions = told.sessions.into_iter();
    let of = |session| ConnectorEvent::Session {
        connector: told.connector.clone(),
        line: told.line,
        change: change(session),
    };
    Ok(sessions.map(of).collect())
}
