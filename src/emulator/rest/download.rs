//! Serves `/rest/download.json?token=…`: a file, by the link that `File.download` returned.

use poem::Response;
use serde_json::json;
use tokio::time::Instant;

use super::envelope::{self, send};
use super::request::Incoming;
use crate::emulator::portal::Portal;
use crate::emulator::refusal::Refusal;
use crate::emulator::reply::attached;
use crate::emulator::traffic_log::AnsweredCall;

/// Serves the file and invalidates the link. An invalid link is refused like any signed link.
pub(super) fn serve(portal: &Portal, incoming: &Incoming, begun: Instant) -> Response {
    let token = incoming.params.text("TOKEN").unwrap_or_default();
    let secret = token.split_once('|').map_or("", |(_, secret)| secret);
    let found = portal.act(0, |tx| tx.world.files.follow(secret));
    let refusal = Refusal::new("ACCESS_DENIED", "Link check failed").status(403);
    let (status, answer) = match &found {
        Some(file) => (
            200,
            json!({ "file": file.name, "size": file.content.len() }),
        ),
        None => (refusal.http_status(), envelope::failure(&refusal)),
    };
    portal.traffic.call(&AnsweredCall {
        kind: "rest",
        name: &incoming.name,
        app: None,
        request: &incoming.params.to_value(),
        body: &incoming.body,
        status,
        answer: &answer,
        took: begun.elapsed(),
    });
    match found {
        Some(file) => attached(&file),
        None => send(status, &answer),
    }
}
