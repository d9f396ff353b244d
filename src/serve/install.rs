//! The installation page of an application with an interface.
//!
//! The portal shows it in a frame and POSTs the tokens of the administrator (protocol/auth.md 3).
//! The portal sends no event before the page calls `BX24.installFinish()`.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::{Body, Response};
use secrecy::SecretString;

use super::reply::{html, read_body, refuse, refuse_error};
use crate::engine::{Engine, InstallClaim};
use crate::event::{MemberId, Node, Tree};

/// Maximum size of the body of a frame's POST, in bytes.
pub(super) const FRAME_BYTES_MAX: usize = 64 * 1024;

const PAGE: &str = include_str!("install.html");

/// Installs the application with the posted tokens, and returns the page that finishes the
/// installation in the browser.
pub(super) async fn page(engine: &Arc<Engine>, body: Body) -> Response {
    let Ok(body) = read_body(body, FRAME_BYTES_MAX).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    let Some(claim) = Tree::from_form(body).ok().and_then(|form| claim(&form)) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "this page is opened by a portal that installs the application",
        );
    };
    match engine.install(claim).await {
        Ok(()) => html(PAGE.replace("{{bx24}}", engine.bx24_url())),
        Err(error) => refuse_error(&error),
    }
}

/// Reads the frame's POST.
fn claim(form: &Tree) -> Option<InstallClaim> {
    let text = |key: &str| {
        form.root()
            .get(key)
            .and_then(Node::filled)
            .map(String::from)
    };
    Some(InstallClaim::new(
        MemberId::new(text("member_id")?),
        SecretString::from(text("APPLICATION_TOKEN")?),
        SecretString::from(text("REFRESH_ID")?),
    ))
}
