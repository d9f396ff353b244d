//! The steps of a reconciliation.

use std::fmt;

use crate::event::{BotId, UserId};
use crate::portal::Binding;

/// A change on a portal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A bot is registered.
    RegisterBot {
        /// Its code.
        bot: String,
    },
    /// A bot's profile and the address of its events are sent again: the portal does not report
    /// what it has.
    UpdateBot {
        /// Its code.
        bot: String,
        /// Its id.
        id: BotId,
    },
    /// A command is registered.
    AddCommand {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
    /// A command is changed.
    ChangeCommand {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
    /// A command that the bot does not have any more is removed.
    RemoveCommand {
        /// The bot's code.
        bot: String,
        /// The command's name.
        command: String,
    },
    /// A bot is removed, and its private chats with it.
    RemoveBot {
        /// Its code.
        bot: String,
        /// Its id.
        id: BotId,
    },
    /// A connector is registered, or its profile is sent again: the portal does not report what it
    /// has.
    RegisterConnector {
        /// Its id.
        connector: String,
    },
    /// A connector is removed from all lines that it is on.
    RemoveConnector {
        /// Its id.
        connector: String,
    },
    /// An event is bound: for a hook, a bot, or the application itself.
    Bind(Binding),
    /// An event is unbound: no hook is for it any more, or not as this user, or it goes to an
    /// earlier address.
    Unbind(Binding),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::RegisterBot { bot } => write!(f, "register the bot {bot}"),
            Step::UpdateBot { bot, id } => write!(f, "update the bot {bot} ({id})"),
            Step::AddCommand { bot, command } => write!(f, "add /{command} to the bot {bot}"),
            Step::ChangeCommand { bot, command } => write!(f, "change /{command} of the bot {bot}"),
            Step::RemoveCommand { bot, command } => {
                write!(f, "remove /{command} from the bot {bot}")
            }
            Step::RemoveBot { bot, id } => {
                write!(f, "remove the bot {bot} ({id}) and its private chats")
            }
            Step::RegisterConnector { connector } => {
                write!(f, "register the connector {connector}")
            }
            Step::RemoveConnector { connector } => {
                write!(f, "remove the connector {connector} from all lines")
            }
            Step::Bind(binding) => write!(f, "bind {}", describe(binding)),
            Step::Unbind(binding) if binding.offline == 0 => {
                write!(
                    f,
                    "unbind {} from {}",
                    describe(binding),
                    without_query(&binding.handler)
                )
            }
            Step::Unbind(binding) => write!(f, "unbind {}", describe(binding)),
        }
    }
}

/// Returns a binding for a log line.
fn describe(binding: &Binding) -> String {
    match binding {
        Binding {
            event,
            offline: 0,
            user: UserId(0),
            ..
        } => event.clone(),
        Binding {
            event,
            offline: 0,
            user,
            ..
        } => format!("{event} as user {user}"),
        Binding { event, .. } => format!("offline {event}"),
    }
}

/// Returns an address without its query, which may hold a secret.
fn without_query(address: &str) -> &str {
    address.split_once('?').map_or(address, |(path, _)| path)
}
