//! The world in the page's JSON: the objects that `web/` reads.

pub(crate) mod lines;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::refusal::{Refusal, no_user};
use super::world::message::LIKE;
use crate::emulator::world::World;
use crate::emulator::world::bot::Bot;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::color;
use crate::emulator::world::message::{Message, OutsideState};
use crate::emulator::world::user::User;

/// Maximum number of messages in a part of the history.
pub(crate) const HISTORY_MAX: usize = 50;

/// Returns the portal as one of its people sees it.
pub(crate) fn state(world: &World, me: u64) -> Result<Value, Refusal> {
    if !world.users.contains_key(&me) {
        return Err(no_user(me));
    }
    Ok(json!({
        "portal": { "name": world.name, "domain": world.domain, "member_id": world.member_id },
        "me": me,
        "users": people(world),
        "bots": bots(world, me),
        "dialogs": dialogs(world, me),
        "commands": commands(world),
        "apps": apps(world),
        "webhook": world.webhook_url(),
    }))
}

/// Returns at most [`HISTORY_MAX`] messages older than `before`, oldest first.
pub(crate) fn history(world: &World, me: u64, dialog: &str, before: u64) -> Result<Value, Refusal> {
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
    let messages: Vec<_> = piece.into_iter().map(|one| message(world, one)).collect();
    Ok(json!({ "messages": messages, "more": older.next().is_some() }))
}

/// Returns a message.
pub(crate) fn message(world: &World, message: &Message) -> Value {
    json!({
        "id": message.id,
        "chat_id": message.chat,
        "author": message.author,
        "text": message.text,
        "date": message.date,
        "system": message.system,
        "edited": message.edited,
        "deleted": message.deleted,
        "keyboard": message.rich.keyboard,
        "attach": message.rich.attach,
        "menu": message.rich.menu,
        "likes": message.likes(),
        "reactions": reactions(message),
        "url_preview": message.url_preview,
        "files": files(world, message),
        "reply": message.refs.reply,
        "forwarded": message.refs.forward.as_ref().map(|from| from.id),
        "outside": outside(message),
    })
}

/// Returns the state of a message outside and its ids there; null if it has none.
fn outside(message: &Message) -> Value {
    let outside = &message.refs.outside;
    match outside.state {
        OutsideState::Inside | OutsideState::Important => Value::Null,
        state => json!({ "state": state.word(), "ids": outside.ids }),
    }
}

fn files(world: &World, message: &Message) -> Vec<Value> {
    let found = message
        .refs
        .files
        .iter()
        .filter_map(|id| world.files.get(*id));
    found
        .map(|file| json!({ "id": file.id, "name": file.name, "size": file.content.len() }))
        .collect()
}

/// Returns the reactions other than likes: a map of codes to users.
fn reactions(message: &Message) -> Value {
    let mut set: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for reaction in message.reactions.iter().filter(|set| set.code != LIKE) {
        set.entry(&reaction.code).or_default().push(reaction.user);
    }
    json!(set)
}

/// Returns a dialog as one of its members sees it.
pub(crate) fn dialog(world: &World, viewer: u64, chat: &Chat) -> Value {
    let last = chat.messages.back().and_then(|id| world.messages.get(id));
    let partner = chat
        .is_private()
        .then(|| world.users.get(&chat.partner(viewer)))
        .flatten();
    json!({
        "dialog_id": world.dialog_id(viewer, chat),
        "chat_id": chat.id,
        "type": chat.kind.letter(),
        "title": world.title(viewer, chat),
        "members": chat.members,
        "owner": chat.owner,
        "color": color::hex(partner.map_or(&chat.color, |user| &user.color)),
        "last": last.map(|last| message(world, last)),
        "unread": world.unread(viewer, chat),
        "text_field": chat.text_field,
    })
}

/// Returns the dialogs of a user, newest first.
pub(crate) fn dialogs(world: &World, viewer: u64) -> Vec<Value> {
    let mut mine: Vec<&Chat> = world
        .chats
        .values()
        .filter(|chat| chat.has(viewer))
        .collect();
    mine.sort_by_key(|chat| {
        std::cmp::Reverse((chat.messages.back().copied().unwrap_or(0), chat.id))
    });
    mine.into_iter()
        .map(|chat| dialog(world, viewer, chat))
        .collect()
}

/// Returns the people of the portal.
pub(crate) fn people(world: &World) -> Vec<Value> {
    let people = world.users.values().filter(|user| user.is_person());
    people
        .map(|user| {
            json!({
                "id": user.id,
                "name": user.name(),
                "first_name": user.first_name,
                "last_name": user.last_name,
                "position": user.position,
                "gender": user.gender,
                "color": color::hex(&user.color),
            })
        })
        .collect()
}

/// Returns the bots; `greeted` are those with whom the viewer has a private dialog.
pub(crate) fn bots(world: &World, viewer: u64) -> Vec<Value> {
    let bots = world
        .users
        .values()
        .filter_map(|user| Some((user, user.bot.as_ref()?)));
    bots.map(|(user, kind)| bot(world, viewer, user, kind))
        .collect()
}

fn bot(world: &World, viewer: u64, user: &User, bot: &Bot) -> Value {
    json!({
        "id": user.id,
        "code": bot.code,
        "name": user.name(),
        "type": bot.kind.letter(),
        "color": color::hex(&user.color),
        "position": user.position,
        "hidden": bot.hidden,
        "openline": bot.openline,
        "greeted": world.chat_at(viewer, &user.id.to_string()).is_some(),
    })
}

/// Returns the commands of all bots.
pub(crate) fn commands(world: &World) -> Vec<Value> {
    let commands = world.commands.values();
    commands
        .map(|command| {
            let title = command.title(&world.language);
            json!({
                "id": command.id,
                "bot_id": command.bot,
                "command": command.name,
                "title": title.title,
                "params": title.params,
                "common": command.common,
                "hidden": command.hidden,
            })
        })
        .collect()
}

/// Returns the applications, without their secrets.
pub(crate) fn apps(world: &World) -> Vec<Value> {
    let apps = world.apps.values();
    apps.map(|app| {
        json!({
            "client_id": app.client_id,
            "title": app.title,
            "handler": app.handler,
            "interface": app.interface,
            "installed": app.installed,
        })
    })
    .collect()
}
