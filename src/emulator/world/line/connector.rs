//! Connectors: the messengers that applications join to lines, and how each stands on a line.

use serde_json::{Map, Value};

/// The connector of the portal itself, under which the emulator's own test client writes.
pub(crate) const LIVECHAT: &str = "livechat";

/// A messenger, as `imconnector.register` describes it.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    /// Lower case.
    pub(crate) id: String,
    pub(crate) title: String,
    /// The client id of its application; none for the portal's own.
    pub(crate) app: Option<String>,
    /// The page with its settings, `PLACEMENT_HANDLER`.
    pub(crate) handler: String,
    pub(crate) wishes: Wishes,
}

/// What a connector wants to be told, and how; the defaults are those of `imconnector.register`.
#[derive(Debug, Clone)]
pub(crate) struct Wishes {
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

impl Default for Wishes {
    fn default() -> Self {
        Wishes {
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
            wishes: Wishes::default(),
        }
    }
}

/// A connector on a line.
#[derive(Debug, Clone, Default)]
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
