//! The page of an application with an interface, which the portal opens at its address.
//!
//! The portal POSTs the tokens of the person who opens it (protocol/auth.md 3). The engine may keep
//! those of an administrator ([`offer_spare`](Engine::offer_spare)); the page is the same for
//! everybody.

use std::sync::Arc;

use bytes::Bytes;
use poem::Response;

use super::install::FRAME_BYTES_MAX;
use super::reply::{escape, html};
use crate::engine::{Engine, OfferedTokens};
use crate::event::{MemberId, Node, Tree};
use crate::store::Tokens;

const PAGE: &str = include_str!("page.html");

/// Returns true if a form is the POST of a frame, which has no event.
pub(super) fn is_opened_by(form: &Bytes) -> bool {
    let Ok(form) = Tree::from_form(form.clone()) else {
        return false;
    };
    let has = |key: &str| form.root().get(key).and_then(Node::filled).is_some();
    !has("event") && (has("AUTH_ID") || has("PLACEMENT"))
}

/// Reads the tokens of the person who opens the application from the frame's POST.
fn tokens(form: &Bytes) -> Option<OfferedTokens> {
    if form.len() > FRAME_BYTES_MAX {
        return None;
    }
    let form = Tree::from_form(form.clone()).ok()?;
    let text = |key: &str| {
        let node = form.root().get(key).and_then(Node::filled);
        node.map(String::from)
    };
    Some(OfferedTokens {
        portal: MemberId::new(text("member_id")?),
        application_token: text("APPLICATION_TOKEN").map(Into::into),
        tokens: Tokens {
            access: text("AUTH_ID")?.into(),
            refresh: text("REFRESH_ID")?.into(),
        },
    })
}

/// Returns the page: the bots of this program. Offers the posted tokens to the engine.
pub(super) fn page(engine: &Arc<Engine>, form: &Bytes) -> Response {
    if let Some(tokens) = tokens(form) {
        engine.offer_spare(tokens);
    }
    html(render(&engine.bot_names()))
}

fn render(bots: &[&str]) -> String {
    let (title, text) = match bots {
        [] => (
            "This application has no bots",
            "It works in the background.",
        ),
        [_] => (
            "The bot of this application",
            "Find it in the messenger by its name:",
        ),
        _ => (
            "The bots of this application",
            "Find them in the messenger by their names:",
        ),
    };
    let bots: String = bots
        .iter()
        .map(|name| format!("<li>{}</li>", escape(name)))
        .collect();
    PAGE.replace("{{title}}", title)
        .replace("{{text}}", text)
        .replace("{{bots}}", &bots)
}

#[cfg(test)]
mod tests {
    use crate::serve::page::*;

    #[test]
    fn only_the_post_of_a_frame_opens_the_page() {
        let is_opened = |form: &'static str| is_opened_by(&Bytes::from_static(form.as_bytes()));
        assert!(is_opened(
            "AUTH_ID=a&REFRESH_ID=b&member_id=c&PLACEMENT=DEFAULT"
        ));
        assert!(is_opened("PLACEMENT=DEFAULT"));
        assert!(!is_opened("event=ONCRMDEALADD&AUTH_ID=a"));
        assert!(!is_opened("member_id=c") && !is_opened(""));
    }

    #[test]
    fn the_page_names_the_bots_and_escapes_their_names() {
        let page = render(&["Echo", "<b>"]);
        assert!(page.contains("<li>Echo</li><li>&lt;b&gt;</li>"), "{page}");
        assert!(!render(&[]).contains("<li>"));
    }
}
