//! Open channels in the page's JSON: lines, connectors, sessions, and both sides of a conversation.

use serde_json::{Map, Value, json};

use crate::emulator::view;
use crate::emulator::world::World;
use crate::emulator::world::color;
use crate::emulator::world::line::config::Line;
use crate::emulator::world::line::connector::{Connector, UserCode};
use crate::emulator::world::line::session::Session;
use crate::emulator::world::message::{Message, OutsideState};

/// Returns the names of all authors in a chat.
pub(crate) fn names(world: &World, chat: u64) -> Value {
    let people = messages_of(world, chat).filter_map(|message| world.users.get(&message.author));
    people
        .map(|user| (user.id.to_string(), user.name().into()))
        .collect::<Map<_, _>>()
        .into()
}

/// Returns lines, sessions (newest first), and clients.
pub(crate) fn lines(world: &World) -> Value {
    let configs = world.lines.configs.values();
    let sessions = world.lines.sessions.values().rev();
    json!({
        "lines": configs.map(|one| line(world, one)).collect::<Vec<_>>(),
        "sessions": sessions.map(|one| session(world, one)).collect::<Vec<_>>(),
        "guests": guests(world),
    })
}

fn guests(world: &World) -> Vec<Value> {
    let guests = world.users.values().filter(|user| user.guest.is_some());
    guests
        .map(|user| json!({ "id": user.id, "name": user.name(), "color": color::hex(&user.color) }))
        .collect()
}

fn line(world: &World, line: &Line) -> Value {
    let connectors = world.lines.connectors.values();
    json!({
        "id": line.id,
        "name": line.name(),
        "active": line.is_active(),
        "queue": line.queue,
        "bot": line.welcome_bot(true),
        "settings": line.settings(),
        "connectors": connectors.map(|one| connector(world, line.id, one)).collect::<Vec<_>>(),
    })
}

fn connector(world: &World, line: u64, connector: &Connector) -> Value {
    let link = world.lines.link(&connector.id, line);
    json!({
        "id": connector.id,
        "title": connector.title,
        "own": connector.app.is_none(),
        "active": link.active,
        "connection": link.connection,
        "register": link.register,
        "error": link.error,
        "works": link.works(),
        "data": link.data,
    })
}

/// Returns a session with its client's chat outside.
pub(crate) fn session(world: &World, session: &Session) -> Value {
    let chat = world.chats.get(&session.chat);
    let user_code = chat.and_then(|chat| UserCode::read(&chat.entity_id));
    let client = world.users.get(&session.client);
    json!({
        "id": session.id,
        "line": session.line,
        "chat": session.chat,
        "dialog_id": format!("chat{}", session.chat),
        "title": chat.map(|chat| &chat.title),
        "members": chat.map(|chat| &chat.members),
        "client": { "id": session.client, "name": client.map(|user| user.name()) },
        "connector": user_code.as_ref().map(|user_code| &user_code.connector),
        "outside": user_code.as_ref().map(|user_code| json!({ "chat": user_code.chat, "user": user_code.user })),
        "operator": session.operator,
        "operator_is_bot": world.is_bot(session.operator),
        "answered": session.is_answered,
        "silent": session.is_silent,
        "closed": session.closed.is_some(),
        "started": session.started,
        "bot_until": session.bot_until,
        "parent": session.parent,
        "lead": session.lead,
    })
}

/// Returns all messages of a chat, oldest first.
pub(crate) fn messages(world: &World, chat: u64) -> Vec<Value> {
    messages_of(world, chat)
        .map(|one| view::message(world, one))
        .collect()
}

/// Returns the messages a client sees: its own and those delivered to it.
pub(crate) fn seen_outside(world: &World, chat: u64) -> Vec<Value> {
    let is_outside = |message: &&Message| {
        matches!(
            message.refs.outside.state,
            OutsideState::Received | OutsideState::Delivered
        )
    };
    messages_of(world, chat)
        .filter(is_outside)
        .map(|one| view::message(world, one))
        .collect()
}

fn messages_of(world: &World, chat: u64) -> impl Iterator<Item = &Message> {
    let chat = world.chats.get(&chat).filter(|chat| chat.is_line());
    let ids = chat.into_iter().flat_map(|chat| &chat.messages);
    ids.filter_map(|id| world.messages.get(id))
}
