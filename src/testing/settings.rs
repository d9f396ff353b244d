//! The settings of a test.

use std::time::Duration;

use crate::config::Config;
use crate::emulator::{NewApp, Options};
use crate::store::Time;

/// The time at which the clock of a test begins: Monday, 2 March 2026, 09:00 UTC.
pub const BEGINNING: Time = Time(1_772_442_000_000);

/// Default of [`Settings::handler_time`].
pub const HANDLER_TIME: Duration = Duration::from_millis(100);

/// The settings of a [`TestPortal`](super::TestPortal).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The portal. Its addresses and its network have no effect.
    pub portal: Options,
    /// The registration of the application, such as its permissions (`scope`).
    pub app: NewApp,
    /// The time at which the test's clock begins. Default: [`BEGINNING`], whatever the real time
    /// is.
    pub begins_at: Time,
    /// Maximum real time for which a running handler holds the clock, since it may wait for
    /// something outside of the test. After it, the handler is taken to wait for the clock.
    /// Default: [`HANDLER_TIME`].
    pub handler_time: Duration,
    /// The program. Which portal it is on, and its store, have no effect.
    pub config: Config,
}
