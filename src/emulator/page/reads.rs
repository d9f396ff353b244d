//! What the page reads: the state, the history of a dialog, the wire, and the live stream.

use std::sync::Arc;

use futures_util::stream;
use poem::web::sse::{Event, SSE};
use poem::{Endpoint, IntoResponse, Request, Response, get};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Duration;

use super::{Answer, refused};
use crate::emulator::feed::Feed;
use crate::emulator::portal::Portal;
use crate::emulator::refusal::{Refusal, no_access, no_user};
use crate::emulator::rest::download::attached;
use crate::emulator::view;
use crate::emulator::world::World;

/// Messages in one piece of history.
pub(crate) const HISTORY_MAX: usize = 50;

/// A silent stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Everything the page begins with.
pub(super) fn state_of(portal: &Portal, request: &Request) -> Answer {
    let me = viewer(request)?;
    portal.see(|world| state(world, me))
}

/// The portal as one of its people sees it.
pub(crate) fn state(world: &World, me: u64) -> Answer {
    if !world.users.contains_key(&me) {
        return Err(no_user(me));
    }
    Ok(json!({
        "portal": { "name": world.name, "domain": world.domain, "member_id": world.member_id },
        "me": me,
        "users": view::people(world),
        "bots": view::bots(world, me),
        "dialogs": view::dialogs(world, me),
        "commands": view::commands(world),
        "apps": view::apps(world),
        "webhook": world.webhook_url(),
    }))
}

/// A piece of a dialog's history, before a message or up to now.
pub(super) fn history(portal: &Portal, request: &Request) -> Answer {
    let me = viewer(request)?;
    let dialog: String = query(request, "dialog").ok_or_else(no_access)?;
    let before = query(request, "before").unwrap_or(u64::MAX);
    portal.see(|world| piece_of_history(world, me, &dialog, before))
}

/// At most [`HISTORY_MAX`] messages older than `before`, oldest first.
pub(crate) fn piece_of_history(world: &World, me: u64, dialog: &str, before: u64) -> Answer {
    let Some(chat) = world.chat_at(me, dialog) else {
        return Ok(json!({ "messages": [], "more": false }));
    };
    let mut older = chat.messages.iter().rev().filter(|id| **id < before);
    let mut piece: Vec<_> = older
        .by_ref()
        .take(HISTORY_MAX)
        .filter_map(|id| world.messages.get(id))
        .collect();
    piece.reverse();
    let messages: Vec<_> = piece
        .into_iter()
        .map(|message| view::message(world, message))
        .collect();
    Ok(json!({ "messages": messages, "more": older.next().is_some() }))
}

/// A file from a chat, by its id.
pub(super) fn file(portal: &Portal, request: &Request) -> Response {
    let id = query(request, "id").unwrap_or(0);
    match portal.see(|world| world.files.get(id).cloned()) {
        Some(file) => attached(&file),
        None => refused(404, "There is no such file"),
    }
}

/// The wire log.
pub(super) fn traffic(portal: &Portal, _: &Request) -> Answer {
    let entries: Vec<_> = portal
        .traffic
        .entries()
        .iter()
        .map(|entry| (**entry).clone())
        .collect();
    Ok(json!({ "entries": entries }))
}

/// The stream of what happens, as Server-Sent Events.
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

/// One field of the query.
pub(super) fn query<T: DeserializeOwned>(request: &Request, name: &str) -> Option<T> {
    let text = crate::event::form::decode(request.uri().query()?.as_bytes())
        .ok()?
        .get(name)?
        .as_str()?
        .to_owned();
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_value(text.into()))
        .ok()
}
