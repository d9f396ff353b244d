//! The installation page of an application with an interface.
//!
//! The portal shows it in a frame and POSTs the tokens of the person who opens it (protocol/auth.md
//! 3). The engine accepts those of an administrator only.
//! The portal sends no event before the page calls `BX24.installFinish()`.

use std::sync::Arc;

use poem::Response;
use poem::http::StatusCode;
use secrecy::SecretString;

use super::body::Arriving;
use super::reply::{escape, html, language, refuse, refuse_body, refuse_error};
use super::source::Source;
use crate::engine::{Engine, InstallClaim};
use crate::event::{MemberId, Node, Tree};
use crate::handler::{Language, Phrase};

/// Maximum size of the body of a frame's POST, in bytes.
pub(super) const FRAME_BYTES_MAX: usize = 64 * 1024;

const PAGE: &str = include_str!("install.html");

/// Installs the application with the posted tokens, and returns the page that finishes the
/// installation in the browser, in the language of the query.
pub(super) async fn page(
    engine: &Arc<Engine>,
    query: &str,
    source: Source,
    body: Arriving<'_>,
) -> Response {
    let body = match body.read(FRAME_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => return refuse_body(error, FRAME_BYTES_MAX),
    };
    let Some(claim) = Tree::from_form(body.bytes.clone())
        .ok()
        .and_then(|form| claim(&form))
    else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "this page is opened by a portal that installs the application",
        );
    };
    match engine.install_from(claim, Some(source.bucket())).await {
        Ok(()) => html(render(engine.bx24_url(), language(query))),
        Err(error) => refuse_error(&error),
    }
}

fn render(bx24_url: &str, language: Language) -> String {
    let texts = [
        ("{{title}}", Phrase::Installation),
        ("{{heading}}", Phrase::Installing),
        ("{{moment}}", Phrase::OneMoment),
        ("{{done}}", Phrase::Installed),
        ("{{missing}}", Phrase::ScriptMissing),
        ("{{noscript}}", Phrase::NeedsJavaScript),
    ];
    let page = PAGE
        .replace("{{language}}", language.code())
        .replace("{{bx24}}", bx24_url);
    texts.into_iter().fold(page, |page, (place, phrase)| {
        page.replace(place, &escape(phrase.text(language)))
    })
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

#[cfg(test)]
mod tests {
    use crate::serve::install::*;

    #[test]
    fn the_page_is_in_the_language_of_the_query() {
        let page = |query: &str| render("https://api.example.com/", language(query));
        for (query, code, heading) in [
            (
                "DOMAIN=a&LANG=de&APP_SID=1",
                "de",
                "Die Anwendung wird installiert",
            ),
            ("LANG=ru", "ru", "Приложение устанавливается"),
            ("LANG=%3Cb%3E", "en", "The application is being installed"),
            ("", "en", "The application is being installed"),
        ] {
            let page = page(query);
            assert!(page.contains(&format!("<html lang=\"{code}\">")), "{page}");
            assert!(page.contains(&format!("<h1>{heading}</h1>")), "{page}");
            assert!(!page.contains("{{"), "{page}");
        }
    }
}
