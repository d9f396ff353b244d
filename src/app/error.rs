//! Why an application cannot run.

use crate::config::PlaceError;
use crate::engine::HookTokenError;
use crate::portal::SecretError;

/// An application cannot run with these settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting is missing.
    #[error("{0}")]
    Missing(&'static str),
    /// The address of a portal is not that of an inbound webhook.
    #[error("the portal's address: {0}")]
    Portal(#[from] crate::portal::AddressError),
    /// The token of an outgoing webhook does not say of which portal it is.
    #[error("the token of an outgoing webhook (hook_token): {0}")]
    HookToken(#[from] HookTokenError),
    /// The secret that signs forwarded events is not valid.
    #[error("the secret that signs what is forwarded (forward_secret): {0}")]
    ForwardSecret(#[from] SecretError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Http(#[from] crate::portal::Error),
    /// The file of authorities cannot be read.
    #[error("the file of authorities (ca_file) cannot be read: {0}")]
    Authorities(#[from] std::io::Error),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] PlaceError),
    /// Two bots have one code.
    #[error("two bots have the code `{0}`; give each a code of its own in its profile")]
    SameCode(String),
    /// Two connectors have one id.
    #[error("two connectors have the id `{0}`; give each an id of its own in its profile")]
    SameConnector(String),
    /// A connector has an id that the portal refuses.
    #[error("the connector id `{0}` is not digits, Latin letters and `_`")]
    ConnectorId(String),
    /// A command has a name that the portal refuses.
    #[error("the command `{command}` of the bot `{bot}` is not Latin letters and digits")]
    CommandName {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
}
