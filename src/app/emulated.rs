//! The settings of a program on an emulated portal.

use crate::config::Config;
use crate::emulator::{Credentials, Emulator};
use crate::portal::Plan;

impl Config {
    /// Returns the settings of an application on an emulated portal that posts its events to
    /// `handler`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use imbot::Config;
    /// use imbot::emulator::{Emulator, NewApp, Options};
    ///
    /// let portal = Emulator::start(Options::default()).await?;
    /// let app = portal.register_app(NewApp::new("bots", "http://127.0.0.1:8072/"));
    /// let config = Config::emulated(&portal, &app, "http://127.0.0.1:8072/");
    /// # Ok(()) }
    /// ```
    pub fn emulated(portal: &Emulator, app: &Credentials, handler: impl Into<String>) -> Self {
        Self::default().on(portal, app, handler)
    }

    /// Returns the settings of a program that polls an emulated portal through its inbound webhook.
    pub fn polling(portal: &Emulator) -> Self {
        Self {
            portal: vec![portal.webhook_url().into()],
            allow_host: vec![portal.address().to_string()],
            ..Self::default()
        }
    }

    /// Returns these settings with an emulated portal instead of a real one.
    pub(crate) fn on(
        self,
        portal: &Emulator,
        app: &Credentials,
        handler: impl Into<String>,
    ) -> Self {
        Self {
            client_id: Some(app.client_id.clone()),
            client_secret: Some(app.client_secret.clone().into()),
            public_url: Some(handler.into()),
            oauth_url: portal.oauth_url(),
            bx24_url: portal.bx24_url(),
            allow_host: vec![portal.address().to_string()],
            plan: Plan::default(),
            portal: Vec::new(),
            ..self
        }
    }
}
