//! The pages of applications: what the portal posts into the frame in which one is shown. Section 3 of auth.md.

use serde_json::{Value, json};

use super::hit::Hit;
use super::refusal::Refusal;
use super::world::access::App;
use super::world::secret;
use super::world::tokens::ACCESS_SECONDS;

/// What is posted into the frame in which an application shows its page.
pub(crate) struct Frame {
    pub(crate) address: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Hit<'_> {
    /// The page of an application: its installer's before the installation, its own after.
    pub(crate) fn frame(&mut self, client_id: &str) -> Result<Frame, Refusal> {
        let app = self.known_app(client_id)?;
        let address = if app.installed {
            app.handler.clone()
        } else {
            app.install.clone()
        };
        Ok(self.page_of(&app, &address, "DEFAULT", &json!({ "any": "" })))
    }

    /// Fresh tokens, and where the page is shown.
    fn page_of(&mut self, app: &App, address: &str, placement: &str, options: &Value) -> Frame {
        let now = self.world.clock.unix();
        let pair = self
            .world
            .tokens
            .issue(&app.client_id, self.local_user, now);
        let joint = if address.contains('?') { '&' } else { '?' };
        let language = &self.world.language;
        let query = format!(
            "DOMAIN={}&PROTOCOL={}&LANG={language}&APP_SID={}",
            self.world.domain,
            u8::from(self.world.is_secure),
            secret()
        );
        let fields = vec![
            ("AUTH_ID", pair.access),
            ("AUTH_EXPIRES", ACCESS_SECONDS.to_string()),
            ("REFRESH_ID", pair.refresh),
            ("SERVER_ENDPOINT", self.world.server_endpoint()),
            ("APPLICATION_TOKEN", app.application_token.clone()),
            ("APPLICATION_SCOPE", app.scope.clone()),
            ("member_id", self.world.member_id.clone()),
            ("status", "L".to_owned()),
            ("PLACEMENT", placement.to_owned()),
            ("PLACEMENT_OPTIONS", options.to_string()),
        ];
        Frame {
            address: format!("{address}{joint}{query}"),
            fields,
        }
    }
}
