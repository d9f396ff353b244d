//! Payloads of sessions of open channels, for any listener and for connectors.
//!
//! Pages `b24restdocs: api-reference/imopenlines/openlines/events/on-session-*.md` and
//! `b24restdocs: api-reference/imopenlines/imconnector/events/on-im-connector-dialog-*.md`.

use serde::Serialize;

use super::Payload;
use crate::event::{DecodeError, Delivery, LineId, Node, SessionId, UserId};

/// Sessions of lines that started or ended (`ONSESSIONSTART`, `ONSESSIONFINISH`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sessions {
    /// The sessions.
    pub sessions: Vec<Session>,
}

/// The same for the application's own connectors (`ONIMCONNECTORDIALOGSTART`,
/// `ONIMCONNECTORDIALOGFINISH`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dialogs {
    /// The connector.
    pub connector: String,
    /// The line.
    pub line: LineId,
    /// The sessions.
    pub sessions: Vec<Session>,
}

/// A session: one conversation of a client with a line, from its first message until it is closed.
///
/// The event does not contain the portal's chat: its `chat` and `user` repeat `connector`, as the
/// samples show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: Option<SessionId>,
    /// The session that it continues.
    pub parent: Option<SessionId>,
    /// Whether it is closed.
    pub is_closed: bool,
    /// Minutes of silence after which the portal closes it.
    pub close_minutes: Option<u64>,
    /// The connector through which the client writes.
    pub connector: String,
    /// The line.
    pub line: Option<LineId>,
    /// The chat's id outside.
    pub outside_chat: String,
    /// The client, as a user of the portal; 0 or missing if the portal does not name one. Their id
    /// outside is in the events of the connector only (protocol/open-channels.md 1).
    pub client: Option<UserId>,
    /// The client as the event names it, for [`user_code`](Session::user_code).
    #[serde(skip)]
    pub(crate) user: String,
}

impl Payload for Sessions {
    const EVENTS: &'static [&'static str] = &["ONSESSIONSTART", "ONSESSIONFINISH"];

    fn read(event: &Delivery) -> Result<Sessions, DecodeError> {
        let sessions = Session::list(event.required_data()?)?;
        Ok(Sessions { sessions })
    }
}

impl Payload for Dialogs {
    const EVENTS: &'static [&'static str] =
        &["ONIMCONNECTORDIALOGSTART", "ONIMCONNECTORDIALOGFINISH"];

    fn read(event: &Delivery) -> Result<Dialogs, DecodeError> {
        let data = event.required_data()?;
        Ok(Dialogs {
            connector: data.required_string("CONNECTOR")?,
            line: data.required_number("LINE")?,
            sessions: Session::list(data)?,
        })
    }
}

impl Session {
    /// Returns the portal's key of the client's chat (`USER_CODE`): `connector|line|chat|user`;
    /// `None` without a line.
    pub fn user_code(&self) -> Option<String> {
        let Session {
            connector,
            line,
            outside_chat,
            user,
            ..
        } = self;
        let line = (*line)?;
        Some(format!("{connector}|{line}|{outside_chat}|{user}"))
    }

    fn list(data: Node<'_>) -> Result<Vec<Session>, DecodeError> {
        data.items_at("DATA")
            .into_iter()
            .map(Session::read)
            .collect()
    }

    fn read(item: Node<'_>) -> Result<Session, DecodeError> {
        let word = |part, key| item.map_at(part)?.string_at(key);
        let number = |part, key| {
            item.map_at(part)
                .map_or(Ok(None), |part: Node<'_>| part.number_at::<u64>(key))
        };
        let user = word("connector", "user_id").unwrap_or_default();
        let some = |number: &u64| *number != 0; // the portal writes 0 for a missing id
        Ok(Session {
            id: number("session", "id")?.map(SessionId),
            parent: number("session", "parent_id")?.filter(some).map(SessionId),
            is_closed: item
                .map_at("session")
                .and_then(|part| part.flag_at("closed"))
                == Some(true),
            close_minutes: number("session", "close_term")?,
            connector: word("connector", "connector_id").unwrap_or_default(),
            line: number("connector", "line_id")?.map(LineId),
            outside_chat: word("connector", "chat_id").unwrap_or_default(),
            client: user.parse().ok(),
            user,
        })
    }
}
