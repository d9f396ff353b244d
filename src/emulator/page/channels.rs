//! Open channels as the page reads them: lines, connectors, sessions, and the two sides of a conversation.

use poem::Request;
use serde_json::json;

use super::answer::Answer;
use super::query::query;
use crate::emulator::actions::Client;
use crate::emulator::portal::Portal;
use crate::emulator::view::lines::{lines, messages, names, seen_outside};
use crate::emulator::world::line::config::Line;

/// `GET /chat/lines`.
pub(super) fn all(portal: &Portal, _: &Request) -> Answer {
    Ok(portal.see(lines))
}

/// `GET /chat/line/history?chat=..`: all that was said, whoever asks.
pub(super) fn history(portal: &Portal, request: &Request) -> Answer {
    let chat = query(request, "chat").unwrap_or(0);
    Ok(json!({ "messages": portal.see(|world| messages(world, chat)) }))
}

/// `GET /chat/client/history?line=..&client=..`: what a client of the live chat reads.
pub(super) fn client_history(portal: &Portal, request: &Request) -> Answer {
    let client = Client {
        line: query(request, "line").unwrap_or(0),
        id: query(request, "client").unwrap_or_default(),
        name: String::new(),
    };
    let heard = client.heard("");
    let (chat, user) = portal.act(0, |tx| {
        let chat = tx.chat_of_place(&tx.place(&heard));
        (chat, tx.known_guest(&heard.connector, &heard.sender.id))
    });
    Ok(portal.see(|world| {
        let line = world.lines.configs.get(&client.line);
        json!({
            "messages": chat.map_or_else(Vec::new, |chat| seen_outside(world, chat)),
            "people": chat.map(|chat| names(world, chat)),
            "user": user,
            "line": line.map(Line::name),
        })
    }))
}
