//! Read requests of the page: the state, the history of a dialog, the traffic log, and the feed.

use std::sync::Arc;

use futures_util::stream;
use poem::web::sse::{Event, SSE};
use poem::{Endpoint, IntoResponse, Request, Response, get};
use serde_json::json;
use tokio::time::Duration;

use super::answer::{Answer, refused};
use super::query::query;
use crate::emulator::feed::Feed;
use crate::emulator::portal::Portal;
use crate::emulator::refusal::{Refusal, no_access, no_user};
use crate::emulator::reply::attached;
use crate::emulator::view;

/// Interval of keep-alive comments on a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Returns the state with which the page starts.
pub(super) fn state_of(portal: &Portal, request: &Request) -> Answer {
    let me = viewer(request)?;
    portal.read(|world| view::state(world, me))
}

/// Returns a part of a dialog's history, before a message or up to now.
pub(super) fn history(portal: &Portal, request: &Request) -> Answer {
    let me = viewer(request)?;
    let dialog: String = query(request, "dialog").ok_or_else(no_access)?;
    let before = query(request, "before").unwrap_or(u64::MAX);
    portal.read(|world| view::history(world, me, &dialog, before))
}

/// Serves a file of a chat, by its id.
pub(super) fn file(portal: &Portal, request: &Request) -> Response {
    let id = query(request, "id").unwrap_or(0);
    match portal.read(|world| world.files.get(id).cloned()) {
        Some(file) => attached(&file),
        None => refused(404, "There is no such file"),
    }
}

/// Returns the traffic log.
pub(super) fn traffic(portal: &Portal, _: &Request) -> Answer {
    let entries: Vec<_> = portal
        .traffic
        .entries()
        .iter()
        .map(|entry| (**entry).clone())
        .collect();
    Ok(json!({ "entries": entries }))
}

/// Serves the feed, as Server-Sent Events.
pub(super) fn feed(portal: &Arc<Portal>) -> impl Endpoint + use<> {
    let portal = Arc::clone(portal);
    get(poem::endpoint::make_sync(move |request| {
        let feed = Feed::new(Arc::clone(&portal), viewer(&request).unwrap_or(0));
        let events = stream::unfold(feed, |mut feed| async {
            let item = feed.next().await?;
            Some((Event::message(item.to_string()), feed))
        });
        SSE::new(events).keep_alive(KEEP_ALIVE).into_response()
    }))
}

fn viewer(request: &Request) -> Result<u64, Refusal> {
    query(request, "as").ok_or_else(|| no_user(0))
}
