//! The parts of an application that the command line needs before the engine is built.

use crate::app::App;
use crate::serve::EventEndpoint;

impl App {
    /// Returns the names of the bots, to be shown to people.
    #[cfg(feature = "cli")]
    pub(crate) fn bot_names(&self) -> Vec<String> {
        let names = self.bots.iter().map(|bot| bot.profile().name().to_owned());
        names.collect()
    }

    /// Removes the nested addresses, and returns a function that adds them to the engine's.
    pub(crate) fn take_nests(&mut self) -> impl FnOnce(EventEndpoint) -> EventEndpoint + use<> {
        let nests = std::mem::take(&mut self.nests);
        move |app| nests.into_iter().fold(app, |app, (_, nest)| nest(app))
    }
}

/// The parts of an emulated portal that an application needs.
#[cfg(all(feature = "cli", feature = "emulator"))]
pub(crate) struct PortalNeeds {
    /// The code of the first bot that serves open channels.
    pub(crate) line_bot: Option<String>,
    /// The ids of the connectors.
    pub(crate) connectors: Vec<String>,
    /// The paths of the nested addresses.
    pub(crate) paths: Vec<String>,
}

#[cfg(all(feature = "cli", feature = "emulator"))]
impl App {
    /// Returns this application with the parts for an emulated portal.
    pub(crate) fn with_emulated_only(mut self) -> Self {
        let Some(mut more) = self.emulated_only.take() else {
            return self;
        };
        self.bots.append(&mut more.bots);
        self.connectors.append(&mut more.connectors);
        self.nests.append(&mut more.nests);
        self
    }

    /// Returns the parts of an emulated portal that this application needs.
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
