//! Connectors: the messengers that applications connect to lines, and their state on each line.

use serde_json::{Map, Value};

/// The portal's own connector, used by the emulator's test client.
pub(crate) const LIVECHAT: &str = "livechat";

/// A messenger, as registered by `imconnector.register`.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    /// In lower case.
    pub(crate) id: String,
    pub(crate) title: String,
    /// The client id of its application; `None` for the portal's own.
    pub(crate) app: Option<String>,
    /// The address of its settings page, `PLACEMENT_HANDLER`.
    pub(crate) handler: String,
    pub(crate) options: ConnectorOptions,
}

/// What is sent to a connector; the defaults are those of `imconnector.register`.
#[derive(Clone, Debug)]
pub(crate) struct ConnectorOptions {
    /// Whether texts begin with the operator's name.
    pub(crate) signature: bool,
    /// Whether it gets system messages.
    pub(crate) system_messages: bool,
    /// Whether it gets edits.
    pub(crate) edits: bool,
    /// Whether it gets deletions.
    pub(crate) deletions: bool,
    /// Whether a chat outside is one chat here, whoever writes in it; otherwise each person has
    /// one.
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
    /// Returns a connector without an application, which delivers messages at once.
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

/// The state of a connector on a line.
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
    /// Whether it is set up.
    pub(crate) fn is_configured(&self) -> bool {
        self.active && self.connection && self.register
    }

    /// Whether it is set up and has no error.
    pub(crate) fn works(&self) -> bool {
        self.is_configured() && !self.error
    }
}

/// A `USER_CODE`: four parts that identify a client's chat; chat and user are ids of the outside
/// messenger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserCode {
    pub(crate) connector: String,
    pub(crate) line: u64,
    pub(crate) chat: String,
    /// `0` in a chat with many users.
    pub(crate) user: String,
}

impl UserCode {
    /// Reads a `USER_CODE`, with or without CRM's `imol|` in front.
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
    fn a_user_code_has_four_parts() {
        let user_code = UserCode::read("imol|livechat|22|1761|587").expect("a user_code");
        assert_eq!((user_code.line, user_code.user.as_str()), (22, "587"));
        assert_eq!(user_code.code(), "livechat|22|1761|587");
        for odd in ["", "livechat|22|1761", "livechat|x|1|2"] {
            assert_eq!(UserCode::read(odd), None, "{odd}");
        }
    }
}
