//! What this program needs on a portal, to be compared with what is there.

use crate::engine::Engine;
#[cfg(feature = "cli")]
use crate::engine::handle::hooks::is_at;
use crate::event::Api;
use crate::handler::{AnyBot, EventMode};
#[cfg(feature = "cli")]
use crate::portal::Http;

/// The needs of one bot.
#[cfg(feature = "cli")]
#[derive(Clone, Debug)]
pub(crate) struct Requirement {
    /// Its code.
    pub(crate) code: String,
    /// How its events come; `None` for v1, which has webhooks only.
    pub(crate) mode: Option<EventMode>,
    /// Whether it serves open channels.
    pub(crate) serves_open_channels: bool,
}

#[cfg(feature = "cli")]
impl Requirement {
    /// Returns true if the portal posts its events to our address.
    pub(crate) fn is_posted_to(&self) -> bool {
        self.mode != Some(EventMode::Fetch)
    }
}

#[cfg(feature = "cli")]
impl Engine {
    /// Returns the needs of all bots.
    pub(crate) fn requirements(&self) -> Vec<Requirement> {
        let need = |bot: &std::sync::Arc<dyn AnyBot>| {
            let profile = bot.profile();
            Requirement {
                code: profile.code().to_owned(),
                mode: self.event_mode(bot.as_ref()),
                serves_open_channels: profile.is_for_open_channels(),
            }
        };
        self.bots.iter().map(need).collect()
    }

    /// Returns the ids of the connectors.
    pub(crate) fn connectors(&self) -> Vec<String> {
        let ids = self
            .connectors
            .iter()
            .map(|entry| entry.connector.profile().id());
        ids.map(str::to_owned).collect()
    }

    /// Returns the HTTP client that portals are called with.
    pub(crate) fn http(&self) -> &Http {
        &self.options.http
    }
}

impl Engine {
    /// Returns the address that portals post events to; `None` if they cannot.
    pub(crate) fn handler_url(&self) -> Option<&str> {
        self.options.handler_url.as_deref()
    }

    /// Returns true if a handler is this program's address, for whichever user.
    #[cfg(feature = "cli")]
    pub(crate) fn is_own_address(&self, handler: &str) -> bool {
        self.handler_url().is_some_and(|url| is_at(url, handler))
    }

    /// Returns how the events of a bot come; `None` for v1, which has webhooks only.
    pub(in crate::engine) fn event_mode(&self, bot: &dyn AnyBot) -> Option<EventMode> {
        let profile = bot.profile();
        (profile.on_api() == Api::V2).then(|| {
            profile
                .on_event_mode()
                .unwrap_or(match self.options.handler_url {
                    Some(_) => EventMode::Webhook,
                    None => EventMode::Fetch,
                })
        })
    }
}
