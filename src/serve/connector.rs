//! The settings page of a connector. The portal shows it in a frame, in the settings of a line.
//!
//! Opening it connects the connector to the line; to disconnect it, the portal has a button of its
//! own. The portal POSTs the application's token with the frame (protocol/auth.md 6), which each
//! person who opened the application knows, and the person's own. The connector is connected with
//! the rights of that person, so the page gives nobody a right.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::Html;
use poem::{IntoResponse, Response};
use secrecy::SecretString;
use serde_json::Value;

use super::body::Arriving;
use super::install::FRAME_BYTES_MAX;
use super::reply::{escape, refuse, refuse_body, refuse_error};
use crate::engine::{Engine, SettingsPage, SettingsRequest};
use crate::event::{LineId, MemberId, Node, Tree};

const PAGE: &str = include_str!("connector.html");

/// Connects the connector with this id to the line whose settings are open.
pub(super) async fn page(engine: &Arc<Engine>, connector: &str, body: Arriving<'_>) -> Response {
    let body = match body.read(FRAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => return refuse_body(error, FRAME_BYTES_MAX),
    };
    let request = Tree::from_form(body.bytes.clone())
        .ok()
        .and_then(|form| settings_request(&form, connector));
    let Some(request) = request else {
        let reason = "this page is opened by a portal, among the connectors of a line";
        return refuse(StatusCode::BAD_REQUEST, reason);
    };
    match engine.open_settings(request).await {
        Ok(settings) => Html(render(&settings)).into_response(),
        Err(error) => refuse_error(&error),
    }
}

/// Reads the frame's POST. Returns `None` unless it is valid and names this connector.
fn settings_request(form: &Tree, connector: &str) -> Option<SettingsRequest> {
    let text = |key: &str| {
        let node = form.root().get(key).and_then(Node::filled);
        node.map(String::from)
    };
    let options: Value = serde_json::from_str(&text("PLACEMENT_OPTIONS")?).ok()?;
    let is_ours = options["CONNECTOR"]
        .as_str()?
        .eq_ignore_ascii_case(connector);
    let line = match &options["LINE"] {
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    (is_ours && text("PLACEMENT")? == "SETTING_CONNECTOR").then_some(SettingsRequest {
        portal: MemberId::new(text("member_id")?),
        application_token: SecretString::from(text("APPLICATION_TOKEN")?),
        access_token: SecretString::from(text("AUTH_ID")?),
        connector: connector.to_owned(),
        line: LineId(line),
    })
}

fn render(settings: &SettingsPage) -> String {
    let class = if settings.is_joined {
        "success"
    } else {
        "error"
    };
    PAGE.replace("{{name}}", &escape(&settings.name))
        .replace("{{class}}", class)
        .replace("{{state}}", &escape(&settings.state))
        .replace("{{settings}}", &settings.html)
}

#[cfg(test)]
mod tests {
    use crate::serve::connector::*;

    #[test]
    fn only_the_settings_of_a_line_open_the_page() {
        let of = |placement: &str, connector: &str, line: &str| {
            let options = format!("{{\"CONNECTOR\":\"{connector}\",\"LINE\":{line}}}");
            let body = format!(
                "PLACEMENT={placement}&PLACEMENT_OPTIONS={options}&member_id=m&APPLICATION_TOKEN=t&AUTH_ID=a"
            );
            settings_request(&Tree::from_form(body).unwrap(), "web").map(|it| it.line)
        };
        assert_eq!(of("SETTING_CONNECTOR", "WEB", "\"7\""), Some(LineId(7)));
        assert_eq!(of("SETTING_CONNECTOR", "web", "7"), Some(LineId(7)));
        assert_eq!(of("DEFAULT", "web", "7"), None);
        assert_eq!(of("SETTING_CONNECTOR", "other", "7"), None);
        assert_eq!(of("SETTING_CONNECTOR", "web", "\"x\""), None);
    }

    #[test]
    fn names_and_errors_are_escaped() {
        let settings = SettingsPage {
            name: "Web <chat>".to_owned(),
            is_joined: false,
            state: "Not connected to line 7: <script>".to_owned(),
            html: "<p>own</p>".to_owned(),
        };
        let page = render(&settings);
        assert!(page.contains("Web &lt;chat&gt;") && page.contains("&lt;script&gt;"));
        assert!(page.contains("<p>own</p>"));
    }
}
