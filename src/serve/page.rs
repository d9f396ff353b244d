//! The page of an application with an interface, which the portal opens at its address.
//!
//! The portal POSTs the tokens of the person who opens it (protocol/auth.md 3). They are neither
//! used nor stored: the page is the same for everybody.

use bytes::Bytes;
use poem::Response;

use super::reply::{escape, html};
use crate::engine::Engine;
use crate::event::{Node, Tree};

const PAGE: &str = include_str!("page.html");

/// Returns true if a form is the POST of a frame, which has no event.
pub(super) fn is_opened_by(form: &Bytes) -> bool {
    let Ok(form) = Tree::from_form(form.clone()) else {
        return false;
    };
    let has = |key: &str| form.root().get(key).and_then(Node::filled).is_some();
    !has("event") && (has("AUTH_ID") || has("PLACEMENT"))
}

/// Returns the page: the bots of this program.
pub(super) fn page(engine: &Engine) -> Response {
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
