//! The page of an application in a frame: the portal posts its tokens there, protocol/auth.md 3.
//! The settings page of a connector is opened the same way.

use std::fmt::Write as _;
use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use poem::{Endpoint, Request, Response, get};

use super::answer::refused;
use super::assets::file;
use super::query::query;
use crate::emulator::portal::Portal;

/// Submits the form; in a script file, since the policy allows no inline scripts.
const SCRIPT: &str = "document.forms[0].submit();\n";

/// The policy of the form: run that script and submit the form, in frames of the portal only.
const POLICY: &str =
    "default-src 'none'; script-src 'self'; form-action http: https:; frame-ancestors 'self'";

/// Handles `GET /emulator/frame?client_id=..[&as=..]`: a form that submits itself to the
/// application. With `connector` and `line` instead of `client_id`: to the connector's settings
/// page.
pub(super) fn page(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    get(poem::endpoint::make_sync(move |request: Request| {
        let client_id: String = query(&request, "client_id").unwrap_or_default();
        let user = query(&request, "as").unwrap_or(1);
        let connector: Option<String> = query(&request, "connector");
        let line = query(&request, "line").unwrap_or(0);
        let frame = portal.act(user, |tx| match connector {
            Some(connector) => tx.settings_frame(&connector, line),
            None => tx.frame(&client_id),
        });
        match frame {
            Ok(frame) => form(&frame.address, &frame.fields),
            Err(refusal) => refused(404, &refusal.to_string()),
        }
    }))
}

/// Returns the script of that form.
pub(super) fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

fn form(action: &str, fields: &[(&str, String)]) -> Response {
    let mut page = format!(
        "<!doctype html><form method=\"post\" action=\"{}\">",
        escape(action)
    );
    for (name, value) in fields {
        let _ = write!(
            page,
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escape(value)
        );
    }
    page.push_str("</form><script src=\"/emulator/frame.js\"></script>");
    Response::builder()
        .status(StatusCode::OK)
        .content_type("text/html; charset=utf-8")
        .header(CACHE_CONTROL, "no-store")
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .body(page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}
