//! The settings page of a connector, which the portal shows in a frame where a line's connectors are set up.
//!
//! Opening it joins the connector to the line; the portal has a button of its own to take it away. The portal POSTs the
//! installation's token with the frame (protocol/auth.md 6), so nobody else can do that.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::web::Html;
use poem::{Body, IntoResponse, Response};
use secrecy::SecretString;
use serde_json::Value;

use super::endpoint::{refuse, status, whole};
use super::install::FRAME_BYTES_MAX;
use crate::engine::{Engine, SettingsPage, SettingsRequest};
use crate::event::{LineId, MemberId, Node, Tree};

const PAGE: &str = include_str!("connector.html");

/// Joins the connector of this id to the line whose settings are open.
pub(super) async fn page(engine: &Arc<Engine>, connector: &str, body: Body) -> Response {
    let Ok(body) = whole(body, FRAME_BYTES_MAX).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    let opened = Tree::from_form(body)
        .ok()
        .and_then(|form| opened(&form, connector));
    let Some(opened) = opened else {
        let why = "this page is opened by a portal, among the connectors of a line";
        return refuse(StatusCode::BAD_REQUEST, why);
    };
    match engine.open_settings(opened).await {
        Ok(settings) => Html(show(&settings)).into_response(),
        Err(refused) => refuse(status(&refused), &refused.to_string()),
    }
}

/// What the frame's POST tells, if it is of this connector.
fn opened(form: &Tree, connector: &str) -> Option<SettingsRequest> {
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
        connector: connector.to_owned(),
        line: LineId(line),
    })
}

fn show(settings: &SettingsPage) -> String {
    let class = if settings.is_joined { "well" } else { "wrong" };
    PAGE.replace("{{name}}", &escape(&settings.name))
        .replace("{{class}}", class)
        .replace("{{state}}", &escape(&settings.state))
        .replace("{{settings}}", &settings.html)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::serve::connector::*;

    #[test]
    fn a_page_is_opened_by_a_lines_settings_and_nothing_else() {
        let of = |placement: &str, connector: &str, line: &str| {
            let options = format!("{{\"CONNECTOR\":\"{connector}\",\"LINE\":{line}}}");
            let body = format!(
                "PLACEMENT={placement}&PLACEMENT_OPTIONS={options}&member_id=m&APPLICATION_TOKEN=t"
            );
            opened(&Tree::from_form(body).unwrap(), "web").map(|it| it.line)
        };
        assert_eq!(of("SETTING_CONNECTOR", "WEB", "\"7\""), Some(LineId(7)));
        assert_eq!(of("SETTING_CONNECTOR", "web", "7"), Some(LineId(7)));
        assert_eq!(of("DEFAULT", "web", "7"), None);
        assert_eq!(of("SETTING_CONNECTOR", "other", "7"), None);
        assert_eq!(of("SETTING_CONNECTOR", "web", "\"x\""), None);
    }

    #[test]
    fn what_is_wrong_is_shown_as_text() {
        let settings = SettingsPage {
            name: "Web <chat>".to_owned(),
            is_joined: false,
            state: "Not connected to line 7: <script>".to_owned(),
            html: "<p>own</p>".to_owned(),
        };
        let page = show(&settings);
        assert!(page.contains("Web &lt;chat&gt;") && page.contains("&lt;script&gt;"));
        assert!(page.contains("<p>own</p>"));
    }
}
