//! Chats of lines and their messages: `imopenlines.dialog.get`, `imopenlines.session.history.get`.

use serde_json::{Map, Value, json};

use super::super::call::{Answer, Call, Method, method};
use super::super::dialogs::{author, described};
use super::super::params::php_array;
use crate::emulator::clock::{iso, timestamp};
use crate::emulator::objects;
use crate::emulator::refusal::Refusal;
use crate::emulator::world::World;
use crate::emulator::world::chat::Chat;
use crate::emulator::world::dialog::{Address, parse};
use crate::emulator::world::line::connector::UserCode;
use crate::emulator::world::line::session::Session;
use crate::emulator::world::message::Message;

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.dialog.get", "imopenlines", dialog),
    method("imopenlines.session.history.get", "imopenlines", history),
];

/// Returns a chat, by any of its four names.
fn dialog(call: &mut Call<'_, '_>) -> Answer {
    let refusal = || Refusal::new("ACCESS_ERROR", "You do not have access to this dialog");
    let id = named(call).ok_or_else(refusal)?;
    let chat = call.tx.line_chat(id).map_err(|_| refusal())?;
    let mut shown = described(call.tx.world, call.tx.user, &chat);
    let last = chat.messages.back();
    shown["restrictions"] = restrictions();
    shown["permissions"] = json!({
        "manage_users_add": "member",
        "manage_users_delete": "manager",
        "manage_ui": "member",
        "manage_settings": "owner",
        "manage_messages": "member",
        "can_post": "member",
    });
    shown["last_message_views"] =
        json!({ "message_id": last, "first_viewers": [], "count_of_viewers": 0 });
    Ok(shown.into())
}

/// Returns the actions the messenger offers in a line's chat: all but a new picture and a call.
fn restrictions() -> Value {
    let of = |name: &str| {
        (
            name.to_owned(),
            Value::from(!["avatar", "call"].contains(&name)),
        )
    };
    [
        "avatar",
        "rename",
        "extend",
        "call",
        "mute",
        "leave",
        "leave_owner",
        "send",
        "user_list",
    ]
    .map(of)
    .into_iter()
    .collect::<Map<_, _>>()
    .into()
}

fn named(call: &Call<'_, '_>) -> Option<u64> {
    let params = &call.params;
    if let Some(chat) = params.id("CHAT_ID") {
        return Some(chat);
    }
    if let Some(dialog) = params.text("DIALOG_ID") {
        return match parse(&dialog)? {
            Address::Chat(chat) => Some(chat),
            Address::User(_) => None,
        };
    }
    if let Some(session) = params.id("SESSION_ID") {
        return Some(call.tx.world.lines.sessions.get(&session)?.chat);
    }
    call.tx
        .chat_with_code(&UserCode::read(&params.text("USER_CODE")?)?)
}

/// Returns a session with its messages: the one of `SESSION_ID`, or the last of a chat.
fn history(call: &mut Call<'_, '_>) -> Answer {
    let lines = &call.tx.world.lines;
    let session = match (call.params.id("SESSION_ID"), call.params.id("CHAT_ID")) {
        (Some(session), _) => lines.sessions.get(&session),
        (None, Some(chat)) => lines.last_session(chat),
        (None, None) => {
            let text = "SESSION_ID or CHAT_ID is required";
            return Err(Refusal::new("MISSING_REQUIRED_PARAM", text));
        }
    };
    let refusal = || Refusal::new("INVALID_SESSION_ID", "There is no such session");
    let session = session.cloned().ok_or_else(refusal)?;
    call.tx
        .check_operator(session.line, session.chat)
        .map_err(|_| Refusal::new("ACCESS_DENIED", "You do not have access"))?;
    let chat = call.tx.line_chat(session.chat).map_err(|_| refusal())?;
    Ok(printed(call.tx.world, call.tx.user, &session, &chat).into())
}

fn printed(world: &World, viewer: u64, session: &Session, chat: &Chat) -> Value {
    let until = session.closed.unwrap_or(i64::MAX);
    let ids = chat.messages.iter();
    let said: Vec<&Message> = ids
        .filter_map(|id| world.messages.get(id))
        .filter(|message| (session.started..=until).contains(&message.date))
        .collect();
    let by_id = |value: &dyn Fn(&Message) -> Value| -> Map<String, Value> {
        let entries = said.iter();
        entries
            .map(|message| (message.id.to_string(), value(message)))
            .collect()
    };
    let members = chat.members.iter();
    let users: Map<_, _> = members
        .filter_map(|id| Some((id.to_string(), author(world, *id)?)))
        .collect();
    let files = said.iter().flat_map(|message| &message.refs.files);
    let files: Map<_, _> = files
        .filter_map(|id| Some((id.to_string(), objects::file(world, world.files.get(*id)?))))
        .collect();
    let numbers: Vec<u64> = said.iter().map(|message| message.id).collect();
    let (dialog, is_there) = (chat.id.to_string(), chat.has(viewer));
    json!({
        "chatId": chat.id,
        "canJoin": if is_there { "N" } else { "Y" },
        "canVoteHead": "Y",
        "sessionId": session.id,
        "sessionVoteHead": session.vote,
        "sessionCommentHead": session.comment,
        "userId": dialog,
        "message": php_array(by_id(&brief)),
        "usersMessage": { dialog.clone(): numbers },
        "users": users,
        "openlines": { "canVoteAsHead": { session.line.to_string(): true } },
        "userInGroup": [],
        "chat": { dialog.clone(): described(world, viewer, chat) },
        "userInChat": { dialog: chat.members },
        "files": php_array(files),
    })
}

/// Returns a message of the history, with keys in lower case.
fn brief(message: &Message) -> Value {
    json!({
        "id": message.id.to_string(),
        "chatid": message.chat.to_string(),
        "senderid": message.author.to_string(),
        "recipientid": format!("chat{}", message.chat),
        "date": iso(timestamp(message.date)),
        "text": message.text,
        "textlegacy": message.text,
        "system": if message.system { "Y" } else { "N" },
        "params": [],
    })
}
