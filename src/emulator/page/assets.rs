//! The files of the web chat, embedded. A new file is a new line in the table.

use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use poem::{Request, Response};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Name, content type and content of each file in `src/emulator/web/`.
const ASSETS: &[(&str, &str, &str)] = &[
    ("index.html", HTML, include_str!("../web/index.html")),
    ("style.css", CSS, include_str!("../web/style.css")),
    ("icon.svg", SVG, include_str!("../web/icon.svg")),
    ("app.js", SCRIPT, include_str!("../web/app.js")),
];

/// What the page may load: itself, and pictures that messages show.
const POLICY: &str = "default-src 'self'; img-src 'self' data: https:; style-src 'self' 'unsafe-inline'; \
                      frame-src 'self' http: https:";

/// The page itself.
pub(super) fn index() -> Response {
    named("index.html")
}

/// One of its files, `/web/<name>`.
pub(super) fn asset(request: &Request) -> Response {
    named(request.raw_path_param("name").unwrap_or_default())
}

fn named(name: &str) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, content_type, content)) => file(content_type, content),
        None => Response::builder().status(StatusCode::NOT_FOUND).finish(),
    }
}

/// A file under the page's policy.
pub(super) fn file(content_type: &str, content: &'static str) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CACHE_CONTROL, "no-cache")
        .body(content)
}
