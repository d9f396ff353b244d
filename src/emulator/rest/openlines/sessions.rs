//! `imopenlines.session.*`, `.operator.*` and `.network.*`: sessions started, joined, taken,
//! pinned, rated and ended.

use serde_json::json;

use super::super::call::{Answer, Call, Method, method, yes};
use super::{chat, target};
use crate::emulator::refusal::Refusal;
use crate::emulator::world::line::connector::UserCode;

pub(super) const METHODS: &[Method] = &[
    method("imopenlines.session.open", "imopenlines", open),
    method("imopenlines.session.start", "imopenlines", start),
    method("imopenlines.message.session.start", "imopenlines", start_by),
    method("imopenlines.session.join", "imopenlines", join),
    method("imopenlines.session.intercept", "imopenlines", intercept),
    method("imopenlines.session.mode.pin", "imopenlines", pin),
    method("imopenlines.session.mode.pinall", "imopenlines", pin_all),
    method(
        "imopenlines.session.mode.unpinall",
        "imopenlines",
        unpin_all,
    ),
    method("imopenlines.session.mode.silent", "imopenlines", silent),
    method("imopenlines.session.head.vote", "imopenlines", vote),
    method("imopenlines.network.join", "imopenlines", network_join),
    method(
        "imopenlines.network.message.add",
        "imopenlines",
        network_send,
    ),
    method("imopenlines.operator.answer", "imopenlines", answer),
    method("imopenlines.operator.finish", "imopenlines", finish),
    method("imopenlines.operator.another.finish", "imopenlines", finish),
    method("imopenlines.operator.spam", "imopenlines", finish),
    method("imopenlines.operator.skip", "imopenlines", skip),
    method("imopenlines.operator.transfer", "imopenlines", transfer),
];

/// The highest rating.
const MARK_MAX: u64 = 5;

/// Returns the chat of a client; only here its id is a text.
fn open(call: &mut Call<'_, '_>) -> Answer {
    let code = call.params.text("USER_CODE").unwrap_or_default();
    let chat = UserCode::read(&code).and_then(|place| call.tx.chat_with_code(&place));
    let chat = chat.ok_or_else(|| Refusal::new("ACCESS_DENIED", "You do not have access"))?;
    let line = call.tx.world.lines.last_session(chat).map(|one| one.line);
    call.tx.check_operator(line.unwrap_or(0), chat)?;
    Ok(json!({ "chatId": chat.to_string() }).into())
}

fn start(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.tx.restart_session(chat)?;
    yes()
}

/// Starts a session with a message of an older one.
fn start_by(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    let message = call.params.id("MESSAGE_ID").unwrap_or(0);
    let known = call.tx.world.messages.get(&message);
    if known.is_none_or(|message| message.chat != chat) {
        return Err(Refusal::new("ACCESS_DENIED", "You do not have access"));
    }
    call.tx.restart_session(chat)?;
    yes()
}

fn join(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.tx.join_session(chat)?;
    yes()
}

fn intercept(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.chat_id()?;
    call.tx.intercept(chat)?;
    yes()
}

fn pin(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    let session = call.tx.my_session(chat)?.id;
    let is_pinned = call.params.unless_no("ACTIVATE");
    call.tx.pin(session, is_pinned);
    yes()
}

fn pin_all(call: &mut Call<'_, '_>) -> Answer {
    change_pins(call, true)
}

fn unpin_all(call: &mut Call<'_, '_>) -> Answer {
    change_pins(call, false)
}

/// Pins or unpins all open sessions of the caller; returns those that have changed.
fn change_pins(call: &mut Call<'_, '_>, is_pinned: bool) -> Answer {
    let me = call.caller.user;
    let sessions = call.tx.world.lines.sessions.values();
    let mine = sessions.filter(|session| session.closed.is_none() && session.operator == me);
    let changed: Vec<u64> = mine
        .filter(|session| session.pinned.contains(&me) != is_pinned)
        .map(|session| session.id)
        .collect();
    for session in &changed {
        call.tx.pin(*session, is_pinned);
    }
    Ok(json!(changed).into())
}

fn silent(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    let is_silent = call.params.unless_no("ACTIVATE");
    call.tx.silence(chat, is_silent)?;
    yes()
}

/// Rates a session, as the operators' supervisor does.
fn vote(call: &mut Call<'_, '_>) -> Answer {
    let id = call.params.id("SESSION_ID");
    let id = id.ok_or_else(|| Refusal::new("EMPTY_SESSION_ID", "Session ID can't be empty"))?;
    let mark = call.params.id("RATING").filter(|mark| *mark <= MARK_MAX);
    let comment = call.params.text("COMMENT");
    if mark.is_none() && comment.is_none() {
        return Err(Refusal::new(
            "EMPTY_VOTE_PARAMS",
            "There is nothing to keep",
        ));
    }
    let is_admin = call.is_admin();
    let session = call.tx.world.lines.sessions.get_mut(&id);
    let session = session
        .filter(|_| is_admin)
        .ok_or_else(|| Refusal::new("ACCESS_DENIED", "You do not have access"))?;
    session.vote = mark.unwrap_or(session.vote);
    session.comment = comment.unwrap_or_else(|| session.comment.clone());
    yes()
}

/// Length of a line's code, in characters.
const CODE_CHARS: usize = 32;

fn network_join(call: &mut Call<'_, '_>) -> Answer {
    Err(line_not_found(call))
}

fn network_send(call: &mut Call<'_, '_>) -> Answer {
    call.user_id()?;
    let text = call.params.text("MESSAGE").unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refusal::new("MESSAGE_EMPTY", "Message can't be empty"));
    }
    Err(line_not_found(call))
}

/// No code is a line's here; a code of another length is invalid on every portal.
fn line_not_found(call: &Call<'_, '_>) -> Refusal {
    let code = call.params.text("CODE").unwrap_or_default();
    if code.chars().count() == CODE_CHARS {
        Refusal::new("NOT_FOUND", "Open line not found")
    } else {
        Refusal::new("CODE", "Code is not correct")
    }
}

fn answer(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.tx.answer_session(chat)?;
    yes()
}

/// Ends a session, whoever has it. Marking it as spam ends it as well; further effects are not
/// documented.
fn finish(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.tx.finish_session(chat)?;
    yes()
}

fn skip(call: &mut Call<'_, '_>) -> Answer {
    let chat = chat(call)?;
    call.tx.skip(chat)?;
    yes()
}

fn transfer(call: &mut Call<'_, '_>) -> Answer {
    let chat = call.chat_id()?;
    let target = target(|name| call.params.text(name))?;
    call.tx.transfer(chat, target)?;
    yes()
}
