//! The embedded files of the web chat. A new file is a new name in the list.

use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use poem::{Request, Response};

/// Returns name and content of files in `src/emulator/web/`.
macro_rules! embed {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../web/", $name)))),*] };
}

/// The files of the page.
const ASSETS: &[(&str, &str)] = embed![
    "index.html" "client.html" "chat.css" "desk.css" "list.css" "rich.css" "style.css" "traffic.css" "icon.svg" "app.js"
    "act.js" "api.js" "apps.js" "attach.js" "avatar.js" "bbcode.js" "bbview.js" "bx24.js"
    "chat.js" "client.js" "colour.js" "composer.js" "desk.js" "dom.js" "faults.js" "fire.js" "grid.js" "group.js" "header.js" "help.js" "keyboard.js"
    "line.js" "lines.js" "link.js" "list.js" "members.js" "mentions.js" "menu.js" "message.js" "reaction.js" "session.js" "store.js"
    "suggest.js" "target.js" "time.js" "toast.js" "traffic.js" "tree.js" "welcome.js"
];

/// What the page may load: its own files, pictures in messages, and the pages of applications.
///
/// A program under development serves its pictures from this machine as well.
const POLICY: &str = "default-src 'self'; img-src 'self' data: https: http://127.0.0.1:* http://localhost:*; \
                      style-src 'self' 'unsafe-inline'; frame-src 'self' http: https:";

/// Returns the page itself.
pub(super) fn index() -> Response {
    named("index.html")
}

/// Returns the page of a client outside.
pub(super) fn client() -> Response {
    named("client.html")
}

/// Returns the portal's script for the pages of applications.
pub(super) fn bx24() -> Response {
    named("bx24.js")
}

/// Returns one of the files, `/web/<name>`.
pub(super) fn asset(request: &Request) -> Response {
    named(request.raw_path_param("name").unwrap_or_default())
}

fn named(name: &str) -> Response {
    match ASSETS.iter().find(|(known, _)| *known == name) {
        Some((_, content)) => file(content_type(name), content),
        None => Response::builder().status(StatusCode::NOT_FOUND).finish(),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}

/// Returns a file with the page's policy.
pub(super) fn file(content_type: &str, content: &'static str) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CACHE_CONTROL, "no-cache")
        .body(content)
}

#[cfg(test)]
mod tests {
    use crate::emulator::page::assets::*;

    #[test]
    fn every_file_of_the_page_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/emulator/web");
        let files = std::fs::read_dir(folder).expect("the folder of the page");
        let mut there: Vec<String> = files
            .map(|file| {
                file.expect("a file")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        let mut embedded: Vec<&str> = ASSETS.iter().map(|(name, _)| *name).collect();
        there.sort();
        embedded.sort_unstable();
        assert_eq!(embedded, there);
    }
}
