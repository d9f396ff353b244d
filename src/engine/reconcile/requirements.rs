//! What this program needs on a portal, for who compares it with what is there.

use crate::engine::Engine;
use crate::event::Api;
use crate::handler::{AnyBot, EventMode};
#[cfg(feature = "cli")]
use crate::portal::Http;

#[cfg(feature = "cli")]
/// What a bot of this program needs on a portal.
#[derive(Clone, Debug)]
pub(crate) struct Requirement {
    /// Its code.
    pub(crate) code: String,
    /// How its events come; nothing for the first generation, which knows webhooks only.
    pub(crate) mode: Option<EventMode>,
    /// Whether it serves open channels.
    pub(crate) serves_open_channels: bool,
}

#[cfg(feature = "cli")]
impl Requirement {
    /// Whether the portal posts its events to our address.
    pub(crate) fn is_posted_to(&self) -> bool {
        self.mode != Some(EventMode::Fetch)
    }
}

#[cfg(feature = "cli")]
impl Engine {
    /// What the bots need.
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

    /// The ids of the connectors.
    pub(crate) fn connectors(&self) -> Vec<String> {
        let ids = self
            .connectors
            .iter()
            .map(|joinable| joinable.connector.profile().id());
        ids.map(str::to_owned).collect()
    }

    /// The client that portals are called with.
    pub(crate) fn http(&self) -> &Http {
        &self.options.http
    }
}

impl Engine {
    /// Where portals post events; nothing if they cannot.
    pub(crate) fn handler_url(&self) -> Option<&str> {
        self.options.handler_url.as_deref()
    }

    /// How the events of a bot come; nothing for the first generation, which knows webhooks only.
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
