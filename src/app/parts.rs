//! The parts of an application that the command line needs before it becomes an engine.

use crate::app::App;
use crate::serve::EventEndpoint;

impl App {
    /// Returns the names of its bots, for people.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.bots.iter().map(|bot| bot.profile().name().to_owned());
        names.collect()
    }

    /// Takes its own addresses out, and returns what adds them to the engine's.
    pub(crate) fn take_nests(&mut self) -> impl FnOnce(EventEndpoint) -> EventEndpoint + use<> {
        let nests = std::mem::take(&mut self.nests);
        move |app| nests.into_iter().fold(app, |app, (_, nest)| nest(app))
    }
}

/// What an emulated portal has to have for an application.
#[cfg(feature = "emulator")]
pub(crate) struct PortalNeeds {
    /// The code of its first bot that serves open channels.
    pub(crate) line_bot: Option<String>,
    /// The ids of its connectors.
    pub(crate) connectors: Vec<String>,
    /// The paths of its own addresses.
    pub(crate) paths: Vec<String>,
}

#[cfg(feature = "emulator")]
impl App {
    /// Returns this application with the parts that are for an emulated portal only.
    pub(crate) fn with_emulated_only(mut self) -> Self {
        let Some(mut more) = self.emulated_only.take() else {
            return self;
        };
        self.bots.append(&mut more.bots);
        self.connectors.append(&mut more.connectors);
        self.nests.append(&mut more.nests);
        self
    }

    /// Returns what an emulated portal has to have for it.
    pub(crate) fn portal_needs(&self) -> PortalNeeds {
        let profiles = self.bots.iter().map(|bot| bot.profile());
        let connectors = self.connectors.iter();
        let paths = self.nests.iter().map(|(path, _)| path.clone());
        PortalNeeds {
            line_bot: profiles
                .filter(|profile| profile.is_for_open_channels())
                .map(|profile| profile.code().to_owned())
                .next(),
            connectors: connectors
                .map(|connector| connector.profile().id().to_owned())
                .collect(),
            paths: paths.collect(),
        }
    }
}
