//! The form the portal posts into the frame of an application's page. See protocol/auth.md 3,
//! protocol/open-channels.md 2.2.

use serde_json::{Map, Value, json};

use super::portal::Portal;
use super::refusal::Refusal;
use super::transaction::Transaction;
use super::world::access::App;
use super::world::secret;
use super::world::tokens::ACCESS_SECONDS;
use crate::event::form;

/// The form posted into the frame in which an application shows its page.
pub(crate) struct Frame {
    pub(crate) address: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Transaction<'_> {
    /// Returns the page of an application: the installer before the installation, the main page
    /// after it.
    pub(crate) fn frame(&mut self, client_id: &str) -> Result<Frame, Refusal> {
        let app = self.known_app(client_id)?;
        let address = if app.installed {
            app.handler.clone()
        } else {
            app.install.clone()
        };
        Ok(self.page_of(&app, &address, "DEFAULT", &json!({ "any": "" })))
    }

    /// Returns the settings page of a connector on a line: the placement `SETTING_CONNECTOR`.
    pub(crate) fn settings_frame(&mut self, connector: &str, line: u64) -> Result<Frame, Refusal> {
        let known = self.connector(connector)?;
        self.line(line)?;
        let app = self.known_app(&known.app.clone().unwrap_or_default())?;
        let link = self.world.lines.link(connector, line);
        let options = json!({
            "CONNECTOR": connector,
            "LINE": line.to_string(),
            "ACTIVE_STATUS": link.active,
            "CONNECTION_STATUS": link.connection,
            "REGISTER_STATUS": link.register,
            "ERROR_STATUS": link.error,
            "STATUS": link.works(),
            "URI": format!("{}/contact_center/connector/?ID={connector}&LINE={line}", self.world.address()),
        });
        Ok(self.page_of(&app, &known.handler, "SETTING_CONNECTOR", &options))
    }

    /// Returns a page with new tokens.
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

/// Opens the settings page of a connector as a person's browser does, and returns status and body,
/// or a refusal with the reason.
pub(crate) async fn open_settings(
    portal: &Portal,
    user: u64,
    connector: &str,
    line: u64,
) -> Result<(u16, String), Refusal> {
    let frame = portal.act(user, |tx| tx.settings_frame(connector, line))?;
    open(portal, frame).await
}

/// Opens the page of an application as a person's browser does, and returns status and body, or a
/// refusal with the reason.
pub(crate) async fn open_app(
    portal: &Portal,
    user: u64,
    client_id: &str,
) -> Result<(u16, String), Refusal> {
    let frame = portal.act(user, |tx| tx.frame(client_id))?;
    open(portal, frame).await
}

/// Posts the form of a frame, and returns status and body of the answer.
async fn open(portal: &Portal, frame: Frame) -> Result<(u16, String), Refusal> {
    let fields = frame.fields.into_iter();
    let tree: Map<String, Value> = fields
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let post = portal.deliveries().post();
    let answer = post.open(&frame.address, form::encode(&tree.into())).await;
    let answer = answer.map_err(|why| Refusal::new("PLACEMENT_UNREACHABLE", why))?;
    Ok((answer.status, answer.body))
}
