//! Connectors: the messengers that applications join to lines, and how each stands on a line.

use serde_json::{Map, Value};

/// The connector of the portal itself, under which the emulator's own test client writes.
pub(crate) const LIVECHAT: &str = "livechat";

/// A messenger, as `imconnector.register` describes it.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    /// Lower case.
    pub(crate) id: String,
    pub(crate) title: String,
    /// The client id of its application; none for the portal's own.
    pub(crate) app: Option<String>,
    /// The page with its settings, `PLACEMENT_HANDLER`.
    pub(crate) handler: String,
    pub(crate) options: ConnectorOptions,
}

/// What a connector wants to be told, and how; the defaults are those of `imconnector.register`.
#[derive(Clone, Debug)]
pub(crate) struct ConnectorOptions {
    /// Operators' names in front of what they say.
    pub(crate) signature: bool,
    /// What the portal itself says to the client.
    pub(crate) system_messages: bool,
    /// Edits of what it was told.
    pub(crate) edits: bool,
    /// Deletions of what it was told.
    pub(crate) deletions: bool,
    /// A chat outside is one here, whoever writes in it; otherwise each person has one.
    pub(crate) group: bool,
}

impl Default for ConnectorOptions {
    fn default() -> Self {
        ConnectorOptions {
            signature: true,
            system_messages: true,
            edits: true,
            deletions: true,
            group: false,
        }
    }
}

impl Connector {
    /// A connector that needs no application: what it is told is at its client at once.
    pub(crate) fn of_portal(id: &str, title: &str) -> Self {
        Connector {
            id: id.to_owned(),
            title: title.to_owned(),
            app: None,
            handler: String::new(),
            options: ConnectorOptions::default(),
        }
    }
}

/// A connector on a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub(crate) active: bool,
    pub(crate) connection: bool,
    pub(crate) register: bool,
    pub(crate) error: bool,
    /// `DATA` of `imconnector.connector.data.set`.
    pub(crate) data: Map<String, Value>,
}

impl Link {
    /// Whether it is set up, connected or not.
    pub(crate) fn is_configured(&self) -> bool {
        self.active && self.connection && self.register
    }

    /// Whether it works.
    pub(crate) fn works(&self) -> bool {
        self.is_configured() && !self.error
    }
}

/// The four parts; chat and user as the messenger outside numbers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserCode {
    pub(crate) connector: String,
    pub(crate) line: u64,
    pub(crate) chat: String,
    /// `0` in a chat that many write in.
    pub(crate) user: String,
}

impl UserCode {
    /// Reads the `USER_CODE`, with or without CRM's `imol|` in front.
    pub(crate) fn read(code: &str) -> Option<Self> {
        let mut parts = code.strip_prefix("imol|").unwrap_or(code).splitn(4, '|');
        let mut next = || parts.next().map(str::to_owned);
        Some(UserCode {
            connector: next()?,
            line: next()?.parse().ok()?,
            chat: next()?,
            user: next()?,
        })
    }

    pub(crate) fn code(&self) -> String {
        let UserCode {
            connector,
            line,
            chat,
            user,
        } = self;
        format!("{connector}|{line}|{chat}|{user}")
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::world::line::connector::*;

    #[test]
    fn a_code_has_four_parts() {
        let user_code = UserCode::read("imol|livechat|22|1761|587").expect("a user_code");
        assert_eq!((user_code.line, user_code.user.as_str()), (22, "587"));
        assert_eq!(user_code.code(), "livechat|22|1761|587");
        for odd in ["", "livechat|22|1761", "livechat|x|1|2"] {
            assert_eq!(UserCode::read(odd), None, "{odd}");
        }
    }
}
