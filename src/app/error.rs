//! The errors of an application's settings.

use crate::config::StoreConfigError;
use crate::engine::HookTokenError;
use crate::portal::SecretError;

/// An application cannot run with these settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting is missing.
    #[error("{0}")]
    Missing(&'static str),
    /// The address of a portal is not the address of an inbound webhook.
    #[error("the portal's address: {0}")]
    Portal(#[from] crate::portal::AddressError),
    /// The token of an outgoing webhook does not name its portal.
    #[error("the token of an outgoing webhook (hook_token): {0}")]
    HookToken(#[from] HookTokenError),
    /// The secret that signs forwarded events is invalid.
    #[error("the secret that signs forwarded events (forward_secret): {0}")]
    ForwardSecret(#[from] SecretError),
    /// The HTTP client cannot be created.
    #[error(transparent)]
    Http(#[from] crate::portal::Error),
    /// The file with the certificates of authorities cannot be read.
    #[error("the certificates of authorities (ca_file) cannot be read: {0}")]
    Authorities(#[from] std::io::Error),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreConfigError),
    /// Two bots have the same code.
    #[error("two bots have the code `{0}`; every bot needs its own in its profile")]
    SameCode(String),
    /// Two connectors have the same id.
    #[error("two connectors have the id `{0}`; every connector needs its own in its profile")]
    SameConnector(String),
    /// The portal refuses the id of a connector.
    #[error("the connector id `{0}` may contain only digits, Latin letters and `_`")]
    ConnectorId(String),
    /// The portal refuses the name of a command.
    #[error("the command `{command}` of the bot `{bot}` may contain only Latin letters and digits")]
    CommandName {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
}
