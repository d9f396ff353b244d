//! A portal that was renamed: who calls it by an old name is sent to the new one.
//!
//! The portal answers 302, as item 7 of other-clients.md tells. What the caller makes of it is the caller's affair: some
//! repeat it as GET without the body, some lose the port.

use std::time::Duration;

use poem::http::StatusCode;
use poem::http::header::{HOST, LOCATION};
use poem::{Request, Response};
use serde_json::json;

use crate::emulator::portal::Portal;
use crate::emulator::wire::Received;

/// The redirection, if the request came under a name the portal no longer has.
pub(super) fn check(portal: &Portal, request: &Request) -> Option<Response> {
    let host = request.header(HOST)?;
    let address = portal.see(|world| {
        let is_old = world.former_domains.contains(host);
        is_old.then(|| world.address())
    })?;
    let path = request.uri().path_and_query()?;
    portal.wire.call(&Received {
        kind: "rest",
        name: request.uri().path(),
        app: None,
        request: &json!({ "host": host }),
        body: "",
        status: StatusCode::FOUND.as_u16(),
        answer: &json!({ "moved": address }),
        took: Duration::ZERO,
    });
    let moved = Response::builder()
        .status(StatusCode::FOUND)
        .header(LOCATION, format!("{address}{path}"));
    Some(moved.finish())
}
