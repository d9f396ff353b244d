//! The installation page of an application with an interface.
//!
//! The portal shows it in a frame and POSTs the tokens of the administrator (protocol/auth.md 3). No event is sent before
//! the page calls `BX24.installFinish()`, which every example forgets once.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::{Body, Response};
use secrecy::SecretString;

use super::endpoint::{refuse, status, whole};
use crate::engine::{Engine, InstallClaim};
use crate::event::{MemberId, Node, Tree};

/// The longest body of a frame's POST, in bytes.
pub(super) const FRAME_BYTES_MAX: usize = 64 * 1024;

const PAGE: &str = include_str!("install.html");

/// Takes the tokens in, and finishes the installation in the browser.
pub(super) async fn page(engine: &Arc<Engine>, body: Body) -> Response {
    let Ok(body) = whole(body, FRAME_BYTES_MAX).await else {
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
        Err(refused) => refuse(status(&refused), &refused.to_string()),
    }
}

fn html(page: String) -> Response {
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .body(page)
}

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
