//! The settings of a test.

use crate::config::Config;
use crate::emulator::{NewApp, Options};

/// The settings of a [`TestPortal`](super::TestPortal).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The portal. Its addresses and its network have no effect.
    pub portal: Options,
    /// The registration of the application, such as its permissions (`scope`).
    pub app: NewApp,
    /// The program. Which portal it is on, and its store, have no effect.
    pub config: Config,
}
