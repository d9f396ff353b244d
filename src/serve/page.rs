//! The page of an application with an interface, which the portal opens at its address.
//!
//! The portal POSTs the tokens of the person who opens it (protocol/auth.md 3). The engine may keep
//! those of an administrator ([`offer_spare`](Engine::offer_spare)); the page is the same for
//! everybody.

use std::sync::Arc;

use bytes::Bytes;
use poem::Response;

use super::install::FRAME_BYTES_MAX;
use super::reply::{escape, html, language};
use crate::engine::{Engine, OfferedTokens};
use crate::event::{MemberId, Node, Tree};
use crate::handler::{Language, Phrase};
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

/// Returns the page, in the language of the query: the bots of this program. Offers the posted
/// tokens to the engine.
pub(super) fn page(engine: &Arc<Engine>, query: &str, form: &Bytes) -> Response {
    if let Some(tokens) = tokens(form) {
        engine.offer_spare(tokens);
    }
    html(render(&engine.bot_names(), language(query)))
}

fn render(bots: &[&str], language: Language) -> String {
    let (title, text) = if bots.is_empty() {
        (Phrase::NoBots, Phrase::InBackground)
    } else {
        (Phrase::BotsOfApplication, Phrase::FindBots)
    };
    let bots: String = bots
        .iter()
        .map(|name| format!("<li>{}</li>", escape(name)))
        .collect();
    PAGE.replace("{{language}}", language.code())
        .replace("{{title}}", title.text(language))
        .replace("{{text}}", text.text(language))
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
        let page = render(&["Echo", "<b>"], Language::German);
        assert!(page.contains("<li>Echo</li><li>&lt;b&gt;</li>"), "{page}");
        assert!(
            page.contains("<html lang=\"de\">") && page.contains("Bots dieser Anwendung"),
            "{page}"
        );
        assert!(!render(&[], Language::English).contains("<li>"));
    }
}
